"""The end: exits, interrupts and forks at any point lose no task silently."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def test_futures_are_finished_at_exit(run_child: Callable[..., Any]) -> None:
    child = run_child(
        """
        import time
        from pythread_rs.pool import ThreadPool
        pool = ThreadPool(2)
        for n in range(20):
            pool.submit(lambda n=n: (time.sleep(0.01), print(f"{n}\\n", end="")))
        del pool
        """
    )
    assert (child.returncode, child.stderr) == (0, "")
    assert sorted(map(int, child.stdout.split())) == list(range(20))


def test_futures_of_a_pool_that_is_shut_down_without_waiting(run_child: Callable[..., Any]) -> None:
    child = run_child(
        """
        import time
        from pythread_rs.pool import ThreadPool
        pool = ThreadPool(3)
        pool.submit(lambda: (time.sleep(0.2), print("apple")))
        pool.shutdown(wait=False)
        """
    )
    assert (child.returncode, child.stdout, child.stderr) == (0, "apple\n", "")


def test_submit_after_exit_has_begun_is_refused(run_child: Callable[..., Any]) -> None:
    child = run_child(
        """
        import atexit
        @atexit.register
        def late():
            try:
                pool.submit(id, None)
            except RuntimeError as error:
                print(error)
        from pythread_rs.pool import ThreadPool
        pool = ThreadPool(2)
        """
    )
    assert (child.returncode, child.stderr) == (0, "")
    assert "shut down" in child.stdout


def test_exit_cuts_off_what_was_spawned(run_child: Callable[..., Any]) -> None:
    child = run_child(
        """
        import threading, time
        from pythread_rs.pool import ThreadPool
        pool = ThreadPool(2)
        begun = threading.Event()
        def forever():
            begun.set()
            while True:
                time.sleep(0.001)
        pool.submit(begun.wait, 10)
        from pythread_rs.ownership import assume_send
        handle = pool.spawn(assume_send(forever))
        begun.wait(10)
        print("end")
        """
    )
    assert (child.returncode, child.stdout, child.stderr) == (0, "end\n", "")


def test_futures_are_finished_at_exit_though_tasks_hold_all_workers(
    run_child: Callable[..., Any],
) -> None:
    """What is spawned may never end: it is cut off, and nobody waits for it."""
    child = run_child(
        """
        import threading
        from pythread_rs.pool import ThreadPool
        from pythread_rs.ownership import assume_send
        pool = ThreadPool(2)
        begun = threading.Barrier(3, timeout=10)
        def forever():
            begun.wait()
            while True:
                pass
        handles = [pool.spawn(assume_send(forever)) for _ in range(2)]
        begun.wait()
        later = [pool.spawn(assume_send(lambda: threading.Event().wait())) for _ in range(2)]
        futures = [pool.submit(print, n) for n in range(3)]
        print("end", flush=True)
        """
    )
    assert (child.returncode, child.stderr) == (0, "")
    assert child.stdout.split() == ["end", "0", "1", "2"]


@pytest.mark.parametrize("state", ["idle", "busy", "waiting", "bulk", "full"])
def test_exit_in_every_state(run_child: Callable[..., Any], state: str) -> None:
    child = run_child(
        """
        import sys, time, threading
        from pythread_rs.pool import ThreadPool
        from pythread_rs import spawn
        from pythread_rs.ownership import assume_send
        pool = ThreadPool(4)
        state = sys.argv[1]
        begun = threading.Event()
        def spin():
            begun.set()
            while True: pass
        def wait():
            inner = pool.spawn(assume_send(spin))
            time.sleep(0.01)
            inner.join()
        def bulk():
            begun.set()
            pool.par_map(lambda n: n, iter(int, 1))
        if state == "busy":
            pool.spawn(assume_send(spin)); begun.wait(5)
        elif state == "waiting":
            pool.spawn(assume_send(wait)); begun.wait(5)
        elif state == "bulk":
            pool.spawn(assume_send(bulk)); begun.wait(5)
        elif state == "full":
            handles = [pool.spawn(assume_send(spin)) for _ in range(50)]; begun.wait(5)
        print("end", flush=True)
        """,
        state,
    )
    assert (child.returncode, child.stdout, child.stderr) == (0, "end\n", "")


INTERRUPTED = """
import os, signal, sys, threading, time
from pythread_rs.pool import ThreadPool
from pythread_rs.ownership import assume_send
pool = ThreadPool(2)
begun = threading.Event()
done = []
def interrupt():
    begun.wait(10)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
def item(n):
    begun.set()
    time.sleep(0.001)
    done.append(n)
def long():
    begun.set()
    time.sleep(0.2)
    done.append(0)
def scope():
    with pool.scope() as s:
        s.spawn(assume_send(long))
started = time.monotonic()
calls = {
    "par_map": lambda: pool.par_map(assume_send(item), range(1_000_000)),
    "iterator": lambda: pool.par_map(assume_send(item), iter(int, 1)),
    "install": lambda: pool.install(long),
    "scope": scope,
    "join": lambda: pool.join(assume_send(long), assume_send(long)),
    "handle": lambda: pool.spawn(assume_send(lambda: (begun.set(), time.sleep(5)))).join(),
    "shutdown": lambda: (pool.spawn(assume_send(lambda: (begun.set(), time.sleep(5)))),
                         pool.shutdown()),
}
try:
    calls[sys.argv[1]]()
except KeyboardInterrupt:
    print("interrupted", len(done) > 0, time.monotonic() - started < 3)
    count = len(done)
    time.sleep(0.02)
    print("quiet" if len(done) == count else "goes on")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("call", ["par_map", "iterator", "install", "scope", "join"])
def test_interrupts_come_when_nothing_borrows_any_more(
    run_child: Callable[..., Any], call: str
) -> None:
    child = run_child(INTERRUPTED, call)
    assert (child.returncode, child.stderr) == (0, "")
    assert child.stdout == "interrupted True True\nquiet\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("call", ["handle", "shutdown"])
def test_interrupts_end_waits_for_what_does_not_borrow(
    run_child: Callable[..., Any], call: str
) -> None:
    child = run_child(INTERRUPTED, call)
    assert (child.returncode, child.stderr) == (0, "")
    assert child.stdout == "interrupted False True\nquiet\n"


FORK = """
import os, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from pythread_rs.pool import ThreadPool, global_pool
from pythread_rs.ownership import assume_send
"""


@needs_fork
def test_a_child_is_told_why_nothing_comes(run_child: Callable[..., Any]) -> None:
    child = run_child(
        FORK
        + """
pool = ThreadPool(1)
begun, gate = threading.Event(), threading.Event()
running = pool.submit(lambda: (begun.set(), gate.wait(10)))
begun.wait(10)
queued = pool.submit(int)
handle = pool.spawn(int)
old = global_pool()
pid = os.fork()
if pid == 0:
    for future in (running, queued):
        print(type(future.exception(1)).__name__, flush=True)
    print(handle.join(), flush=True)
    try:
        pool.spawn(int)
    except RuntimeError as error:
        print(error, flush=True)
    print(global_pool() is old, global_pool().spawn(int).join(5), flush=True)
    with ThreadPool(2) as fresh:
        print(fresh.par_map(abs, range(3)), flush=True)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
gate.set()
assert queued.result(5) == 0 and handle.join(5).unwrap() == 0
print("parent")
"""
    )
    assert (child.returncode, child.stderr) == (0, "")
    lines = child.stdout.splitlines()
    assert lines[:2] == ["JoinError", "JoinError"]
    assert lines[2].startswith("Err(JoinError(")
    assert lines[3:] == [
        "cannot run a task: the pool is shut down",
        "False Ok(0)",
        "[0, 1, 2]",
        "parent",
    ]


@needs_fork
@pytest.mark.parametrize(("ending", "status"), [("None", 0), ("sys.exit(3)", 3), ("1 / 0", 1)])
def test_a_fork_in_a_task_ends_with_the_task(
    run_child: Callable[..., Any], ending: str, status: int
) -> None:
    child = run_child(
        FORK
        + f"""
pool = ThreadPool(2)
def forks():
    pid = os.fork()
    if pid == 0:
        print("child", pool.join(lambda: 1, lambda: 2), flush=True)
        {ending}
        return None
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(pool.spawn(assume_send(forks)).join(8))
"""
    )
    assert child.stdout == f"child (1, 2)\nOk({status})\n"
