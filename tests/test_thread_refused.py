"""`SpawnError`: the OS or the exiting interpreter refuses a thread, and nothing is lost.

Limits are set in children, as the tests themselves want their threads.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    RunChild = Callable[..., subprocess.CompletedProcess[str]]

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="limits as Linux has them")

# Leaves room for the interpreter, and none for a stack of 64 MiB.
LIMITED = """
import errno, gc, os, resource, sys, time
from pythread_rs import Builder, Ok, SpawnError, spawn, yield_now, _ffi

ROOM, STACK = 32 << 20, 64 << 20

def limit(room):
    with open("/proc/self/statm") as stream:
        used = int(stream.read().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (used + room, hard))
    return used + room

def unlimit():
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))

def refused(f):
    try:
        Builder(stack_size=STACK).spawn_unchecked(f)
    except SpawnError as error:
        return error.with_traceback(None)
    raise SystemExit("the limit does not work")
"""


@linux_only
def test_it_says_why_and_names_the_limits(run_child: RunChild) -> None:
    child = run_child(
        LIMITED
        + """
limited_to = limit(ROOM)
error = refused(int)
unlimit()
assert isinstance(error, OSError) and isinstance(error, RuntimeError)
assert error.errno == errno.EAGAIN, error.errno
text = str(error)
assert "failed to spawn thread: Resource temporarily unavailable" in text, text
assert f"RLIMIT_AS {limited_to}" in text, text
assert f"stack of {STACK} bytes asked for" in text, text
assert "0 threads of this package live" in text, text
"""
    )
    assert (child.returncode, child.stderr) == (0, "")


@linux_only
def test_nothing_leaks_and_the_next_spawn_works(run_child: RunChild) -> None:
    child = run_child(
        LIMITED
        + """
class Captured: pass

def state():
    gc.collect()
    deadline = time.monotonic() + 10
    # A thread lets go of its packet a moment after its joiner has seen the end.
    while _ffi.statistics()["packets"] and time.monotonic() < deadline:
        yield_now()
    counts = _ffi.statistics()
    counts = {name: counts[name] for name in ("live", "packets", "parkers", "os_threads_created")}
    return counts, len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

captured = Captured()
closure = lambda: captured
assert spawn(int).join() == Ok(0)
before = state(), sys.getrefcount(captured), sys.getrefcount(closure)
limit(ROOM)
for _ in range(200):
    refused(closure)
unlimit()
after = state(), sys.getrefcount(captured), sys.getrefcount(closure)
assert after == before, (before, after)
assert Builder(stack_size=STACK).spawn_unchecked(closure).join().unwrap() is captured
"""
    )
    assert (child.returncode, child.stderr) == (0, "")


@linux_only
def test_a_scope_survives_a_refusal_and_joins_the_others(run_child: RunChild) -> None:
    child = run_child(
        LIMITED
        + """
import threading
from pythread_rs import assume_send, scope
started, gate = threading.Event(), threading.Event()
results = []
try:
    with scope() as s:
        first = s.spawn(assume_send(lambda: (started.set(), gate.wait(10), results.append(1))))
        # A thread that is only starting needs memory, too, and more than there will be.
        assert started.wait(10)
        limit(ROOM)
        try:
            Builder(stack_size=STACK).spawn_scoped(s, assume_send(results.append), 2)
        finally:
            unlimit()
            gate.set()
except SpawnError as error:
    results.append(error.errno)
print(results == [1, errno.EAGAIN], first.is_finished())
"""
    )
    assert (child.stdout, child.stderr) == ("True True\n", "")


def test_an_exiting_interpreter_starts_no_thread(run_child: RunChild) -> None:
    """Callbacks registered before the package's own run after it, when the gate is closed."""
    child = run_child(
        """
        import atexit, errno

        def too_late():
            try:
                spawn(print, "never")
            except SpawnError as error:
                print(error.errno == errno.ESHUTDOWN, error)

        atexit.register(too_late)
        from pythread_rs import SpawnError, spawn
        """
    )
    expected = "failed to spawn thread: the interpreter is exiting\n"
    assert child.stdout.startswith("True ")
    assert child.stdout.endswith(expected)
    assert (child.returncode, child.stderr) == (0, "")


def test_before_the_gate_closes_a_thread_still_starts(run_child: RunChild) -> None:
    child = run_child(
        """
        import atexit
        from pythread_rs import spawn
        atexit.register(lambda: print(spawn(int, "7").join()))
        """
    )
    assert (child.stdout, child.stderr, child.returncode) == ("Ok(7)\n", "", 0)
