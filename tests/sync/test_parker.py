"""Parker and Unparker, by crossbeam's tests and the rows of its table."""

from __future__ import annotations

import copy
import os
import pickle
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Ok, spawn
from pythread_rs.ownership import is_send, is_sync
from pythread_rs.sync import Parker, Unparker, UnparkReason

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE = 10.0


def test_park_timeout_unpark_before() -> None:
    parker = Parker()
    for _ in range(10):
        parker.unparker().unpark()
        assert parker.park_timeout(timedelta(days=49)) is UnparkReason.Unparked


def test_park_timeout_unpark_not_called() -> None:
    parker = Parker()
    for _ in range(10):
        assert parker.park_timeout(0.001) is UnparkReason.Timeout


def test_park_timeout_unpark_called_other_thread() -> None:
    for _ in range(10):
        parker = Parker()
        handle = spawn(Unparker.unpark, parker.unparker())
        assert parker.park_timeout(timedelta(days=49)) is UnparkReason.Unparked
        assert handle.join(DEADLINE) == Ok(None)


def test_park_takes_one_token() -> None:
    parker = Parker()
    unparker = parker.unparker()
    unparker.unpark()
    unparker.unpark()
    parker.park()
    assert parker.park_timeout(0) is UnparkReason.Timeout


def test_park_deadline() -> None:
    parker = Parker()
    now = time.monotonic()
    assert parker.park_deadline(now - 1) is UnparkReason.Timeout
    assert parker.park_deadline(now + 0.001) is UnparkReason.Timeout
    parker.unparker().unpark()
    assert parker.park_deadline(now - 1) is UnparkReason.Unparked
    parker.unparker().unpark()
    assert parker.park_deadline(float("inf")) is UnparkReason.Unparked


@pytest.mark.parametrize("wrong", [-1, float("nan")])
def test_durations_that_are_none(wrong: float) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        Parker().park_timeout(wrong)
    with pytest.raises(ValueError, match="at least 0"):
        Parker().park_deadline(float("nan"))


def test_clones_leave_the_same_token() -> None:
    parker = Parker()
    unparker = parker.unparker()
    unparker.clone().clone().unpark()
    assert parker.park_timeout(0) is UnparkReason.Unparked


def test_parkers_do_not_share_tokens() -> None:
    one, other = Parker(), Parker()
    one.unparker().unpark()
    assert other.park_timeout(0) is UnparkReason.Timeout
    assert one.park_timeout(0) is UnparkReason.Unparked


def test_a_parker_moves_to_another_thread() -> None:
    parker = Parker()
    unparker = parker.unparker()
    handle = spawn(parker.park_timeout, DEADLINE)
    unparker.unpark()
    assert handle.join(DEADLINE) == Ok(UnparkReason.Unparked)


def test_marks() -> None:
    assert is_send(Parker())
    assert not is_sync(Parker())
    assert is_sync(Parker().unparker())


def test_what_is_shown_and_refused() -> None:
    parker = Parker()
    assert repr(parker) == "Parker { .. }"
    assert repr(parker.unparker()) == "Unparker { .. }"
    with pytest.raises(TypeError, match=r"parker\.unparker\(\)"):
        Unparker()
    with pytest.raises(TypeError, match=r"\.clone\(\)"):
        copy.copy(parker.unparker())
    for refused in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            refused(parker)


def test_ping_pong_under_stress() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    here, there = Parker(), Parker()
    to_here, to_there = here.unparker(), there.unparker()

    def work(parker: Parker, other: Unparker) -> None:
        for _ in range(500):
            parker.park()
            other.unpark()

    try:
        handle = spawn(work, there, to_here)
        for _ in range(500):
            to_there.unpark()
            assert here.park_timeout(DEADLINE) is UnparkReason.Unparked
        assert handle.join(DEADLINE) == Ok(None)
    finally:
        sys.setswitchinterval(interval)


def test_no_token_is_lost_by_timeouts() -> None:
    parker = Parker()

    def work(unparker: Unparker, acknowledged: Parker) -> None:
        for _ in range(300):
            unparker.unpark()
            acknowledged.park()

    acknowledgement = Parker()
    acknowledge = acknowledgement.unparker()
    handle = spawn(work, parker.unparker(), acknowledgement)
    taken = 0
    deadline = time.monotonic() + DEADLINE
    while taken < 300 and time.monotonic() < deadline:
        if parker.park_timeout(0.00002) is UnparkReason.Unparked:
            taken += 1
            acknowledge.unpark()
    assert taken == 300
    assert handle.join(DEADLINE) == Ok(None)


INTERRUPTED = """
    import os, signal, threading
    from pythread_rs.sync import Parker, UnparkReason

    parker = Parker()
    seen = threading.Event()
    def interrupt():
        while not seen.is_set():
            os.kill(os.getpid(), signal.SIGINT)
            seen.wait(0.2)
    interrupter = threading.Thread(target=interrupt)
    try:
        interrupter.start()
        while True:
            parker.park()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        seen.set()
    interrupter.join()
    parker.unparker().unpark()
    print(parker.park_timeout(1))
"""


def test_ctrl_c(run_child: Callable[..., Any]) -> None:
    done = run_child(INTERRUPTED)
    assert (done.stdout, done.stderr) == ("UnparkReason.Unparked\n", "")


FORKED = """
    import os, warnings
    warnings.simplefilter("ignore")
    from pythread_rs import move, spawn
    from pythread_rs.sync import Parker, Unparker, UnparkReason

    parker = Parker()
    unparker = parker.unparker()
    handle = spawn(move(lambda: parker.park()))
    other = Parker()
    other.unparker().unpark()
    pid = os.fork()
    if pid == 0:
        assert other.park_timeout(0) is UnparkReason.Unparked
        unparker.unpark()  # nobody is here who waits
        handle = spawn(Unparker.unpark, other.unparker())
        other.park()
        handle.join().unwrap()
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    unparker.unpark()
    handle.join().unwrap()
    print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork(run_child: Callable[..., Any]) -> None:
    done = run_child(FORKED)
    assert (done.stdout, done.stderr) == ("done\n", "")
