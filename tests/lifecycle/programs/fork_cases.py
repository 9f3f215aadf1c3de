"""Child of the fork tests: fork in all sorts of places, and look at both sides.

usage: fork_cases.py CASE
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from pythread_rs import (
    Builder,
    Err,
    JoinError,
    Ok,
    ThreadId,
    UseAfterMoveError,
    _ffi,
    current,
    panic,
    park,
    process,
    scope,
    sleep,
    thread_local,
)

if TYPE_CHECKING:
    from collections.abc import Callable

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


if __name__ == "__main__":
    globals()[f"case_{sys.argv[1]}"]()
