"""Child of the fork tests: fork in all sorts of places, and look at both sides.

usage: fork_cases.py CASE
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

from pythread_rs import (
    Builder,
    Err,
    JoinError,
    JoinHandle,
    Ok,
    ThreadId,
    UseAfterMoveError,
    _ffi,
    current,
    panic,
    park,
    park_timeout,
    process,
    scope,
    sleep,
    thread_local,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.context import BaseContext

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 20.0  # a deadline; nothing should come near it
WARNS = sys.version_info >= (3, 12)  # of a fork while other threads run


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


# -- What the child sees. --------------------------------------------------------------------------


def case_the_child_is_alone() -> None:
    threads_may_run()
    handle = parked()

    def check() -> None:
        assert threading.enumerate() == [threading.main_thread()]
        assert threading.current_thread() is threading.main_thread()
        assert threading.active_count() == 1
        assert _ffi.statistics()["live"] == _ffi.statistics()["idle"] == 0

    assert fork(check) == 0
    assert len(threading.enumerate()) == 2
    end(handle)


def case_a_thread_of_the_parent_gives_an_error() -> None:
    threads_may_run()
    running, finished = parked(), spawn(int)
    while not finished.is_finished():
        sleep(0.001)

    def check() -> None:
        assert running.is_finished()
        assert "finished" in repr(running)
        result = running.join()
        assert isinstance(result, Err)
        assert isinstance(result.error, JoinError)
        assert "fork" in str(result.error)
        try:
            running.join()
        except UseAfterMoveError:
            pass
        else:
            raise AssertionError("joined twice")
        assert spawn(int, "1").join() == Ok(1)  # after such a join too
        running.thread.unpark()  # means nothing, and does no harm
        assert finished.join() == Ok(0)  # the result was there before the fork

    assert fork(check) == 0
    assert not running.is_finished()
    assert finished.join() == Ok(0)
    end(running)


def case_a_join_with_timeout_of_a_parents_thread_gives_the_error_at_once() -> None:
    threads_may_run()
    handle = parked()

    def check() -> None:
        began = time.monotonic()
        assert isinstance(handle.join(SECONDS).unwrap_err(), JoinError)
        assert time.monotonic() - began < SECONDS / 2

    assert fork(check) == 0
    end(handle)


def case_threads_work_in_the_child() -> None:
    threads_may_run()
    handle = parked()
    key = thread_local(list)
    key.get().append("parent")

    def work(number: int) -> tuple[int, list[str]]:
        return number, key.get()

    def check() -> None:
        assert [spawn(work, n).join() for n in range(50)] == [Ok((n, [])) for n in range(50)]
        with scope() as s:
            handles = [s.spawn(work, n) for n in range(20)]
        assert [h.join().unwrap()[0] for h in handles] == list(range(20))
        assert Builder(name="x", dedicated=True).spawn_unchecked(work, 1).join() == Ok((1, []))
        assert key.get() == ["parent"]
        assert _ffi.statistics()["os_threads_reused"] > 0

    assert fork(check) == 0
    end(handle)


def case_ids_go_on_in_the_child() -> None:
    threads_may_run()
    handle = parked()
    main = current().id

    def check() -> None:
        assert current().id == main
        known: set[ThreadId] = {main, handle.thread.id}
        assert spawn(lambda: current().id).join().unwrap() not in known

    assert fork(check) == 0
    end(handle)


def case_the_parent_goes_on() -> None:
    threads_may_run()
    handles = [parked() for _ in range(5)]
    for _ in range(10):
        assert fork(lambda: spawn(int).join().unwrap()) == 0
    assert [spawn(int, str(n)).join() for n in range(10)] == [Ok(n) for n in range(10)]
    for handle in handles:
        assert not handle.is_finished()
        handle.thread.unpark()
        assert handle.join(SECONDS) == Ok(None)


def case_a_token_survives() -> None:
    current().unpark()

    def check() -> None:
        park()

    assert fork(check) == 0
    park()


def case_thread_locals_of_the_forking_thread_go_with_the_child() -> None:
    threads_may_run()
    gone: list[int] = []

    class Loud:
        def __del__(self) -> None:
            gone.append(os.getpid())

    key = thread_local(Loud)

    def work() -> int:
        key.get()
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            key.take()
            os.write(write, b"gone" if gone == [os.getpid()] else b"kept")
            os._exit(0)
        os.close(write)
        assert status_of(pid) == 0
        with open(read, "rb") as pipe:
            assert pipe.read() == b"gone"
        return os.getpid()

    parent = spawn(work).join().unwrap()
    assert gone == [parent]


# -- Forks in threads. -----------------------------------------------------------------------------


ENDS: dict[str, tuple[Callable[[], object], int]] = {
    "returns": (lambda: "value", 0),
    "sys.exit()": (sys.exit, 0),
    "sys.exit(9)": (lambda: sys.exit(9), 9),
    "sys.exit('text')": (lambda: sys.exit("text"), 1),
    "raises": (lambda: 1 // 0, 1),
    "process.exit(4)": (lambda: process.exit(4), 4),
    "os._exit(5)": (lambda: os._exit(5), 5),
}


def case_a_closure_that_forked_ends_the_child() -> None:
    threads_may_run()
    panic.set_hook(lambda info: None)

    def work(action: Callable[[], object]) -> int:
        pid = os.fork()
        if pid == 0:
            action()
        return pid

    for name, (action, status) in ENDS.items():
        for dedicated in (False, True):
            pid = Builder(dedicated=dedicated).spawn_unchecked(work, action).join().unwrap()
            assert status_of(pid) == status, (name, dedicated)


def case_a_child_of_a_thread_has_a_main_thread() -> None:
    threads_may_run()

    def check() -> None:
        assert threading.current_thread() is threading.main_thread()
        assert threading.main_thread().ident == threading.get_ident()
        assert threading.enumerate() == [threading.main_thread()]
        assert type(threading.current_thread()) is type(main)

    main = threading.main_thread()
    assert Builder(name="forks").spawn_unchecked(fork, check).join() == Ok(0)
    assert threading.main_thread() is main

    def see_oneself() -> str:
        fork(int)
        return threading.current_thread().name

    assert Builder(name="forks").spawn_unchecked(see_oneself).join() == Ok("forks")


def case_a_child_of_a_thread_takes_signals() -> None:
    """Its only thread is the main one now: Ctrl-C must reach its waits."""
    threads_may_run()

    def check() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        other = spawn(park)
        other_pid = os.getpid()
        killer = threading.Timer(0.05, os.kill, (other_pid, signal.SIGINT))
        killer.start()
        try:
            other.join(SECONDS)
        except KeyboardInterrupt:
            return
        raise AssertionError("not interrupted")

    assert spawn(fork, check).join() == Ok(0)


def case_a_child_of_a_thread_spawns_and_forks() -> None:
    def grandchild() -> None:
        assert spawn(int, "2").join() == Ok(2)

    def child() -> None:
        assert spawn(fork, grandchild).join() == Ok(0)
        assert fork(grandchild) == 0

    threads_may_run()
    assert spawn(fork, child).join() == Ok(0)
    assert spawn(lambda: spawn(fork, child).join().unwrap()).join() == Ok(0)


def case_output_of_a_child_of_a_thread_arrives_once() -> None:
    threads_may_run()
    read, write = os.pipe()

    def work() -> int:
        pid = os.fork()
        if pid == 0:
            os.dup2(write, 1)
            print("child")
        return pid

    sys.stdout.flush()
    assert status_of(spawn(work).join().unwrap()) == 0
    os.close(write)
    with open(read, encoding="utf-8") as pipe:
        assert pipe.read() == "child\n"


def case_a_fork_in_a_scope() -> None:
    threads_may_run()

    def check() -> None:
        with scope() as inner:
            inner.spawn(int)

    with scope() as s:
        sleeper = s.spawn(park)
        assert fork(check) == 0
        pid = os.fork()
        if pid == 0:
            # The scope's thread is not here: the end of the block must not wait for it.
            s.__exit__(None, None, None)
            os._exit(6)
        assert status_of(pid) == 6
        assert not sleeper.is_finished()
        sleeper.thread.unpark()
    assert sleeper.join() == Ok(None)


def case_a_fork_by_a_scoped_thread() -> None:
    threads_may_run()
    with scope() as s:
        forks = [s.spawn(fork, int) for _ in range(4)]
    assert [handle.join() for handle in forks] == [Ok(0)] * 4


def case_a_fork_while_others_join() -> None:
    threads_may_run()
    target = parked()
    joiners = [spawn(target._packet.wait, -1) for _ in range(3)]
    assert fork(lambda: target.join().unwrap_err()) == 0
    end(target)
    assert [joiner.join(SECONDS) for joiner in joiners] == [Ok(_ffi.DONE)] * 3


def case_forks_of_many_threads_at_once() -> None:
    threads_may_run()
    barrier = threading.Barrier(6)

    def work() -> int:
        barrier.wait(SECONDS)
        return fork(lambda: spawn(int).join().unwrap())

    assert [h.join(SECONDS) for h in [spawn(work) for _ in range(6)]] == [Ok(0)] * 6


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
