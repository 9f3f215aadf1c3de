"""select: which operation happens, and that it is exactly one; by crossbeam's test names."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from pythread_rs import Err, Ok
from pythread_rs.ownership import UseAfterMoveError
from pythread_rs.sync import (
    SelectTimeoutError,
    Stopped,
    StopToken,
    TrySelectError,
    mpmc,
    mpsc,
    never,
    oneshot,
    select,
    try_select,
)
from pythread_rs.sync.mpmc import RecvError, SendError, TryRecvError

DEADLINE = 10.0
RunAll = Callable[..., list[Any]]

NOT_YET = (None, Err(SelectTimeoutError()))


def test_smoke1() -> None:
    (tx1, rx1), (tx2, rx2) = mpsc.channel(), mpsc.channel()
    tx1.send(1)
    assert select(rx1, rx2) == (0, Ok(1))
    tx2.send(2)
    assert select(rx1, rx2) == (1, Ok(2))


def test_smoke2() -> None:
    channels = [mpsc.channel() for _ in range(5)]
    channels[4][0].send(5)
    assert select(*(rx for _, rx in channels)) == (4, Ok(5))


@pytest.mark.parametrize("gone", ["sender", "receiver"])
def test_disconnected(gone: str) -> None:
    tx, rx = mpmc.sync_channel(0)
    if gone == "sender":
        tx.drop()
        assert select(rx, never()) == (0, Err(RecvError()))
    else:
        rx.drop()
        assert select(never(), tx.sending(1)) == (1, Err(SendError(1)))


@pytest.mark.parametrize("direction", ["recv", "send"])
def test_disconnect_wakes(direction: str, run_all: RunAll, probe: Any) -> None:
    tx, rx = mpmc.sync_channel(0)
    operation: Any = rx if direction == "recv" else tx.sending("back")

    def disconnect() -> None:
        probe.await_waiter()
        (tx if direction == "recv" else rx).drop()

    wanted = RecvError() if direction == "recv" else SendError("back")
    found, _ = run_all(lambda: select(probe.rx, operation), disconnect)
    assert found == (1, Err(wanted))


def test_disconnect_wakes_every_select(run_all: RunAll, make_probe: Any) -> None:
    """Each select that is woken wakes the next, though it stands in other queues as well."""
    tx, rx = mpmc.sync_channel(0)
    probes = [make_probe() for _ in range(12)]

    def disconnect() -> None:
        for probe in probes:
            probe.await_waiter()
        tx.drop()

    waits = [lambda probe=probe: select(probe.rx, rx) for probe in probes]
    assert run_all(*waits, disconnect)[:-1] == [(1, Err(RecvError()))] * 12


def test_default() -> None:
    tx, rx = mpsc.channel()
    assert select(rx, default="idle") == (None, Ok("idle"))
    assert try_select(rx) == (None, Err(TrySelectError()))
    tx.send(1)
    assert select(rx, default="idle") == (0, Ok(1))
    tx.drop()
    assert try_select(rx) == (0, Err(RecvError()))


def test_timeout() -> None:
    _tx, rx = mpsc.channel()
    began = time.monotonic()
    assert select(rx, timeout=0.01) == NOT_YET
    assert time.monotonic() - began >= 0.01
    assert isinstance(select(rx, timeout=0)[1].error, TimeoutError)  # type: ignore[union-attr]
    assert select(rx, timeout=0.001, default=0) == (None, Ok(0))


def test_default_when_disconnected() -> None:
    tx, rx = mpsc.channel()
    tx.drop()
    assert select(rx, default=0) == (0, Err(RecvError()))
    assert select(rx, timeout=DEADLINE) == (0, Err(RecvError()))


def test_default_only() -> None:
    assert select(default=1) == (None, Ok(1))
    assert select(timeout=0.001) == NOT_YET
    assert try_select() == (None, Err(TrySelectError()))
    with pytest.raises(ValueError, match="no operations have been added"):
        select()


@pytest.mark.parametrize("direction", ["recv", "send"])
def test_unblocks(direction: str, run_all: RunAll, probe: Any) -> None:
    tx, rx = mpmc.sync_channel(0)
    operation: Any = rx if direction == "recv" else tx.sending("m")

    def other_side() -> object:
        probe.await_waiter()
        return tx.try_send("m") if direction == "recv" else rx.try_recv()

    found, other = run_all(lambda: select(probe.rx, operation, never()), other_side)
    assert found == (1, Ok("m" if direction == "recv" else None))
    assert other == Ok(None if direction == "recv" else "m")
    assert rx.try_recv() == Err(TryRecvError.Empty)
    assert not probe.is_waited_for()  # it has left the other queues


def test_both_ready(run_all: RunAll) -> None:
    """Two selects meet in a rendezvous, whichever of them comes first."""
    tx, rx = mpmc.sync_channel(0)
    for i in range(200):
        one, other = run_all(
            lambda i=i: select(never(), tx.sending(i)), lambda: select(rx, never())
        )
        assert (one, other) == ((1, Ok(None)), (0, Ok(i)))


def test_loop_try(run_all: RunAll) -> None:
    (tx1, rx1), (tx2, rx2) = mpmc.sync_channel(0), mpmc.sync_channel(0)

    def poll(*operations: Any) -> Any:
        deadline = time.monotonic() + DEADLINE
        while (found := select(*operations, default=None))[0] is None:
            assert time.monotonic() < deadline
        return found

    assert run_all(lambda: tx1.send(1), lambda: poll(rx1)) == [Ok(None), (0, Ok(1))]
    assert run_all(rx2.recv, lambda: poll(tx2.sending(2))) == [Ok(2), (0, Ok(None))]


def test_cloning(run_all: RunAll, probe: Any) -> None:
    """A select sees what comes by a clone, and the end of the last one only."""
    tx, rx = mpmc.channel()
    clone = tx.clone()

    def send() -> None:
        probe.await_waiter()
        tx.drop()
        assert probe.is_waited_for()
        clone.clone().send(7)

    assert run_all(lambda: select(rx, probe.rx), send)[0] == (0, Ok(7))
    clone.drop()
    assert select(rx.clone(), probe.rx) == (0, Err(RecvError()))


def test_duplicate_operations(run_all: RunAll, probe: Any) -> None:
    tx, rx = mpmc.sync_channel(1)
    assert select(*[tx.sending(i) for i in range(5)])[1] == Ok(None)
    assert rx.len() == 1
    assert select(rx, rx, rx)[1].is_ok()
    assert select(rx, rx, timeout=0.001) == NOT_YET

    def send() -> None:
        probe.await_waiter()
        tx.send("once")

    (place, result), _ = run_all(lambda: select(rx, probe.rx, rx), send)
    assert (place in {0, 2}, result) == (True, Ok("once"))
    assert rx.is_empty()


def test_nesting() -> None:
    tx, rx = mpmc.channel()
    received: list[Any] = []
    for i in range(3):
        assert select(tx.sending(i), never()) == (0, Ok(None))
        received.append(select(rx, never()))
    assert received == [(0, Ok(i)) for i in range(3)]


@pytest.mark.parametrize("capacity", [0, 1])
def test_send_recv_same_channel(capacity: int) -> None:
    """A select never meets itself."""
    tx, rx = mpmc.sync_channel(capacity)
    if capacity == 0:
        assert select(tx.sending(1), rx, timeout=0.001) == NOT_YET
        return
    assert select(rx, tx.sending(1), default=None) == (1, Ok(None))
    assert select(tx.sending(2), rx) == (1, Ok(1))


@pytest.mark.parametrize("capacity", [0, 1, None])
def test_channel_through_channel(capacity: int | None, run_all: RunAll) -> None:
    def pair() -> Any:
        return mpmc.channel() if capacity is None else mpmc.sync_channel(capacity)

    tx, rx = pair()

    def send(tx: Any) -> None:
        for _ in range(100):
            new_tx, new_rx = pair()
            assert select(tx.sending([new_rx])) == (0, Ok(None))
            tx = new_tx

    def receive(rx: Any) -> None:
        for _ in range(100):
            place, result = select(rx)
            [rx] = result.unwrap()
            assert place == 0

    run_all(lambda: send(tx), lambda: receive(rx))


def test_matching(run_all: RunAll) -> None:
    """Of many threads that send to and receive from one channel, each meets one other."""
    tx, rx = mpmc.sync_channel(0)
    found = run_all(*(lambda i=i: select(rx, tx.sending(i)) for i in range(20)))
    received = [result.unwrap() for place, result in found if place == 0]
    assert len(received) == 10
    senders = {i for i, (place, _) in enumerate(found) if place == 1}
    assert set(received) == senders


def test_the_values_of_other_sends_stay() -> None:
    (full, _kept), (free, rx) = mpmc.sync_channel(0), mpmc.channel()
    waiting = full.sending(["mine"])
    assert select(waiting, free.sending("sent")) == (1, Ok(None))
    assert select(waiting, timeout=0.001) == NOT_YET
    assert waiting.into_inner() == ["mine"]
    assert rx.recv() == Ok("sent")


def test_a_sending_is_sent_once() -> None:
    tx, rx = mpsc.channel()
    sending = tx.sending(1)
    assert select(sending) == (0, Ok(None))
    for use in (lambda: select(sending), sending.into_inner):
        with pytest.raises(UseAfterMoveError, match="E0382"):
            use()
    again = tx.sending(2)
    with pytest.raises(UseAfterMoveError):
        select(again, again)
    assert again.into_inner() == 2
    assert [*rx.try_iter()] == [1]


def test_what_is_no_operation_is_refused() -> None:
    tx, rx = mpsc.channel()
    kept = tx.sending("kept")
    for wrong in (tx, 1, None):
        with pytest.raises(TypeError, match="an operation is a receiver or a"):
            select(kept, wrong)  # type: ignore[call-overload]
    rx.drop()
    with pytest.raises(UseAfterMoveError):
        select(kept, rx)
    assert kept.into_inner() == "kept"


def test_fairness() -> None:
    """Ready operations are taken about equally often; a biased select takes the first."""
    channels = [mpmc.channel() for _ in range(3)]
    for tx, _ in channels:
        for i in range(1000):
            tx.send(i)
    receivers = [rx for _, rx in channels]
    counts = [0, 0, 0]
    for _ in range(900):
        place, result = select(*receivers)
        assert result.is_ok()
        counts[place] += 1
    assert all(200 < count < 400 for count in counts), counts


def test_fairness_send() -> None:
    channels = [mpmc.channel() for _ in range(2)]
    for i in range(400):
        select(*(tx.sending(i) for tx, _ in channels))
    assert all(rx.len() > 100 for _, rx in channels)


def test_unfairness() -> None:
    channels = [mpmc.channel() for _ in range(3)]
    for tx, _ in channels[1:]:
        for i in range(10):
            tx.send(i)
    places = [select(*(rx for _, rx in channels), biased=True)[0] for _ in range(20)]
    assert places == [1] * 10 + [2] * 10


def test_hundreds_of_operations(run_all: RunAll, probe: Any) -> None:
    channels = [mpmc.sync_channel(0) for _ in range(400)]

    def send() -> None:
        probe.await_waiter()
        channels[333][0].send("x")

    found, _ = run_all(lambda: select(*(rx for _, rx in channels), probe.rx), send)
    assert found == (333, Ok("x"))
    assert all(tx.try_send(0).is_err() for tx, _ in channels)


def test_oneshot() -> None:
    tx, rx = oneshot.channel()
    assert select(rx, timeout=0.001) == NOT_YET
    tx.send("one")
    assert select(never(), rx) == (1, Ok("one"))
    with pytest.raises(UseAfterMoveError):
        select(rx)


def test_stop(run_all: RunAll, probe: Any) -> None:
    token = StopToken()
    tx, rx = mpsc.sync_channel(0)
    sending = tx.sending("kept")

    def stop() -> None:
        probe.await_waiter()
        token.stop()

    with pytest.raises(Stopped):
        run_all(lambda: select(probe.rx, sending, stop=token), stop)
    assert (sending.into_inner(), probe.is_waited_for()) == ("kept", False)
    free, _rx = mpsc.channel()
    assert select(free.sending(1), stop=token) == (0, Ok(None))
    with pytest.raises(Stopped):
        select(rx, stop=token)
