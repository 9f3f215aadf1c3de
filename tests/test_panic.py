"""`pythread_rs.panic`: raising, catching and resuming panics."""

from __future__ import annotations

import asyncio
import copy
import doctest
import gc
import pickle
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from pythread_rs import Builder, Err, Ok, scope
from pythread_rs import panic as package
from pythread_rs.panic import (
    Panic,
    PanicHookInfo,
    catch_unwind,
    panic,
    panic_any,
    resume_unwind,
    set_hook,
    take_hook,
)
from pythread_rs.thread import panicking

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

DEADLINE_SECONDS = 10.0
MODULES = ("_catch", "_default", "_forward", "_hook", "_info", "_location", "_panic")

AnyPanic: Any = panic


@pytest.fixture(autouse=True)
def reports() -> Iterator[list[PanicHookInfo]]:
    """Let the hook collect, in the place of printing."""
    found: list[PanicHookInfo] = []
    set_hook(found.append)
    yield found
    found.clear()
    take_hook()


class Boom(Panic):
    """A user's own kind of panic."""


class Cancelled(BaseException):
    """What greenlet, trio and pytest raise is no Exception either."""


def throw(error: BaseException) -> None:
    raise error


# ---- Panic, panic, panic_any ---------------------------------------------------------------------


def test_a_panic_is_its_payload_with_an_exception_around() -> None:
    assert str(Panic("boom")) == "boom"
    assert repr(Panic("boom")) == "Panic('boom')"
    assert Panic("boom").payload == "boom"
    assert Panic().payload == "explicit panic"
    assert isinstance(Panic(), Exception)
    payload = object()
    assert Panic(payload).payload is payload
    assert Panic.__module__ == "pythread_rs.panic"


def test_a_panic_is_matched_by_its_payload() -> None:
    match Panic(("code", 5)):
        case Panic(("code", int() as number)):
            assert number == 5
        case _:
            pytest.fail("no match")


@pytest.mark.parametrize("kind", [Panic, Boom])
def test_a_panic_is_copied_and_pickled(kind: type[Panic]) -> None:
    original = kind({"a": [1]})
    original.add_note("a note")
    for other in (
        pickle.loads(pickle.dumps(original)),
        copy.copy(original),
        copy.deepcopy(original),
    ):
        assert type(other) is kind
        assert other.payload == {"a": [1]}
        assert other.__notes__ == ["a note"]


def test_panic_raises_the_text() -> None:
    with pytest.raises(Panic) as raised:
        panic("boom")
    assert raised.value.payload == "boom"
    with pytest.raises(Panic, match="explicit panic"):
        panic()


def test_panic_takes_a_text_only() -> None:
    with pytest.raises(TypeError, match="panic takes a str, not int; panic_any takes any payload"):
        AnyPanic(5)


@pytest.mark.parametrize("payload", [5, None, "text", (1, 2), ValueError])
def test_panic_any_wraps_what_is_no_exception(payload: object) -> None:
    with pytest.raises(Panic) as raised:
        panic_any(payload)
    assert type(raised.value) is Panic
    assert raised.value.payload is payload


@pytest.mark.parametrize("error", [ValueError("x"), Boom(5), Cancelled(), KeyboardInterrupt()])
def test_panic_any_raises_an_exception_as_it_is(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised:
        panic_any(error)
    assert raised.value is error


@pytest.mark.parametrize("act", [panic_any, resume_unwind, catch_unwind, spawn])
def test_no_reference_cycle_is_left(act: Callable[..., Any]) -> None:
    """The exception goes with its last name, without the help of the collector."""
    error = Boom("x")
    gone = weakref.ref(error)
    set_hook(lambda info: None)
    gc.collect()
    gc.disable()
    try:
        if act in (panic_any, resume_unwind):
            try:
                act(error)
            except Boom:
                pass
        else:
            result = act(throw, error)
            assert act is catch_unwind or result.join(DEADLINE_SECONDS).is_err()
            del result
        del error
        assert gone() is None
    finally:
        gc.enable()


# ---- catch_unwind --------------------------------------------------------------------------------


def test_catch_unwind_passes_arguments_and_value() -> None:
    assert catch_unwind(int, "ff", base=16) == Ok(255)
    assert catch_unwind(dict, f=1, args=2) == Ok({"f": 1, "args": 2})


@pytest.mark.parametrize("error", [ValueError("x"), Panic(5), Cancelled(), MemoryError()])
def test_catch_unwind_returns_the_exception_itself(
    error: BaseException, reports: list[PanicHookInfo]
) -> None:
    result = catch_unwind(throw, error)
    assert result.is_err()
    assert result.unwrap_err() is error
    assert [info.payload for info in reports] == [error]


def test_catch_unwind_takes_asyncio_cancellation() -> None:
    assert isinstance(
        catch_unwind(throw, asyncio.CancelledError()).unwrap_err(), asyncio.CancelledError
    )


def test_the_hook_runs_before_catch_unwind_returns_and_sees_a_panicking_thread() -> None:
    seen: list[bool] = []
    set_hook(lambda info: seen.append(panicking()))
    assert catch_unwind(panic).is_err()
    assert seen == [True]
    assert not panicking()


def test_the_package_does_not_show_itself_in_the_traceback() -> None:
    for result in (catch_unwind(throw, OSError()), spawn(throw, OSError()).join(DEADLINE_SECONDS)):
        traceback = result.unwrap_err().__traceback__
        assert traceback is not None
        assert traceback.tb_frame.f_code is throw.__code__
        assert traceback.tb_next is None


def group_with_ctrl_c() -> BaseException:
    return BaseExceptionGroup("g", [ValueError(), BaseExceptionGroup("h", [KeyboardInterrupt()])])


@pytest.mark.parametrize("make", [KeyboardInterrupt, SystemExit, GeneratorExit, group_with_ctrl_c])
def test_what_is_no_panic_goes_on(
    make: Callable[[], BaseException], reports: list[PanicHookInfo]
) -> None:
    error = make()

    def caught_elsewhere() -> BaseException | None:
        try:
            catch_unwind(throw, error)
        except BaseException as passed:
            return passed
        return None

    assert caught_elsewhere() is error
    assert spawn(caught_elsewhere).join(DEADLINE_SECONDS) == Ok(error)
    assert reports == []


def test_a_group_without_such_is_caught() -> None:
    group = BaseExceptionGroup("g", [Cancelled(), ExceptionGroup("h", [ValueError()])])
    assert catch_unwind(throw, group) == Err(group)


def test_ctrl_c_is_not_swallowed() -> None:
    with pytest.raises(KeyboardInterrupt):
        catch_unwind(signal.raise_signal, signal.SIGINT)


def test_ctrl_c_inside_of_the_hook_is_not_swallowed() -> None:
    set_hook(lambda info: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        catch_unwind(panic)
    assert not panicking()


class Interrupting:
    """A Ctrl-C comes while the payload is printed."""

    def __repr__(self) -> str:
        signal.raise_signal(signal.SIGINT)
        return "late"


def test_ctrl_c_inside_of_the_message_is_not_swallowed() -> None:
    take_hook()
    with pytest.raises(KeyboardInterrupt):
        catch_unwind(panic_any, Interrupting())
    assert not panicking()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, Cancelled])
def test_whatever_leaves_a_closure_is_a_panic(
    kind: type[BaseException], reports: list[PanicHookInfo]
) -> None:
    error = kind()
    assert spawn(throw, error).join(DEADLINE_SECONDS) == Err(error)
    assert [info.payload for info in reports] == [error]


def test_catches_nest_and_the_inner_one_reports(reports: list[PanicHookInfo]) -> None:
    inner: list[Any] = []

    def body() -> int:
        inner.append(catch_unwind(panic, "inner"))
        return 1

    assert catch_unwind(body) == Ok(1)
    assert inner[0].is_err()
    assert [info.message for info in reports] == ["inner"]


def test_catch_unwind_works_on_a_thread_of_threading(reports: list[PanicHookInfo]) -> None:
    found: list[Any] = []
    thread = threading.Thread(
        target=lambda: found.append(catch_unwind(panic, "there")), name="theirs"
    )
    thread.start()
    thread.join(DEADLINE_SECONDS)
    assert str(found[0].unwrap_err()) == "there"
    assert reports[0].thread.name == "theirs"


# ---- resume_unwind -------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [ValueError("x"), Panic(5), KeyboardInterrupt()])
def test_resume_unwind_raises_an_exception_as_it_is(
    payload: BaseException, reports: list[PanicHookInfo]
) -> None:
    assert spawn(resume_unwind, payload).join(DEADLINE_SECONDS) == Err(payload)
    assert reports == []


def test_resume_unwind_wraps_another_payload(reports: list[PanicHookInfo]) -> None:
    error = catch_unwind(resume_unwind, 5).unwrap_err()
    assert isinstance(error, Panic)
    assert error.payload == 5
    assert reports == []


def test_a_panic_that_is_raised_anew_is_reported_anew(reports: list[PanicHookInfo]) -> None:
    error = Boom("x")

    def resumed() -> None:
        resume_unwind(error)

    def raised() -> None:
        throw(catch_unwind(resumed).unwrap_err())

    assert spawn(raised).join(DEADLINE_SECONDS) == Err(error)
    assert len(reports) == 1
    assert spawn(throw, spawn(resumed).join(DEADLINE_SECONDS).unwrap_err()).join() == Err(error)
    assert len(reports) == 2


def test_with_kept_locals_a_panic_of_another_thread_is_reported_too(
    reports: list[PanicHookInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frames that tell a resumed panic are not cleared there."""
    monkeypatch.setenv("PYTHREAD_RS_BACKTRACE", "full")
    error = Boom("x")
    assert spawn(resume_unwind, error).join(DEADLINE_SECONDS) == Err(error)
    assert reports == []
    assert spawn(throw, error).join(DEADLINE_SECONDS) == Err(error)
    assert len(reports) == 1


def test_another_exception_after_a_resumed_one_is_reported(reports: list[PanicHookInfo]) -> None:
    def body() -> None:
        try:
            resume_unwind(Boom("first"))
        finally:
            panic("second")

    error = spawn(body).join(DEADLINE_SECONDS).unwrap_err()
    assert isinstance(error.__context__, Boom)
    assert [info.message for info in reports] == ["second"]


def test_a_resumed_panic_that_is_caught_is_not_kept() -> None:
    def caught() -> weakref.ref[Boom]:
        error = Boom("x")
        gone = weakref.ref(error)
        try:
            resume_unwind(error)
        except Boom:
            del error
        return gone

    gc.disable()
    try:
        assert caught()() is None
    finally:
        gc.enable()


def test_a_scope_gives_a_resumed_panic_out(reports: list[PanicHookInfo]) -> None:
    with pytest.raises(ExceptionGroup) as raised, scope() as s:
        s.spawn(resume_unwind, Boom("x"))
    assert [str(error) for error in raised.value.exceptions] == ["x"]
    assert reports == []


# ---- the module ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_run(name: str) -> None:
    take_hook()
    module = import_module(f"pythread_rs.panic.{name}")
    names = {public: getattr(package, public) for public in package.__all__}
    result = doctest.testmod(module, extraglobs=names)
    assert result.attempted > 0
    assert result.failed == 0


def test_every_public_name_has_an_example() -> None:
    for name in set(package.__all__) - {"Hook"}:
        assert ">>>" in getattr(package, name).__doc__, name
    assert sorted(package.__all__) == package.__all__


def test_the_import_does_not_load_what_only_a_panic_needs() -> None:
    import subprocess

    program = (
        "import sys; before = set(sys.modules); import pythread_rs.panic; "
        "print(*{'traceback', 'linecache', 'dataclasses', 'inspect'} & (set(sys.modules) - before))"
    )
    child = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}; {program}"],
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
        check=True,
    )
    assert child.stdout.strip() == ""
