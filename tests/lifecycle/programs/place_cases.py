"""Child of the tests of bad places: spawn and join where little is left of Python.

usage: place_cases.py CASE
"""

from __future__ import annotations

import gc
import json
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

from pythread_rs import (
    Builder,
    Err,
    JoinHandle,
    Ok,
    SpawnError,
    _ffi,
    current,
    panic,
    scope,
    sleep,
    thread_local,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 10.0  # a deadline; nothing should come near it
LIMIT = 300  # of recursion: low, so that all depths near it can be tried


def wait_until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def check_that_nothing_leaks(before: dict[str, int]) -> None:
    names = ("live", "packets", "parkers")

    def clean() -> bool:
        now = _ffi.statistics()
        return all(now[name] <= before[name] for name in names)

    gc.collect()
    assert wait_until(clean), (before, _ffi.statistics())


# -- The end of the stack. -------------------------------------------------------------------------


class Endless:
    def __getattr__(self, name: str) -> Any:
        return getattr(self, name + "x")

    def __repr__(self) -> str:
        return repr([self])


def recurse(n: int = 0) -> int:
    return recurse(n + 1) + 1


def nested_list(depth: int) -> list[Any]:
    nested: list[Any] = []
    for _ in range(depth):
        nested = [nested]
    return nested


def case_recursion_without_end_is_a_panic() -> None:
    panic.set_hook(lambda info: None)
    for f in (recurse, lambda: repr(Endless()), lambda: Endless().x):
        for _ in range(3):
            result = spawn(f).join()
            assert isinstance(result, Err)
            assert isinstance(result.error, RecursionError), result
            assert spawn(int, "1").join() == Ok(1)  # the same thread is as good as before


def case_recursion_in_c_is_a_panic_too() -> None:
    panic.set_hook(lambda info: None)
    if sys.version_info >= (3, 12):
        sys.setrecursionlimit(10_000_000)  # leaves only the limit that Python has for C
    nested = nested_list(100_000)
    result = spawn(json.dumps, nested, check_circular=False).join()
    assert isinstance(result, Err)
    assert isinstance(result.error, RecursionError), result
    while nested:  # or their destruction would recurse as well
        nested = nested[0]


def case_the_report_of_a_recursion_fits_the_stack() -> None:
    """The hook runs where the panic was caught, not at the end of the stack."""
    reports: list[str] = []
    panic.set_hook(lambda info: reports.append(str(info)))
    spawn(recurse).join().unwrap_err()
    assert "RecursionError" in reports[0]


def deep(depth: int, f: Callable[[], object]) -> object:
    return f() if depth == 0 else deep(depth - 1, f)


def near_the_limit(f: Callable[[], object], check: Callable[[str], object]) -> None:
    """Call `f` at each depth where only a few frames are left; `check` what came of it."""
    sys.setrecursionlimit(LIMIT)
    seen: set[str] = set()
    for depth in range(LIMIT - 60, LIMIT):
        try:
            deep(depth, f)
            outcome = "returned"
        except RecursionError:
            outcome = "RecursionError"
        seen.add(outcome)
        check(outcome)
    assert seen == {"returned", "RecursionError"}


def case_spawn_near_the_limit() -> None:
    spawn(int).join().unwrap()
    before = _ffi.statistics()
    near_the_limit(lambda: spawn(int).join().unwrap(), lambda _: check_that_nothing_leaks(before))


def case_join_near_the_limit_keeps_the_result() -> None:
    handles: list[JoinHandle[int]] = []

    def start_and_check(outcome: str) -> None:
        if outcome == "RecursionError":
            assert handles[0].join() == Ok(7)
        handles[:] = [spawn(int, "7")]
        assert wait_until(handles[0].is_finished)

    start_and_check("")
    near_the_limit(lambda: handles[0].join().unwrap(), start_and_check)


def case_a_scope_near_the_limit_joins_its_threads() -> None:
    def use_scope() -> None:
        with scope() as s:
            s.spawn(sleep, 0.002)

    def check(outcome: str) -> None:
        assert _ffi.statistics()["live"] == 0, outcome

    use_scope()  # the first use of a scope imports what checks it, which takes many frames
    near_the_limit(use_scope, check)


def case_the_end_of_a_scope_near_the_limit() -> None:
    """The block began higher up, as with an ExitStack: its threads run when the stack is full."""
    scopes: list[Any] = []
    reached: list[bool] = []

    def leave() -> None:
        reached.append(True)
        scopes[0].__exit__(None, None, None)

    def start(outcome: str) -> None:
        # Too full a stack for the call of `leave`; up to 3.11, for that of `__exit__`, too.
        if scopes and (not reached or sys.version_info < (3, 12)):
            scopes[0].__exit__(None, None, None)
        assert _ffi.statistics()["live"] == 0, outcome
        reached.clear()
        scopes[:] = [scope()]
        scopes[0].__enter__()
        scopes[0].spawn(sleep, 0.002)

    start("")
    near_the_limit(leave, start)


# -- Destructors and callbacks. --------------------------------------------------------------------


def case_spawn_in_a_destructor() -> None:
    results: list[object] = []

    class Spawns:
        def __del__(self) -> None:
            results.append(spawn(int, "1").join())

    thing = Spawns()
    del thing
    spawn(Spawns).join().unwrap()
    spawn(lambda: Spawns() and None).join().unwrap()
    assert results == [Ok(1)] * 2 or wait_until(lambda: results == [Ok(1)] * 3)


def case_spawn_in_the_collector() -> None:
    """The collector may run anywhere, in `spawn` too."""
    results: list[object] = []

    class Cycle:
        def __init__(self) -> None:
            self.self = self

        def __del__(self) -> None:
            results.append(spawn(int, "1").join())

    gc.set_threshold(20, 1, 1)
    for _ in range(300):
        Cycle()
        assert spawn(int, "2").join() == Ok(2)
    gc.collect()
    assert len(results) == 300
    assert set(map(repr, results)) == {"Ok(1)"}


def case_spawn_in_a_weakref_callback_and_a_gc_callback() -> None:
    results: list[object] = []

    class Thing:
        pass

    thing = Thing()
    reference = weakref.ref(thing, lambda _: results.append(spawn(int, "1").join()))
    del thing
    assert reference() is None

    def on_gc(phase: str, info: dict[str, int]) -> None:
        if phase == "stop":
            results.append(spawn(int, "2").join())

    gc.callbacks.append(on_gc)
    gc.collect()
    gc.callbacks.remove(on_gc)
    assert Ok(1) in results
    assert Ok(2) in results


def case_spawn_in_a_destructor_of_a_thread_local() -> None:
    results: list[object] = []

    class Spawns:
        def __del__(self) -> None:
            results.append(spawn(lambda: current().name).join())

    key = thread_local(Spawns)
    standard = threading.local()
    spawn(key.get).join().unwrap()
    spawn(lambda: setattr(standard, "value", Spawns())).join().unwrap()
    assert results == [Ok(None)] * 2


def case_spawn_in_trace_and_profile_functions() -> None:
    results: list[object] = []

    def hook(frame: object, event: str, arg: object) -> None:
        if event == "call":
            sys.settrace(None)
            sys.setprofile(None)
            results.append(spawn(int, "1").join())

    for install in (sys.settrace, sys.setprofile):
        install(hook)
        nested_list(1)
        install(None)
    assert results == [Ok(1)] * 2


def case_spawn_while_a_module_is_imported() -> None:
    """The thread must not need the import that waits for it."""
    import types

    module = types.ModuleType("spawns")
    source = "from pythread_rs import spawn\nvalue = spawn(int, '3').join().unwrap()"
    sys.modules["spawns"] = module
    exec(compile(source, "spawns", "exec"), vars(module))
    assert module.value == 3


def case_spawn_in_an_audit_hook() -> None:
    results: list[object] = []
    busy = threading.local()

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event == "marked" and not getattr(busy, "now", False):
            busy.now = True
            results.append(spawn(int, "1").join())
            busy.now = False

    sys.addaudithook(hook)
    sys.audit("marked")
    assert results == [Ok(1)]


# -- Exits that are none. --------------------------------------------------------------------------


def case_sys_exit_in_a_thread_ends_that_thread() -> None:
    panic.set_hook(lambda info: None)
    assert isinstance(spawn(sys.exit, 3).join().unwrap_err(), SystemExit)
    assert spawn(int).join() == Ok(0)


def case_an_interrupt_in_a_thread_ends_that_thread() -> None:
    panic.set_hook(lambda info: None)

    def interrupt() -> None:
        raise KeyboardInterrupt

    assert isinstance(spawn(interrupt).join().unwrap_err(), KeyboardInterrupt)
    assert spawn(int).join() == Ok(0)


def case_memory_errors_are_panics() -> None:
    panic.set_hook(lambda info: None)
    result = spawn(lambda: bytearray(1 << 60)).join()
    assert isinstance(result.unwrap_err(), MemoryError)
    assert spawn(int).join() == Ok(0)


def case_no_room_for_a_thread_and_then_room_again() -> None:
    """Beside the limit, what runs goes on, and idle threads serve as before."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    spawn(int).join().unwrap()
    before = _ffi.statistics()
    release = threading.Event()
    handles: list[JoinHandle[bool]] = []
    resource.setrlimit(resource.RLIMIT_AS, (used + (200 << 20), limits[1]))
    try:
        while len(handles) < 1000:
            handles.append(spawn(release.wait, SECONDS))
    except SpawnError as error:
        assert error.errno
    else:
        raise AssertionError("no limit")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    count = len(handles)
    assert count >= 1
    handles.append(spawn(release.wait, SECONDS))
    release.set()
    assert [handle.join().unwrap() for handle in handles] == [True] * (count + 1)
    handles.clear()
    check_that_nothing_leaks(before)


if __name__ == "__main__":
    globals()[f"case_{sys.argv[1]}"]()
