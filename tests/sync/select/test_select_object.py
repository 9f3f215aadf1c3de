"""Select: operations added at run time, and `ready`; by crossbeam's test names."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from pythread_rs import Err, Ok
from pythread_rs.sync import (
    ReadyTimeoutError,
    Select,
    SelectTimeoutError,
    Stopped,
    StopToken,
    TryReadyError,
    TrySelectError,
    after,
    mpmc,
    never,
)
from pythread_rs.sync.mpmc import RecvError, SendError, TryRecvError

DEADLINE = 10.0
RunAll = Callable[..., list[Any]]


def select_of(*receivers: Any, biased: bool = False) -> Select:
    select = Select(biased=biased)
    for place, receiver in enumerate(receivers):
        assert select.recv(receiver) == place
    return select


def test_operations_are_added_done_and_removed() -> None:
    (tx1, rx1), (tx2, rx2) = mpmc.channel(), mpmc.sync_channel(0)
    select = select_of(rx1, rx2)
    assert select.send(tx1.sending("v")) == 2
    assert select.select() == (2, Ok(None))
    with pytest.raises(IndexError):
        select.remove(2)  # a send is done once
    assert select.select() == (0, Ok("v"))
    tx2.drop()
    assert select.select() == (1, Err(RecvError()))
    select.remove(1)
    assert select.try_select() == (None, Err(TrySelectError()))
    assert select.recv(rx2) == 3  # places are not used again
    assert select.select() == (3, Err(RecvError()))


def test_a_send_that_was_not_done_stays() -> None:
    (full, rx), (tx, _rx) = mpmc.sync_channel(0), mpmc.channel()
    select = Select()
    kept = select.send(full.sending(["kept"]))
    for _ in range(3):
        select.send(tx.sending(0))
        assert select.select()[0] != kept
    assert select.select_timeout(0.001) == (None, Err(SelectTimeoutError()))
    rx.drop()
    assert select.select() == (kept, Err(SendError(["kept"])))


def test_times() -> None:
    select = select_of(never())
    began = time.monotonic()
    timed_out = (None, Err(SelectTimeoutError()))
    assert select.select_timeout(0.005) == timed_out
    assert select.select_deadline(began + 0.01) == timed_out
    assert time.monotonic() - began >= 0.01
    assert select.select_deadline(began) == timed_out
    assert isinstance(ReadyTimeoutError(), TimeoutError)
    for method in (Select().select, Select().ready):
        with pytest.raises(ValueError, match="no operations have been added"):
            method()


def test_a_biased_select_takes_the_first() -> None:
    channels = [mpmc.channel() for _ in range(3)]
    for tx, _ in channels[1:]:
        tx.send(0)
        tx.send(0)
    select = select_of(*(rx for _, rx in channels), biased=True)
    assert [select.ready(), *(select.select()[0] for _ in range(4))] == [1, 1, 1, 2, 2]


def test_wrong_arguments() -> None:
    tx, rx = mpmc.channel()
    for wrong in (rx, tx):
        with pytest.raises(TypeError, match=r"not a `sender.sending\(value\)`"):
            Select().send(wrong)  # type: ignore[arg-type]
    select = Select()
    select.recv(tx)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="an operation is"):
        select.select()


# ---- ready ------------------------------------------------------------------


def test_smoke1() -> None:
    (tx1, rx1), (tx2, rx2) = mpmc.channel(), mpmc.channel()
    select = select_of(rx1, rx2)
    tx1.send(1)
    assert (select.ready(), select.ready(), rx1.try_recv()) == (0, 0, Ok(1))
    tx2.send(2)
    assert (select.ready(), rx2.try_recv()) == (1, Ok(2))


def test_ready_default() -> None:
    tx, rx = mpmc.sync_channel(1)
    select = select_of(rx)
    assert select.try_ready() == Err(TryReadyError())
    assert select.ready_timeout(0.001) == Err(ReadyTimeoutError())
    assert select.ready_deadline(time.monotonic()) == Err(ReadyTimeoutError())
    tx.send(1)
    assert select.try_ready() == select.ready_timeout(DEADLINE) == Ok(0)
    assert Select().ready_timeout(0.001) == Err(ReadyTimeoutError())


def test_ready_of_a_send_is_whether_there_is_room() -> None:
    tx, rx = mpmc.sync_channel(1)
    select = Select()
    select.send(tx.sending("not sent"))
    assert select.ready() == 0
    assert rx.is_empty()
    tx.send("full")
    assert select.try_ready() == Err(TryReadyError())
    rx.drop()
    assert select.ready() == 0


def changes() -> dict[str, Callable[[], tuple[Select, Callable[[], object]]]]:
    """Give one select that waits for each kind of change, and the change."""

    def message(tx: Any, rx: Any) -> Any:
        return select_of(rx), lambda: tx.send(1)

    def end_of_senders(tx: Any, rx: Any) -> Any:
        return select_of(rx), tx.drop

    def room(tx: Any, rx: Any) -> Any:
        tx.send(1)
        select = Select()
        select.send(tx.sending(2))
        return select, rx.recv

    def end_of_receivers(tx: Any, rx: Any) -> Any:
        tx.send(1)
        select = Select()
        select.send(tx.sending(2))
        return select, rx.drop

    makes = (message, end_of_senders, room, end_of_receivers)
    return {make.__name__: partial(_made, make) for make in makes}


def _made(make: Any) -> tuple[Select, Callable[[], object]]:
    made: tuple[Select, Callable[[], object]] = make(*mpmc.sync_channel(1))
    return made


@pytest.mark.parametrize("change", changes())
def test_ready_unblocks(change: str, run_all: RunAll, await_sleepers: Any) -> None:
    select, act = changes()[change]()
    asleep = await_sleepers(1)

    def change_it() -> None:
        asleep()
        act()

    assert run_all(select.ready, change_it)[0] == 0


@pytest.mark.parametrize("first", ["send", "recv"])
def test_ready_unblocks_at_a_rendezvous(first: str, run_all: RunAll) -> None:
    tx, rx = mpmc.sync_channel(0)
    select = Select()
    if first == "send":
        select.recv(rx)
    else:
        select.send(tx.sending(0))

    def meet() -> object:
        assert select.ready() == 0
        return rx.try_recv() if first == "send" else tx.try_send("v")

    other = (lambda: tx.send("v")) if first == "send" else rx.recv
    assert {repr(result) for result in run_all(meet, other)} == {"Ok('v')", "Ok(None)"}


def test_ready_wakes_all(run_all: RunAll, await_sleepers: Any) -> None:
    """Who is told of a message may leave it, so all are told."""
    tx, rx = mpmc.channel()
    asleep = await_sleepers(6)

    def send() -> None:
        asleep()
        tx.send(1)

    assert run_all(*[select_of(rx, never()).ready] * 6, send)[:-1] == [0] * 6
    assert [*rx.try_iter()] == [1]


def test_ready_stops() -> None:
    token = StopToken()
    token.stop()
    with pytest.raises(Stopped):
        select_of(never()).ready(stop=token)


def test_ready_of_timers() -> None:
    timer = after(0.005)
    select = select_of(never(), timer)
    assert select.try_ready() == Err(TryReadyError())
    assert select.ready() == 1
    assert timer.try_recv().is_ok()
    assert timer.try_recv() == Err(TryRecvError.Empty)


def test_send_recv_same_channel() -> None:
    tx, rx = mpmc.sync_channel(0)
    select = select_of(rx)
    select.send(tx.sending(0))
    assert select.try_ready() == Err(TryReadyError())
    assert select.ready_timeout(0.001) == Err(ReadyTimeoutError())


def test_stress_ready(run_all: RunAll) -> None:
    """Each message is taken, though several threads race for what is ready."""
    channels = [mpmc.sync_channel(i) for i in range(3)]
    count = 300

    def receive() -> list[int]:
        select = select_of(*(rx for _, rx in channels))
        received: list[int] = []
        ended: set[int] = set()
        while len(ended) < len(channels):
            place = select.ready()
            match channels[place][1].try_recv():
                case Ok(message):
                    received.append(message)
                case Err(TryRecvError.Disconnected):
                    ended.add(place)
                    select.remove(place)
        return received

    def send(place: int) -> None:
        tx = channels[place][0]
        for i in range(count):
            tx.send(place * count + i)
        tx.drop()

    senders = [lambda i=i: send(i) for i in range(3)]
    one, other, *_ = run_all(receive, receive, *senders)
    assert sorted(one + other) == list(range(3 * count))
