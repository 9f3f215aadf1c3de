"""WaitGroup: shares that are cloned and dropped, and who waits for them."""

from __future__ import annotations

import copy
import os
import pickle
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Err, Ok, move, spawn
from pythread_rs.ownership import UseAfterMoveError, assume_send, is_send, is_sync
from pythread_rs.panic import set_hook, take_hook
from pythread_rs.sync import Barrier, StopToken, WaitGroup, WaitTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pythread_rs import JoinHandle

DEADLINE = 10.0


def start(f: Callable[..., Any], *args: Any) -> JoinHandle[Any]:
    """Spawn a function that shares what it captures with the test."""
    return spawn(assume_send(f), *args)


THREADS = 10


def test_wait() -> None:
    """Crossbeam's `wait`: those who wait and those who work, each with a share."""
    group = WaitGroup()
    done = StopToken()

    def work(share: WaitGroup) -> bool:
        share.wait()
        return done.is_stopped()

    handles = [start(work, group.clone()) for _ in range(THREADS)]
    done.stop()
    group.wait()
    assert [handle.join(DEADLINE) for handle in handles] == [Ok(True)] * THREADS


def test_wait_and_drop() -> None:
    """Crossbeam's `wait_and_drop`: threads that end drop their shares."""
    group, other = WaitGroup(), WaitGroup()
    counted = [0]

    def work(first: WaitGroup, second: WaitGroup) -> None:
        first.wait()
        counted[0] += 1
        del second

    for _ in range(THREADS):
        start(work, group.clone(), other.clone()).detach()
    assert counted[0] == 0
    group.wait()
    other.wait()
    assert counted[0] == THREADS


def test_a_group_alone_does_not_wait() -> None:
    WaitGroup().wait()
    assert WaitGroup().wait_timeout(0) == Ok(None)


def test_wait_consumes_its_share() -> None:
    group = WaitGroup()
    other = group.clone()
    assert repr(other) == "WaitGroup { count: 2 }"
    group.wait_timeout(0)
    del other
    group.wait()
    assert repr(group) == "WaitGroup { moved }"
    for use in (group.wait, group.clone, lambda: group.wait_timeout(0)):
        with pytest.raises(UseAfterMoveError, match="consumed by `wait"):
            use()


def test_a_timeout_gives_the_share_back() -> None:
    group = WaitGroup()
    other = group.clone()
    match group.wait_timeout(0.001):
        case Err(WaitTimeoutError() as error):
            assert str(error) == "timed out waiting on wait group"
        case result:
            pytest.fail(f"{result}")
    assert repr(group) == "WaitGroup { count: 2 }"
    assert other.wait_timeout(0).is_err()
    del group
    assert other.wait_timeout(0) == Ok(None)


def test_a_panicking_thread_drops_its_share() -> None:
    group = WaitGroup()

    def fail(share: WaitGroup) -> None:
        raise ValueError(repr(share))

    set_hook(lambda info: None)
    try:
        handle = spawn(fail, group.clone())
        group.wait()
        assert handle.join().is_err()
    finally:
        take_hook()


def test_a_captured_share_moves() -> None:
    group = WaitGroup()
    share = group.clone()
    spawn(move(lambda: repr(share))).detach()
    group.wait()
    assert is_sync(WaitGroup())
    assert is_send(WaitGroup())


def test_many_wait() -> None:
    group = WaitGroup()
    last = group.clone()
    handles = [spawn(WaitGroup.wait, group.clone()) for _ in range(1000)]
    group.wait_timeout(0)
    del group, last
    assert [handle.join(DEADLINE) for handle in handles] == [Ok(None)] * 1000


def test_two_threads_and_one_share() -> None:
    """One of two that wait by the same object is told that it was consumed."""

    def work(barrier: Barrier, groups: list[WaitGroup]) -> bool:
        barrier.wait()
        try:
            groups[0].wait()
        except UseAfterMoveError:
            return False
        return True

    for _ in range(50):
        barrier, groups = Barrier(2), [WaitGroup()]
        handles = [spawn(work, barrier, assume_send(groups)) for _ in range(2)]
        assert sum(handle.join(DEADLINE).unwrap() for handle in handles) == 1


def test_no_copies() -> None:
    group = WaitGroup()
    with pytest.raises(TypeError, match=r"\.clone\(\)"):
        copy.copy(group)
    for refused in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            refused(group)


def test_stress() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(50):
            group = WaitGroup()
            handles = [spawn(WaitGroup.wait, group.clone()) for _ in range(3)]
            handles += [spawn(lambda share: None, group.clone()) for _ in range(3)]
            while group.wait_timeout(0.0001).is_err():
                pass
            assert all(handle.join(DEADLINE) == Ok(None) for handle in handles)
    finally:
        sys.setswitchinterval(interval)


FORKED = """
    import os, warnings
    warnings.simplefilter("ignore")
    from pythread_rs import spawn
    from pythread_rs.sync import StopToken, WaitGroup

    group, go = WaitGroup(), StopToken()
    handle = spawn(lambda share, go: go.wait(), group.clone(), go)
    pid = os.fork()
    if pid == 0:
        # The share of the thread that is not here is not dropped: nobody can wait for it.
        assert group.wait_timeout(0.01).is_err()
        fresh = WaitGroup()
        spawn(lambda share: None, fresh.clone())
        fresh.wait()
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    go.stop()
    group.wait()
    handle.join().unwrap()
    print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork(run_child: Callable[..., Any]) -> None:
    done = run_child(FORKED)
    assert (done.stdout, done.stderr) == ("done\n", "")
