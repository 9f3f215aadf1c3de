"""What the children of the fork tests share: a fork that is waited for, and a thread that runs."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

from pythread_rs import Builder, JoinHandle, park

if TYPE_CHECKING:
    from collections.abc import Callable

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 20.0  # a deadline; nothing should come near it


def status_of(pid: int) -> int:
    """Wait for a child and return its exit status; one that hangs says where it hangs."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(pid, signal.SIGABRT)
    os.waitpid(pid, 0)
    raise AssertionError(f"child {pid} hangs")


def fork(check: Callable[[], object]) -> int:
    """Run `check` in a child; return the child's exit status, 0 when nothing was raised."""
    pid = os.fork()
    if pid == 0:
        status = 99
        try:
            check()
            status = 0
        except BaseException as error:
            import traceback

            traceback.print_exception(error)
        finally:
            sys.stderr.flush()
            os._exit(status)
    return status_of(pid)


def parked() -> JoinHandle[None]:
    """Start a thread that runs until it is unparked, and wait until it does run."""
    running = threading.Event()

    def work() -> None:
        running.set()
        park()

    handle = spawn(work)
    assert running.wait(SECONDS)
    return handle


def end(*handles: JoinHandle[Any]) -> None:
    for handle in handles:
        handle.thread.unpark()
        handle.join(SECONDS)


def threads_may_run() -> None:
    """A fork that Python is right to warn of is what the case is about.

    From 3.15 on every fork on another thread than the main one is warned of, with `threading` too.
    """
    warnings.simplefilter("ignore", DeprecationWarning)
