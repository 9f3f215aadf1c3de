"""Child of the fork tests: what Python warns of, and the modules that fork.

usage: fork_process_cases.py CASE
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

from pythread_rs import Builder, Ok, _ffi, park_timeout

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

    from tests.lifecycle.programs.forking import (
        SECONDS,
        end,
        fork,
        parked,
        status_of,
        threads_may_run,
    )
else:  # a script's own folder is on its path
    from forking import SECONDS, end, fork, parked, status_of, threads_may_run

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

WARNS = sys.version_info >= (3, 12)  # of a fork while other threads run


# -- The warning of Python 3.12. -------------------------------------------------------------------


def warnings_of_fork() -> int:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert fork(int) == 0
    assert all("multi-threaded" in str(warning.message) for warning in caught), caught
    return len(caught)


def case_idle_workers_cause_no_warning() -> None:
    for _ in range(10):
        handles = [spawn(park_timeout, 0.001) for _ in range(8)]
        for handle in handles:
            handle.join().unwrap()
        assert _ffi.statistics()["idle"] > 0
        assert warnings_of_fork() == 0


def case_a_thread_that_runs_is_warned_of() -> None:
    handle = parked()
    assert warnings_of_fork() == (1 if WARNS else 0)
    end(handle)
    assert warnings_of_fork() == 0


def case_a_detached_thread_that_ended_causes_no_warning() -> None:
    done = threading.Event()
    spawn(done.set)
    assert done.wait(SECONDS)
    deadline = time.monotonic() + SECONDS
    while _ffi.statistics()["live"] and time.monotonic() < deadline:
        time.sleep(0.001)
    assert warnings_of_fork() == 0


def case_a_dedicated_thread_that_was_joined_causes_no_warning() -> None:
    for _ in range(20):
        Builder(dedicated=True).spawn(int).join().unwrap()
        assert warnings_of_fork() == 0


# -- multiprocessing and subprocess. ---------------------------------------------------------------


def double(number: int) -> int:
    """Run in a worker process, on a thread of its own there."""
    return spawn(lambda: 2 * number).join().unwrap()


class Runs(Protocol):
    def __call__(self, method: str) -> object: ...


def run_pool(method: str) -> None:
    context: BaseContext = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        assert list(executor.map(double, range(6))) == [0, 2, 4, 6, 8, 10]


def run_process(method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    child = context.Process(target=put_double, args=(queue, 4))
    child.start()
    assert queue.get() == 8
    child.join(SECONDS)
    assert child.exitcode == 0


def put_double(queue: Any, number: int) -> None:
    queue.put(double(number))


def in_both(f: Runs, method: str) -> None:
    """Call from the main thread and from one of ours, idle workers being around."""
    threads_may_run()
    assert double(1) == 2
    f(method)
    spawn(f, method).join().unwrap()


def case_multiprocessing_fork() -> None:
    in_both(run_process, "fork")
    handle = parked()
    in_both(run_process, "fork")
    end(handle)


def case_multiprocessing_spawn() -> None:
    in_both(run_process, "spawn")


def case_multiprocessing_forkserver() -> None:
    in_both(run_process, "forkserver")


def case_a_process_pool_by_fork() -> None:
    in_both(run_pool, "fork")


def case_a_process_pool_by_forkserver() -> None:
    run_pool("forkserver")


def run_command(method: str) -> None:
    options: dict[str, Any] = {"plain": {}, "preexec": {"preexec_fn": int}}[method]
    options |= {"stdout": subprocess.PIPE, "encoding": "utf-8", "timeout": SECONDS}
    for _ in range(5):
        done = subprocess.run([sys.executable, "-S", "-c", "print(1)"], check=True, **options)
        assert done.stdout == "1\n"


def case_subprocess() -> None:
    handle = parked()
    in_both(run_command, "plain")
    end(handle)


def case_subprocess_with_preexec_fn() -> None:
    """`preexec_fn` makes it a real fork, with Python running in the child."""
    handle = parked()
    in_both(run_command, "preexec")
    end(handle)


def case_preexec_fn_that_spawns() -> None:
    threads_may_run()

    def spawn_in_child() -> None:
        assert spawn(int, "3").join() == Ok(3)

    command = [sys.executable, "-S", "-c", "print(1)"]
    assert spawn(int).join() == Ok(0)
    subprocess.run(command, preexec_fn=spawn_in_child, stdout=subprocess.DEVNULL, check=True)


def case_os_system_and_spawn() -> None:
    handle = parked()
    assert os.waitstatus_to_exitcode(os.system("exit 3")) == 3
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", "exit(4)"], os.environ)
    assert status_of(pid) == 4
    end(handle)


def case_a_daemon_forks_twice() -> None:
    """The classic way into the background, started with workers around."""
    spawn(int).join().unwrap()
    read, write = os.pipe()

    def daemon() -> None:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.write(write, spawn(str, os.getppid() != 0).join().unwrap().encode())
        os._exit(0)

    assert fork(daemon) == 0
    os.close(write)
    with open(read, "rb") as pipe:
        assert pipe.read() == b"True"


if __name__ == "__main__":
    globals()[f"case_{sys.argv[1]}"]()
