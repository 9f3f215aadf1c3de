"""What a panic lets go: the locals of its frames, as Rust's unwinding drops them."""

from __future__ import annotations

import asyncio
import gc
import threading
import traceback
import weakref
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from typing import Any

import pytest

from pythread_rs import Builder, Result, assume_send, scope
from pythread_rs.panic import PanicHookInfo, catch_unwind, panic, set_hook, take_hook
from pythread_rs.thread import panicking

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

DEADLINE_SECONDS = 10.0


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    set_hook(lambda info: None)
    yield
    take_hook()


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """What goes has to go by itself."""
    gc.disable()
    yield
    gc.enable()


class Guard:
    """Something that a frame holds: it notes when, where and how it goes."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name = name
        self.log = log

    def __del__(self) -> None:
        thread = threading.current_thread().name.partition("-")[0]
        self.log.append(f"{self.name} on {thread}, panicking {panicking()}")


def by_join(f: Callable[..., Any], *args: Any) -> Result[Any, BaseException]:
    return spawn(f, *args).join(DEADLINE_SECONDS)


WAYS = pytest.mark.parametrize("run", [by_join, catch_unwind])
Run = Callable[..., Result[Any, BaseException]]


def gone(run: Run) -> str:
    """Say how a guard goes whose thread unwinds."""
    return "on pythread_rs, panicking True" if run is by_join else "on MainThread, panicking True"


def lines(error: BaseException) -> list[int]:
    return [entry.lineno or 0 for entry in traceback.extract_tb(error.__traceback__)]


@WAYS
def test_locals_are_gone_and_line_numbers_stay(run: Run) -> None:
    log: list[str] = []

    def inner() -> None:
        _guard = Guard("inner", log)
        panic("boom")

    def outer() -> None:
        _guard = Guard("outer", log)
        inner()

    error = run(outer).unwrap_err()
    assert log == [f"inner {gone(run)}", f"outer {gone(run)}"]
    first = outer.__code__.co_firstlineno
    assert lines(error)[:2] == [first + 2, inner.__code__.co_firstlineno + 2]
    entry = error.__traceback__
    while entry is not None:
        assert entry.tb_frame.f_locals == {}
        entry = entry.tb_next


@WAYS
def test_the_hook_still_sees_them(run: Run) -> None:
    log: list[str] = []
    seen: list[object] = []

    def body() -> None:
        _guard = Guard("local", log)
        panic("boom")

    def hook(info: PanicHookInfo) -> None:
        entry = info.payload.__traceback__
        assert entry is not None
        seen.append(sorted(entry.tb_frame.f_locals))
        seen.append(list(log))

    set_hook(hook)
    error = run(body).unwrap_err()
    assert seen == [["_guard", "log"], []]
    # Up to 3.12 a look at f_locals leaves a copy in the frame.
    assert log == [f"local {gone(run)}"]
    del error


@WAYS
def test_closure_and_arguments_are_gone_after_the_hook(run: Run) -> None:
    log: list[str] = []
    set_hook(lambda info: log.append("hook"))

    class Body(Guard):
        def __call__(self, *args: object, **kwargs: object) -> None:
            panic("boom")

    if run is by_join:  # which holds them itself
        error = spawn(Body("closure", log), Guard("argument", log)).join(DEADLINE_SECONDS)
    else:
        error = catch_unwind(Body("closure", log), Guard("argument", log))
    assert error.is_err()
    assert log[0] == "hook"
    assert sorted(log[1:]) == [f"argument {gone(run)}", f"closure {gone(run)}"]
    del error


@WAYS
def test_causes_contexts_and_groups_are_cleared_too(run: Run) -> None:
    log: list[str] = []

    def failing(name: str) -> None:
        _guard = Guard(name, log)
        raise OSError(name)

    def caught(name: str) -> OSError:
        try:
            failing(name)
        except OSError as error:
            return error
        raise AssertionError

    def body() -> None:
        cause, member = caught("cause"), caught("member")
        try:
            failing("context")
        except OSError:
            raise ExceptionGroup("group", [ValueError(), member]) from cause

    error = run(body).unwrap_err()
    assert sorted(log) == [f"{name} {gone(run)}" for name in ("cause", "context", "member")]
    del error


@WAYS
def test_full_keeps_the_locals(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHREAD_RS_BACKTRACE", "full")
    log: list[str] = []

    def body() -> None:
        _guard = Guard("local", log)
        panic("boom")

    error = run(body).unwrap_err()
    assert log == []
    entry = error.__traceback__
    assert entry is not None
    assert entry.tb_frame.f_locals["_guard"].name == "local"
    del entry, error
    gc.collect()
    assert log == ["local on MainThread, panicking False"]


@WAYS
def test_a_finished_generator_is_cleared(run: Run) -> None:
    log: list[str] = []

    def numbers() -> Generator[int, None, None]:
        _guard = Guard("generator", log)
        yield 1
        panic("boom")

    def body() -> None:
        list(numbers())

    error = run(body).unwrap_err()
    assert log == [f"generator {gone(run)}"]
    del error


@WAYS
def test_a_suspended_generator_goes_on(run: Run) -> None:
    """It has caught the exception that is thrown on: its frame is in the traceback, and lives."""
    log: list[str] = []
    kept: list[Any] = []

    def keeper() -> Generator[Any, None, None]:
        try:
            panic("boom")
        except Exception as error:
            yield error
        try:
            yield "still here"
        finally:
            log.append("closed")

    def body() -> None:
        generator = keeper()
        kept.append(generator)
        raise next(generator)

    error = run(body).unwrap_err()
    frames = [entry.tb_frame for entry in walk(error)]
    assert kept[0].gi_frame in frames
    assert log == []
    assert next(kept[0]) == "still here"
    kept[0].close()
    assert log == ["closed"]


def walk(error: BaseException) -> Iterator[Any]:
    entry = error.__traceback__
    while entry is not None:
        yield entry
        entry = entry.tb_next


@WAYS
def test_coroutines_and_asynchronous_generators_are_cleared(run: Run) -> None:
    log: list[str] = []

    async def source() -> AsyncGenerator[int, None]:
        _guard = Guard("generator", log)
        yield 1
        await asyncio.sleep(0)
        panic("boom")

    async def coroutine() -> None:
        _guard = Guard("coroutine", log)
        async for _ in source():
            await asyncio.sleep(0)

    def body() -> None:
        asyncio.run(coroutine())

    error = run(body).unwrap_err()
    assert sorted(log) == [f"coroutine {gone(run)}", f"generator {gone(run)}"]
    del error


def test_a_frame_that_runs_on_another_thread_is_left_alone() -> None:
    raised, cleared = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def owner() -> list[str]:
        precious = ["still here"]
        try:
            panic("boom")
        except Exception as error:
            errors.append(error)
        raised.set()
        assert cleared.wait(DEADLINE_SECONDS)
        return precious

    def thief() -> None:
        assert raised.wait(DEADLINE_SECONDS)
        raise errors.pop()

    handle = spawn(owner)
    error = spawn(thief).join(DEADLINE_SECONDS).unwrap_err()
    assert owner.__code__ in [entry.tb_frame.f_code for entry in walk(error)]
    cleared.set()
    assert handle.join(DEADLINE_SECONDS).unwrap() == ["still here"]


def test_a_generator_that_runs_on_another_thread_is_left_alone() -> None:
    raised, cleared = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def source() -> Generator[list[str], None, None]:
        precious = ["still here"]
        try:
            panic("boom")
        except Exception as error:
            errors.append(error)
        raised.set()
        assert cleared.wait(DEADLINE_SECONDS)
        yield precious

    def thief() -> None:
        assert raised.wait(DEADLINE_SECONDS)
        raise errors.pop()

    handle = spawn(next, source())
    assert spawn(thief).join(DEADLINE_SECONDS).is_err()
    cleared.set()
    assert handle.join(DEADLINE_SECONDS).unwrap() == ["still here"]


def test_catch_unwind_leaves_the_callers_exception_alone() -> None:
    log: list[str] = []
    errors: list[BaseException] = []

    def failing() -> None:
        _guard = Guard("theirs", log)
        raise OSError("theirs")

    with pytest.raises(OSError, match="theirs") as raised:
        try:
            failing()
        finally:
            errors.append(catch_unwind(panic).unwrap_err())
    assert errors[0].__context__ is raised.value
    assert log == []
    *_, inner = walk(raised.value)
    assert inner.tb_frame.f_locals["_guard"].name == "theirs"


def test_a_namespace_that_code_ran_in_is_not_emptied() -> None:
    namespace: dict[str, Any] = {"keep": 1}
    assert spawn(exec, "found = 2\n1 / 0", namespace).join(DEADLINE_SECONDS).is_err()
    assert (namespace["keep"], namespace["found"]) == (1, 2)


def test_a_scoped_panic_lets_go_before_the_scope_ends() -> None:
    log: list[str] = []

    def body() -> None:
        _guard = Guard("scoped", log)
        panic("boom")

    with pytest.raises(ExceptionGroup), scope() as s:
        s.spawn(assume_send(body))
    assert log == ["scoped on pythread_rs, panicking True"]


def test_an_err_does_not_keep_the_thread() -> None:
    """The frames of the package hang on the traceback too; the record of the thread must not."""
    handle = spawn(panic)
    error = handle.join(DEADLINE_SECONDS).unwrap_err()
    thread = weakref.ref(handle.thread)
    del handle
    assert thread() is None
    del error


def test_a_destructor_that_panics_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    seen: list[Any] = []

    class Bad(Guard):
        def __del__(self) -> None:
            super().__del__()
            panic("in the destructor")

    def body() -> None:
        _first, _second = Guard("before", log), Guard("after", log)
        _bad = Bad("bad", log)
        panic("boom")

    monkeypatch.setattr("sys.unraisablehook", lambda args: seen.append(str(args.exc_value)))
    error = by_join(body).unwrap_err()
    assert str(error) == "boom"
    assert seen == ["in the destructor"]
    assert len(log) == 3
