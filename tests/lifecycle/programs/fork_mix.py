"""Child of the fork storm: fork again and again while threads come and go.

usage: fork_mix.py KIND SEED WAY ROUNDS

KIND says from where the process is forked, WAY what other threads do meanwhile. Each child checks
that it is alone and that threads work in it. Prints the milliseconds from each fork to the end of
its child.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING, NoReturn

from pythread_rs import (
    Builder,
    JoinError,
    JoinHandle,
    Ok,
    current,
    panic,
    park,
    park_timeout,
    process,
    scope,
    thread_local,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

KIND, SEED, WAY, ROUNDS = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
DEADLINE = 30.0  # seconds for a child to end

rng = random.Random(SEED)
stopping = threading.Event()
key = thread_local(list)
standard_local = threading.local()


# -- What goes on meanwhile. -----------------------------------------------------------------------


def use_thread_locals() -> None:
    key.get().append(1)
    standard_local.value = 1


def churn() -> None:
    while not stopping.is_set():
        spawn(int).join()


def churn_fresh_threads() -> None:
    """Make thread states all the time: a fork must not catch one half made."""
    while not stopping.is_set():
        Builder(dedicated=True).spawn(int).join()


def churn_thread_locals() -> None:
    while not stopping.is_set():
        spawn(use_thread_locals).join()


WAYS: dict[str, list[Callable[[], None]]] = {
    "quiet": [],
    "parked": [park] * 6,
    "churn": [churn] * 3,
    "fresh": [churn_fresh_threads] * 2,
    "locals": [churn_thread_locals] * 2,
}


# -- What a child checks. --------------------------------------------------------------------------


def check_child(parents: list[JoinHandle[None]]) -> None:
    for handle in parents:
        error = handle.join().unwrap_err()
        assert isinstance(error, JoinError), error
        assert "fork" in str(error)
    assert threading.current_thread() is threading.main_thread()
    assert threading.enumerate() == [threading.main_thread()]
    assert spawn(sum, [1, 2]).join() == Ok(3)
    assert Builder(dedicated=True).spawn(int).join() == Ok(0)
    with scope() as s:
        s.spawn(use_thread_locals)
    park_timeout(0)
    current().unpark()
    park()


def end_child(status: int) -> NoReturn:
    """Leave by one of the doors; each gives the status to the parent."""
    door = rng.choice([sys.exit, process.exit, os._exit])
    door(status)


def wait_for(pid: int) -> int:
    """Return the exit status of a child; one that hangs says where it hangs."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.0002)
    print(f"child {pid} hangs", file=sys.stderr, flush=True)
    os.kill(pid, signal.SIGABRT)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# -- From where. -----------------------------------------------------------------------------------


def fork_here(parents: list[JoinHandle[None]]) -> tuple[int, int]:
    """Fork; return the child's pid and the status that it must end with. Only in the parent."""
    status = rng.choice([0, 3, 9])
    pid = os.fork()
    if pid == 0:
        check_child(parents)
        end_child(status)
    return pid, status


def fork_and_return(parents: list[JoinHandle[None]]) -> tuple[int, int]:
    """Fork inside of a closure, which returns in the child too: that ends the child."""
    pid = os.fork()
    if pid == 0:
        check_child(parents)
    return pid, 0


def fork_in_thread(parents: list[JoinHandle[None]]) -> tuple[int, int]:
    fork = rng.choice([fork_here, fork_and_return])
    return Builder(dedicated=KIND == "dedicated").spawn_unchecked(fork, parents).join().unwrap()


def fork_in_scope(parents: list[JoinHandle[None]]) -> tuple[int, int]:
    """Fork in the block of a scope: its threads stay in the parent."""
    with scope() as s:
        sleeper = s.spawn(park)
        try:
            return fork_here(parents)
        finally:
            sleeper.thread.unpark()


def fork_nested(parents: list[JoinHandle[None]]) -> tuple[int, int]:
    """Fork from a thread, in a child that was forked from another one."""
    pid = os.fork()
    if pid == 0:
        check_child(parents)
        parents = [*parents, spawn(park)]
        grandchild, status = spawn(fork_here, parents[-1:]).join().unwrap()
        end_child(4 if wait_for(grandchild) == status else 5)
    return pid, 4


FORKS: dict[str, Callable[[list[JoinHandle[None]]], tuple[int, int]]] = {
    "main": fork_here,
    "thread": fork_in_thread,
    "dedicated": fork_in_thread,
    "scope": fork_in_scope,
    "nested": fork_nested,
}


def main() -> None:
    # Python 3.12 warns of a fork while threads run, and here some do.
    warnings.simplefilter("ignore", DeprecationWarning)
    panic.set_hook(lambda info: None)  # the closure of a child may end by SystemExit
    threads = [spawn(f) for f in WAYS[WAY]]
    for _ in range(ROUNDS):
        time.sleep(rng.random() * 0.001)
        began = time.perf_counter()
        pid, status = FORKS[KIND](threads)
        ended = wait_for(pid)
        assert ended == status, f"the child of {KIND} gave {ended} instead of {status}"
        print(f"{(time.perf_counter() - began) * 1000:.3f}", flush=True)
    stopping.set()
    for thread in threads:
        thread.thread.unpark()
        assert thread.join(DEADLINE) == Ok(None)


main()
