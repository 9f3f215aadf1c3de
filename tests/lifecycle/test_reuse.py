"""Reuse: one OS thread runs closure after closure, and none of them finds anything of another."""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import decimal
import gc
import sys
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, Ok, _ffi, current, panicking, park, sleep, thread_local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 10.0  # a deadline; nothing should come near it
LINUX = sys.platform == "linux"


@dataclass(frozen=True)
class Dirt:
    """Something that a closure can leave on its thread, and how to see it."""

    leave: Callable[[], object]
    look: Callable[[], object]


class Trace:
    """A trace or profile function that does nothing."""

    def __call__(self, frame: object, event: str, arg: object) -> None:
        return None


trace = Trace()
standard_local = threading.local()
own_local = thread_local(list)
variable = contextvars.ContextVar("variable", default="unset")


class SubclassedLocal(threading.local):
    value = "unset"


subclassed_local = SubclassedLocal()


def thread_name_of_os() -> str:
    return Path("/proc/thread-self/comm").read_text(encoding="utf-8").strip()


def set_thread_name_of_os() -> None:
    Path("/proc/thread-self/comm").write_text("dirty", encoding="utf-8")


def divide() -> str:
    return str(decimal.Decimal(1) / 3)


def dirty_decimal() -> None:
    decimal.getcontext().prec = 5
    assert divide() == "0.33333"  # the C code of decimal now has this context in its cache


def trap_decimal() -> None:
    decimal.setcontext(decimal.Context(prec=7, traps=[decimal.Inexact]))


def set_running_loop() -> None:
    asyncio._set_running_loop(asyncio.AbstractEventLoop())


def set_asyncgen_hooks() -> None:
    sys.set_asyncgen_hooks(print, print)


def enter_warnings_context() -> None:
    """Where the filters live in a context variable (3.14, by a flag) this leaves one set."""
    warnings.catch_warnings().__enter__()
    warnings.simplefilter("ignore", UserWarning)


def raise_and_keep() -> None:
    """Be in the middle of an `except` block, in a generator that stays suspended."""

    def handle() -> Iterator[None]:
        try:
            raise KeyError("dirt")
        except KeyError:
            yield

    suspended = handle()
    next(suspended)
    kept.append(suspended)


kept: list[object] = []

DIRT: dict[str, Dirt] = {
    "threading.local": Dirt(
        lambda: setattr(standard_local, "value", 1), lambda: vars(standard_local)
    ),
    "threading.local, a subclass": Dirt(
        lambda: setattr(subclassed_local, "value", 1), lambda: subclassed_local.value
    ),
    "thread_local": Dirt(lambda: own_local.get().append(1), own_local.get),
    "ContextVar": Dirt(lambda: variable.set("set"), variable.get),
    "the whole context": Dirt(
        lambda: variable.set("set"), lambda: variable in contextvars.copy_context()
    ),
    "sys.settrace": Dirt(lambda: sys.settrace(trace), sys.gettrace),
    "sys.setprofile": Dirt(lambda: sys.setprofile(trace), sys.getprofile),
    "the running event loop": Dirt(set_running_loop, asyncio._get_running_loop),
    "decimal context": Dirt(dirty_decimal, lambda: decimal.getcontext().prec),
    "decimal arithmetic": Dirt(dirty_decimal, divide),
    "decimal traps": Dirt(trap_decimal, lambda: decimal.getcontext().traps[decimal.Inexact]),
    "sys.exc_info": Dirt(raise_and_keep, sys.exc_info),
    "async generator hooks": Dirt(set_asyncgen_hooks, lambda: tuple(sys.get_asyncgen_hooks())),
    "coroutine origin depth": Dirt(
        lambda: sys.set_coroutine_origin_tracking_depth(3),
        sys.get_coroutine_origin_tracking_depth,
    ),
    "current": Dirt(current, lambda: current().name),
    "panicking": Dirt(lambda: 1 // 0, panicking),
    "a leftover token": Dirt(lambda: current().unpark(), lambda: current()._parker.park(0)),
}
if LINUX:
    DIRT["name for the OS"] = Dirt(set_thread_name_of_os, thread_name_of_os)
# What lives in the process and not in the thread does not go, and must not be mended either.
NOT_SEEN_BY_LEAVER = {"sys.exc_info", "current", "panicking"}


def ident() -> int:
    return threading.get_ident()


@pytest.fixture(autouse=True)
def quiet_and_alone() -> Iterator[None]:
    """Have no worker idle that another test left, so that each spawn finds the last one."""
    from pythread_rs import panic

    _ffi.retire_workers()
    panic.set_hook(lambda info: None)
    yield
    panic.take_hook()
    kept.clear()


@pytest.mark.parametrize("name", DIRT)
def test_the_next_closure_finds_nothing(name: str) -> None:
    dirt = DIRT[name]

    def leave() -> tuple[int, object]:
        dirt.leave()
        return ident(), repr(dirt.look())

    def look() -> tuple[int, object]:
        return ident(), repr(dirt.look())

    expected = Builder(dedicated=True).spawn_unchecked(look).join().unwrap()[1]
    dirty = spawn(leave).join()
    before = _ffi.statistics()["os_threads_reused"]
    worker, seen = spawn(look).join().unwrap()
    assert _ffi.statistics()["os_threads_reused"] == before + 1
    if name not in NOT_SEEN_BY_LEAVER:
        assert dirty.unwrap()[0] == worker
        assert dirty.unwrap()[1] != expected, "the closure has left nothing"
    assert seen == expected


def test_all_dirt_at_once_again_and_again() -> None:
    """What is cached by the id of the thread state must not be believed either."""
    without = [dirt for name, dirt in DIRT.items() if name != "panicking"]
    fresh = Builder(dedicated=True).spawn_unchecked(lambda: [repr(d.look()) for d in without])
    expected = fresh.join().unwrap()

    def look_and_leave() -> list[str]:
        seen = [repr(dirt.look()) for dirt in without]
        for dirt in without:
            dirt.leave()
        return seen

    for _ in range(20):
        assert spawn(look_and_leave).join() == Ok(expected)


# -- Destructors. ----------------------------------------------------------------------------------


class Loud:
    """Notes the thread on which it goes."""

    def __init__(self, log: list[int]) -> None:
        self.log = log

    def __del__(self) -> None:
        self.log.append(ident())


class FloatingLocal(threading.local):
    """A standard thread-local that only the thread itself keeps."""


@pytest.mark.parametrize("kind", ["threading.local", "thread_local", "ContextVar", "exc_info"])
def test_values_go_on_their_thread_before_join_returns(kind: str) -> None:
    log: list[int] = []
    own = thread_local(lambda: Loud(log))
    context_variable: contextvars.ContextVar[Loud] = contextvars.ContextVar("loud")

    def leave() -> int:
        if kind == "threading.local":
            standard_local.loud = Loud(log)
        elif kind == "thread_local":
            own.get()
        elif kind == "ContextVar":
            context_variable.set(Loud(log))
        else:
            standard_local.cycle = [Loud(log)]
        assert not log
        return ident()

    gc.disable()
    try:
        worker = spawn(leave).join().unwrap()
        assert log == [worker]
    finally:
        gc.enable()


def test_a_destructor_that_makes_new_values_does_not_leave_them() -> None:
    """Clearing goes round until nothing is left, a few times at most."""
    log: list[str] = []

    class Again:
        def __init__(self, depth: int) -> None:
            self.depth = depth

        def __del__(self) -> None:
            log.append(f"gone {self.depth}")
            if self.depth:
                standard_local.again = Again(self.depth - 1)

    spawn(lambda: setattr(standard_local, "again", Again(2))).join().unwrap()
    assert log == ["gone 2", "gone 1", "gone 0"]
    assert spawn(lambda: vars(standard_local)).join() == Ok({})


@pytest.mark.parametrize("of", ["threading.local", "thread_local", "ContextVar"])
@pytest.mark.parametrize("name", DIRT)
def test_what_a_destructor_leaves_goes_too(name: str, of: str) -> None:
    """The last Python code of a thread may leave dirt as well."""
    if name == of == "thread_local":
        pytest.skip("a thread-local cannot be used while it is destroyed")
    dirt = DIRT[name]
    context_variable: contextvars.ContextVar[LeavesDirt] = contextvars.ContextVar("dirt")

    class LeavesDirt:
        def __del__(self) -> None:
            if name != "panicking":
                dirt.leave()

    def leave() -> int:
        if of == "threading.local":
            standard_local.dirt = LeavesDirt()
        elif of == "thread_local":
            own_local.get().append(LeavesDirt())
        else:
            context_variable.set(LeavesDirt())
        return ident()

    def look() -> tuple[int, object]:
        return ident(), repr(dirt.look())

    expected = Builder(dedicated=True).spawn_unchecked(look).join().unwrap()[1]
    worker = spawn(leave).join().unwrap()
    assert spawn(look).join() == Ok((worker, expected))


def test_a_destructor_sees_its_own_thread() -> None:
    """Values of `threading.local` go last: the thread is still a thread by then."""
    seen: list[object] = []

    class Curious:
        def __del__(self) -> None:
            seen.append((current().id, spawn(int, "3").join()))

    def leave() -> object:
        own_local.get().append(Curious())
        return current().id

    assert spawn(leave).join().unwrap() == seen[0][0]  # type: ignore[index]
    assert seen[0][1] == Ok(3)  # type: ignore[index]


def test_what_a_destructor_raises_is_reported_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reports: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: reports.append(args.exc_type))

    class Raises:
        def __del__(self) -> None:
            raise LookupError

    assert spawn(lambda: setattr(standard_local, "r", Raises())).join() == Ok(None)
    assert spawn(lambda: own_local.get().append(Raises())).join() == Ok(None)
    assert reports == [LookupError, LookupError]
    assert spawn(int).join() == Ok(0)


# -- Asynchronous exceptions. ----------------------------------------------------------------------


def throw(thread: int, exception: type[BaseException]) -> int:
    """Raise an exception in another thread, as debuggers and some pools do."""
    set_async_exc = ctypes.pythonapi.PyThreadState_SetAsyncExc
    return int(set_async_exc(ctypes.c_ulong(thread), ctypes.py_object(exception)))


def test_an_asynchronous_exception_ends_the_closure() -> None:
    running = threading.Event()
    idents: list[int] = []

    def work() -> None:
        idents.append(ident())
        running.set()
        while True:
            sleep(0.001)

    handle = spawn(work)
    assert running.wait(SECONDS)
    assert throw(idents[0], LookupError) == 1
    assert type(handle.join(SECONDS).unwrap_err()) is LookupError
    assert spawn(ident).join() == Ok(idents[0])


def test_an_asynchronous_exception_does_not_hit_the_next_closure() -> None:
    """Thrown at the last moment of one closure, it is pending when the thread is cleaned."""

    class ThrowsInDel:
        """The last Python code of the thread: its `threading.local` values go."""

        # No call in bytecode, after which Python would look for what is pending.
        __setitem__: Any = ctypes.PyDLL(None).PyThreadState_SetAsyncExc
        __setitem__.argtypes = (ctypes.c_ulong, ctypes.py_object)

        def __init__(self) -> None:
            self.ident = ident()

        def __del__(self) -> None:
            self[self.ident] = LookupError

    def leave() -> int:
        standard_local.value = ThrowsInDel()
        return ident()

    for _ in range(50):
        worker = spawn(leave).join().unwrap()
        assert spawn(ident).join() == Ok(worker)


def test_an_asynchronous_exception_does_not_hit_an_idle_worker() -> None:
    """The thread that it was meant for has ended: its ident stands for nobody."""
    worker = spawn(ident).join().unwrap()
    throw(worker, LookupError)
    assert spawn(ident).join() == Ok(worker)


def test_a_taken_back_exception_does_not_hit_anybody() -> None:
    worker = spawn(ident).join().unwrap()
    set_async_exc = ctypes.pythonapi.PyThreadState_SetAsyncExc
    set_async_exc(ctypes.c_ulong(worker), ctypes.py_object())
    assert spawn(ident).join() == Ok(worker)
    # Up to 3.12 that leaves the interpreter's flag up until some thread takes an exception, and
    # 3.11 spins on the flag when a thread is traced.
    with pytest.raises(LookupError):
        set_async_exc(ctypes.c_ulong(ident()), ctypes.py_object(LookupError))
        for _ in range(1000):
            0


# -- Who is reused. --------------------------------------------------------------------------------


def test_one_worker_serves_all_in_a_row() -> None:
    before = _ffi.statistics()
    idents = {spawn(ident).join().unwrap() for _ in range(200)}
    after = _ffi.statistics()
    assert len(idents) == 1
    assert after["os_threads_created"] - before["os_threads_created"] == 1
    assert after["os_threads_reused"] - before["os_threads_reused"] == 199


def test_a_worker_is_not_shared_while_its_closure_runs() -> None:
    barrier = threading.Barrier(4)
    busy: set[int] = set()

    def stay() -> None:
        busy.add(ident())
        barrier.wait(SECONDS)
        park()

    handles = [spawn(stay) for _ in range(3)]
    barrier.wait(SECONDS)
    others = {spawn(ident).join().unwrap() for _ in range(20)}
    assert (len(busy), len(others), busy & others) == (3, 1, set())
    for handle in handles:
        handle.thread.unpark()
        handle.join().unwrap()


@pytest.mark.parametrize("options", [{"dedicated": True}, {"stack_size": 2**20}], ids=str)
def test_a_thread_of_ones_own_is_fresh_and_ends(
    options: dict[str, Any], wait_until: Callable[..., bool]
) -> None:
    spawn(int).join().unwrap()
    before, threads = _ffi.statistics(), os_threads()
    for _ in range(20):
        assert Builder(**options).spawn(int).join() == Ok(0)
    after = _ffi.statistics()
    assert after["os_threads_created"] - before["os_threads_created"] == 20
    assert after["os_threads_reused"] == before["os_threads_reused"]
    assert after["idle"] == 1
    assert wait_until(lambda: os_threads() <= threads)


@pytest.mark.skipif(not LINUX, reason="needs Linux' thread ids")
def test_what_the_os_keeps_does_not_leak_out_of_a_dedicated_thread() -> None:
    import os

    usable = os.sched_getaffinity(0)
    if len(usable) < 2:
        pytest.skip("needs two CPUs")
    one = {min(usable)}
    Builder(dedicated=True).spawn(os.sched_setaffinity, 0, one).join().unwrap()
    assert spawn(os.sched_getaffinity, 0).join() == Ok(usable)


def os_threads() -> int:
    """Count the threads of this process, as the OS does."""
    return len(list(Path("/proc/self/task").iterdir()))
