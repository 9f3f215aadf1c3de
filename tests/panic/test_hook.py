"""The panic hook: setting, taking and wrapping it, and what it learns about a panic."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pythread_rs import Builder, Ok, current
from pythread_rs.panic import (
    Hook,
    Location,
    Panic,
    PanicHookInfo,
    catch_unwind,
    forward_to_threading,
    panic,
    panic_any,
    set_hook,
    take_hook,
    update_hook,
)

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

DEADLINE_SECONDS = 10.0
HERE = str(Path(__file__))

AnyHook: Any = set_hook
AnyUpdate: Any = update_hook
AnyInfo: Any = PanicHookInfo
AnyLocation: Any = Location


@pytest.fixture(autouse=True)
def default_again() -> Iterator[None]:
    """Bring the default hook back after each test."""
    yield
    take_hook()


@pytest.fixture
def reports() -> Iterator[list[PanicHookInfo]]:
    found: list[PanicHookInfo] = []
    set_hook(found.append)
    yield found
    found.clear()


def throw(error: BaseException) -> None:
    raise error


def the_panic_of(f: Callable[[], object]) -> PanicHookInfo:
    """Return what the hook gets when `f` panics."""
    found: list[PanicHookInfo] = []
    set_hook(found.append)
    assert catch_unwind(f).is_err()
    take_hook()
    (info,) = found
    return info


# ---- the slot ------------------------------------------------------------------------------------


def test_take_returns_what_was_set_and_then_the_default() -> None:
    default = take_hook()
    set_hook(print)
    assert take_hook() is print
    assert take_hook() is default
    assert take_hook() is default


def test_the_default_hook_can_be_called_from_a_hook(capsys: pytest.CaptureFixture[str]) -> None:
    default = take_hook()
    set_hook(default)
    assert catch_unwind(panic, "boom").is_err()
    assert ":\nboom\n" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [None, 5, "print"])
def test_a_hook_is_callable(wrong: object) -> None:
    kind = type(wrong).__name__
    for change in (AnyHook, AnyUpdate):
        with pytest.raises(TypeError, match=f"a panic hook is a callable, not {kind}"):
            change(wrong)


def test_update_wraps_the_hook_before(reports: list[PanicHookInfo]) -> None:
    order: list[str] = []

    def wrap(name: str) -> Callable[[Hook, PanicHookInfo], object]:
        def hook(previous: Hook, info: PanicHookInfo) -> None:
            order.append(name)
            previous(info)

        return hook

    update_hook(wrap("first"))
    update_hook(wrap("second"))
    assert catch_unwind(panic).is_err()
    assert order == ["second", "first"]
    assert len(reports) == 1


def test_updates_of_many_threads_all_stay(reports: list[PanicHookInfo]) -> None:
    threads, rounds = 5, 10
    start = threading.Barrier(threads)
    calls: list[int] = []

    def count(previous: Hook, info: PanicHookInfo) -> None:
        calls.append(1)
        previous(info)

    def update() -> None:
        start.wait(DEADLINE_SECONDS)
        for _ in range(rounds):
            update_hook(count)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for handle in [spawn(update) for _ in range(threads)]:
            assert handle.join(DEADLINE_SECONDS) == Ok(None)
    finally:
        sys.setswitchinterval(interval)
    assert catch_unwind(panic).is_err()
    assert len(calls) == threads * rounds
    assert len(reports) == 1


CHANGES: tuple[Callable[[], object], ...] = (
    lambda: set_hook(print),
    take_hook,
    lambda: update_hook(lambda previous, info: None),
)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("run", [catch_unwind, lambda f: spawn(f).join(DEADLINE_SECONDS)])
def test_a_panicking_thread_cannot_change_the_hook(
    change: Callable[[], object], run: Callable[[Callable[[], object]], Any]
) -> None:
    refusals: list[str] = []

    def attempt(*_: object) -> None:
        try:
            change()
        except RuntimeError as error:
            refusals.append(str(error))

    class Guard:
        __del__ = attempt

    def body() -> None:
        _guard = Guard()
        panic()

    set_hook(attempt)
    assert run(body).is_err()
    assert refusals == ["cannot modify the panic hook from a panicking thread"] * 2
    change()


def test_another_thread_may_change_the_hook_meanwhile(reports: list[PanicHookInfo]) -> None:
    def hook(info: PanicHookInfo) -> None:
        assert spawn(set_hook, print).join(DEADLINE_SECONDS) == Ok(None)

    set_hook(hook)
    assert catch_unwind(panic).is_err()
    assert take_hook() is print


def test_the_old_hook_dies_outside_of_the_lock() -> None:
    """Its destructor may use the hook, from another thread even."""
    died: list[bool] = []

    class OldHook:
        def __call__(self, info: PanicHookInfo) -> None: ...

        def __del__(self) -> None:
            died.append(spawn(take_hook).join(DEADLINE_SECONDS).is_ok())

    set_hook(OldHook())
    set_hook(print)
    assert died == [True]


# ---- what the hook learns ------------------------------------------------------------------------


def test_the_hook_runs_on_the_panicking_thread() -> None:
    threads: list[Any] = []
    set_hook(lambda info: threads.append((info.thread, current(), threading.get_native_id())))
    handle = Builder(name="worker").spawn(panic)
    assert handle.join(DEADLINE_SECONDS).is_err()
    ((in_info, in_hook, _),) = threads
    assert in_info is in_hook
    assert in_info.id == handle.thread.id
    assert in_info.name == "worker"


def test_the_main_thread_has_its_handle() -> None:
    assert the_panic_of(panic).thread is current()


class Text(str):
    """A str with a will of its own."""

    __slots__ = ()

    def __str__(self) -> str:
        return "no"


class Named(Panic):
    """A user's own kind of panic."""


def with_notes(error: BaseException) -> BaseException:
    error.add_note("first note")
    error.add_note("second\nnote")
    return error


NOTES = "\nfirst note\nsecond\nnote"
MESSAGES = [
    (Panic("boom"), "boom", "boom"),
    (Panic("two\nlines\n"), "two\nlines\n", "two\nlines\n"),
    (Panic(""), "", ""),
    (Panic(Text("yes")), "yes", "yes"),
    (Panic(5), "Panic(5)", None),
    (Panic(["x"]), "Panic(['x'])", None),
    (Named("x"), "tests.Named: x", "x"),
    (ValueError("bad"), "ValueError: bad", None),
    (ValueError(), "ValueError", None),
    (KeyError("k"), "KeyError: 'k'", None),
    (SystemExit(3), "SystemExit: 3", None),
    (ExceptionGroup("g", [OSError()]), "ExceptionGroup: g (1 sub-exception)", None),
    (with_notes(ValueError("bad")), "ValueError: bad" + NOTES, None),
    (with_notes(Panic("boom")), "boom" + NOTES, "boom"),
    (with_notes(Panic(5)), "Panic(5)" + NOTES, None),
    (
        SyntaxError("bad", ("f.py", 1, 3, "a = = 1", 1, 4)),
        '  File "f.py", line 1\n    a = = 1\n      ^\nSyntaxError: bad',
        None,
    ),
]


@pytest.mark.parametrize(("error", "message", "text"), MESSAGES)
def test_the_message_is_rusts_for_a_panic_and_pythons_for_an_exception(
    error: BaseException,
    message: str,
    text: str | None,
    reports: list[PanicHookInfo],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Named, "__module__", "tests")
    assert spawn(throw, error).join(DEADLINE_SECONDS).unwrap_err() is error
    (info,) = reports
    assert info.payload is error
    assert info.message == message
    assert info.payload_as_str() == text
    assert type(info.payload_as_str()) in (str, type(None))
    assert str(info) == f"panicked at {info.location}:\n{message}"


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no str")

    __repr__ = __str__


class Stubborn:
    def __repr__(self) -> str:
        raise ValueError("no repr")


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (Unprintable(), "test_panic_hook.Unprintable: <exception str() failed>"),
        (Stubborn(), "<unprintable Panic object>"),
    ],
)
def test_a_payload_that_cannot_be_printed(
    payload: object, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Unprintable, "__module__", "test_panic_hook")
    assert the_panic_of(lambda: panic_any(payload)).message == message


def test_the_parts_of_a_hook_info() -> None:
    info = the_panic_of(panic)
    assert isinstance(info.payload, Panic)
    assert info.can_unwind is True
    place = repr(info.location)
    assert repr(info) == (
        f"PanicHookInfo {{ payload: Panic {{ .. }}, location: {place}, can_unwind: true }}"
    )
    for name in ("payload", "message", "location", "thread", "can_unwind"):
        with pytest.raises(AttributeError):
            setattr(info, name, None)
    with pytest.raises(TypeError, match="is made for the panic hook"):
        AnyInfo()


# ---- the ready hook ------------------------------------------------------------------------------


def test_forwarding_gives_threading_what_it_expects(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def listener(args: threading.ExceptHookArgs) -> None:
        assert args.thread is threading.current_thread()
        seen.append((type(args), *args[:3], threading.current_thread().name))

    set_hook(forward_to_threading)
    monkeypatch.setattr(threading, "excepthook", listener)
    error = ValueError("x")
    assert (
        Builder(name="worker").spawn_unchecked(throw, error).join(DEADLINE_SECONDS).unwrap_err()
        is error
    )
    ((kind, exc_type, exc_value, exc_traceback, name),) = seen
    assert kind is threading.ExceptHookArgs
    assert (exc_type, exc_value, name) == (ValueError, error, "worker")
    assert exc_traceback.tb_frame.f_code is throw.__code__


def test_forwarding_to_pythons_own_hook_prints_and_ignores_exit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    set_hook(forward_to_threading)
    assert Builder(name="worker").spawn(panic, "boom").join(DEADLINE_SECONDS).is_err()
    assert spawn(sys.exit, 3).join(DEADLINE_SECONDS).is_err()
    errors = capsys.readouterr().err
    assert errors.startswith("Exception in thread worker:\nTraceback (most recent call last):\n")
    assert errors.endswith("pythread_rs.panic.Panic: boom\n")
    assert os.path.basename(__file__) not in errors  # `panic` was the whole closure
    assert re.findall(r"_run\.py|SystemExit", errors) == []
