"""Trace and profile functions and sys.monitoring reach our threads, and end there."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, Ok, park, spawn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

since_3_12 = pytest.mark.skipif(sys.version_info < (3, 12), reason="it came with 3.12")
any_threading: Any = threading
any_sys: Any = sys


def traced_function(number: int) -> int:
    return number + 1


class Recorder:
    """A trace or profile function that keeps the names of what was called."""

    def __init__(self) -> None:
        self.called: list[tuple[int, str]] = []

    def __call__(self, frame: FrameType, event: str, arg: object) -> Recorder:
        if event == "call":
            self.called.append((threading.get_ident(), frame.f_code.co_name))
        return self

    def names(self, ident: int) -> list[str]:
        return [name for thread, name in self.called if thread == ident]


@pytest.fixture(params=["settrace", "setprofile"])
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each kind of hook; what the test runner itself had set comes back."""
    get, set_ = getattr(threading, request.param.replace("set", "get")), request.param
    before = get()
    yield set_
    getattr(threading, set_)(before)


def hooks_here() -> tuple[object, object]:
    return sys.gettrace(), sys.getprofile()


# -- threading.settrace and setprofile. ------------------------------------------------------------


def test_a_new_thread_is_traced(kind: str) -> None:
    recorder = Recorder()
    getattr(threading, kind)(recorder)

    def work() -> int:
        traced_function(1)
        return threading.get_ident()

    ident = spawn(work).join().unwrap()
    assert "traced_function" in recorder.names(ident)


def test_the_hook_is_there_before_the_closure_begins(kind: str) -> None:
    """So that its own first line counts: `work` itself is a call that is seen."""
    recorder = Recorder()
    getattr(threading, kind)(recorder)

    def work() -> int:
        return threading.get_ident()

    ident = spawn(work).join().unwrap()
    assert "work" in recorder.names(ident)


def test_the_next_thread_on_the_same_worker_is_not_traced(kind: str) -> None:
    recorder = Recorder()
    getattr(threading, kind)(recorder)
    spawn(int).join().unwrap()
    getattr(threading, kind)(None)
    count = len(recorder.called)
    assert spawn(hooks_here).join() == Ok((None, None))
    assert len(recorder.called) == count


def test_what_a_closure_sets_for_itself_ends_with_it() -> None:
    def work() -> None:
        sys.settrace(Recorder())
        sys.setprofile(Recorder())

    spawn(work).join().unwrap()
    assert spawn(hooks_here).join() == Ok((None, None))


def test_the_hook_does_not_see_a_thread_that_threading_has_forgotten(kind: str) -> None:
    """A hook that asks for the current thread then would make a dummy that stays for ever."""
    seen: list[threading.Thread] = []

    def hook(frame: FrameType, event: str, arg: object) -> Any:
        seen.append(threading.current_thread())
        return hook

    getattr(threading, kind)(hook)
    spawn(traced_function, 1).join().unwrap()
    getattr(threading, kind)(None)
    assert seen
    assert not [thread for thread in seen if isinstance(thread, threading._DummyThread)]


def test_a_hook_that_raises_is_a_panic_of_that_thread_only() -> None:
    def hook(frame: FrameType, event: str, arg: object) -> None:
        raise LookupError("from the hook")

    before = threading.gettrace()
    threading.settrace(hook)
    handle = spawn(traced_function, 1)
    handle.thread.unpark()
    result = handle.join()
    threading.settrace(before)
    assert isinstance(result.unwrap_err(), LookupError)
    assert spawn(traced_function, 1).join() == Ok(2)


@since_3_12
@pytest.mark.parametrize("kind", ["settrace", "setprofile"])
def test_setting_it_for_all_threads_reaches_one_that_runs(kind: str) -> None:
    recorder = Recorder()

    def work() -> int:
        park()
        traced_function(1)
        return threading.get_ident()

    before = hooks_here()
    handle = spawn(work)
    assert not handle.is_finished()
    # It may still be on its way in, and then this sets it too.
    getattr(any_threading, f"{kind}_all_threads")(recorder)
    sys.settrace(before[0])  # type: ignore[arg-type]
    sys.setprofile(before[1])  # type: ignore[arg-type]
    handle.thread.unpark()
    ident = handle.join().unwrap()
    getattr(any_threading, f"{kind}_all_threads")(None)
    sys.settrace(before[0])  # type: ignore[arg-type]
    sys.setprofile(before[1])  # type: ignore[arg-type]
    assert "traced_function" in recorder.names(ident)
    assert spawn(hooks_here).join() == Ok((None, None))


# -- sys.monitoring. -------------------------------------------------------------------------------


@since_3_12
def test_monitoring_sees_what_our_threads_call() -> None:
    monitoring = any_sys.monitoring
    tool = next(number for number in range(6) if monitoring.get_tool(number) is None)
    seen: set[tuple[int, str]] = set()

    def called(code: CodeType, offset: int) -> None:
        # Not `current_thread`: CPython's own threads, too, are seen before they are registered.
        seen.add((threading.get_ident(), code.co_name))

    def work() -> int:
        traced_function(1)
        return threading.get_ident()

    monitoring.use_tool_id(tool, "a test")
    try:
        monitoring.register_callback(tool, monitoring.events.PY_START, called)
        monitoring.set_events(tool, monitoring.events.PY_START)
        ident = spawn(work).join().unwrap()
    finally:
        monitoring.set_events(tool, 0)
        monitoring.register_callback(tool, monitoring.events.PY_START, None)
        monitoring.free_tool_id(tool)
    assert {(ident, "work"), (ident, "traced_function")} <= seen


@since_3_12
def test_a_monitor_that_asks_for_the_current_thread_gets_one_object() -> None:
    """It runs before our first line and finds nobody there: what it makes becomes the thread."""
    monitoring = any_sys.monitoring
    tool = next(number for number in range(6) if monitoring.get_tool(number) is None)
    seen: dict[str, threading.Thread] = {}

    def called(code: CodeType, offset: int) -> None:
        if not seen.keys() >= {"first", "work"} and threading.get_ident() != here:
            thread = threading.current_thread()
            seen.setdefault("first", thread)
            seen[code.co_name] = thread

    def work() -> threading.Thread:
        return threading.current_thread()

    here = threading.get_ident()
    monitoring.use_tool_id(tool, "a test")
    try:
        monitoring.register_callback(tool, monitoring.events.PY_START, called)
        monitoring.set_events(tool, monitoring.events.PY_START)
        thread = Builder(name="seen early", dedicated=True).spawn(work).join().unwrap()
    finally:
        monitoring.set_events(tool, 0)
        monitoring.register_callback(tool, monitoring.events.PY_START, None)
        monitoring.free_tool_id(tool)
    assert seen["first"] is seen["work"] is thread
    assert thread.name == "seen early"
    assert not isinstance(thread, threading._DummyThread)
    assert not thread.is_alive()
