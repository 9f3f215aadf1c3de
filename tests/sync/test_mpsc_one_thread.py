"""A receiver of `mpsc` is for one thread at a time; moved from one to the next it serves any."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, Ok
from pythread_rs.ownership import NotSendError
from pythread_rs.sync import mpmc, mpsc, select, try_select
from pythread_rs.sync.mpsc import RecvError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pythread_rs import JoinHandle

    Blocked = Callable[..., JoinHandle[Any]]

SECONDS = 10.0

WAITS: dict[str, Callable[[Any], object]] = {
    "recv": lambda rx: rx.recv().unwrap(),
    "recv_timeout": lambda rx: rx.recv_timeout(SECONDS).unwrap(),
    "recv_deadline": lambda rx: rx.recv_deadline(1e9).unwrap(),
    "next": next,
    "iter": lambda rx: next(iter(rx.iter())),
}
USES: dict[str, Callable[[Any], object]] = {
    **WAITS,
    "try_recv": lambda rx: rx.try_recv(),
    "try_iter": lambda rx: list(rx.try_iter()),
    "select": lambda rx: select(rx, timeout=0),
    "try_select": lambda rx: try_select(rx),
}


def start(f: Callable[..., Any], *args: Any) -> JoinHandle[Any]:
    return Builder().spawn_unchecked(f, *args)


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("use", USES)
def test_a_second_thread_is_refused_while_one_waits(wait: str, use: str, blocked: Blocked) -> None:
    tx, rx = mpsc.channel()
    waiter = blocked(WAITS[wait], rx)
    with pytest.raises(NotSendError, match=r"error\[E0277\]: `mpsc::Receiver` cannot be shared"):
        USES[use](rx)
    tx.send(1).unwrap()
    assert waiter.join(SECONDS) == Ok(1)
    tx.send(2).unwrap()
    assert rx.recv() == Ok(2)


def test_the_refusal_names_the_way_out(blocked: Blocked) -> None:
    tx, rx = mpsc.sync_channel(0)
    waiter = blocked(rx.recv)
    with pytest.raises(NotSendError, match="mpmc"):
        rx.recv()
    tx.drop()
    assert waiter.join(SECONDS).unwrap().unwrap_err() == RecvError()


def test_a_receiver_of_mpmc_is_for_all(flavor: Any) -> None:
    tx, rx = flavor.mpmc()
    waiters = [start(rx.recv) for _ in range(3)]
    for number in range(3):
        tx.send(number).unwrap()
    assert sorted(w.join(SECONDS).unwrap().unwrap() for w in waiters) == [0, 1, 2]
    assert isinstance(rx, mpmc.Receiver)


def test_another_thread_may_drop_it_and_look(blocked: Blocked) -> None:
    tx, rx = mpsc.channel()
    waiter = blocked(rx.recv)
    assert not rx.is_disconnected()
    assert repr(rx) == "Receiver { .. }"
    tx.drop()
    assert waiter.join(SECONDS).unwrap().is_err()
    rx.drop()


@pytest.mark.usefixtures("hasty")
def test_threads_one_after_the_other_are_not_refused() -> None:
    """A lock orders them, and each of them waits."""
    tx, rx = mpsc.channel()
    turn = threading.Lock()
    numbers = iter(range(400))

    def receive() -> int:
        total = 0
        for _ in range(100):
            with turn:
                sender = start(tx.send, next(numbers))
                total += rx.recv().unwrap()
            sender.join(SECONDS).unwrap()
        return total

    receivers = [start(receive) for _ in range(4)]
    assert sum(r.join(SECONDS).unwrap() for r in receivers) == sum(range(400))


def test_an_interrupted_or_timed_wait_lets_go_of_it() -> None:
    tx, rx = mpsc.channel()
    assert start(rx.recv_timeout, 0.001).join(SECONDS).unwrap().is_err()
    tx.send(1).unwrap()
    assert rx.recv() == Ok(1)


PROGRAM = """
import os, signal, warnings
from pythread_rs import Builder, _ffi
from pythread_rs.sync import mpsc

warnings.simplefilter("ignore", DeprecationWarning)
tx, rx = mpsc.channel()

def handler(number, frame):
    print(rx.try_recv(), flush=True)
    tx.send("from the handler")

signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.05)
print(rx.recv(), flush=True)
parks = _ffi.statistics()["parks"]
waiter = Builder().spawn_unchecked(rx.recv)
while _ffi.statistics()["parks"] == parks:
    pass
pid = os.fork()
if pid == 0:
    tx.send("of the child")
    print(rx.recv(), rx.try_recv(), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
tx.send("of the parent")
print(waiter.join())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_signal_handler_and_the_child_of_a_fork(run_child: Callable[..., Any]) -> None:
    done = run_child(PROGRAM)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "Err(Empty)",
        "Ok('from the handler')",
        "Ok('of the child') Err(Empty)",
        "Ok(Ok('of the parent'))",
    ]
