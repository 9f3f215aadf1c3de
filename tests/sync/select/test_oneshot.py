"""sync.oneshot: one message, and ends that it consumes; after std's tests of oneshot."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import time
from collections.abc import Callable
from typing import Any

import pytest

from pythread_rs import Err, Ok, move, spawn
from pythread_rs.ownership import UseAfterMoveError
from pythread_rs.sync import Stopped, StopToken, oneshot
from pythread_rs.sync.oneshot import RecvError, RecvTimeoutError, SendError, TryRecvError

RunAll = Callable[..., list[Any]]
TAKEN = UseAfterMoveError


dropped: list[str] = []


class Payload:
    """Something that tells when it goes: a weak reference would hold it, for the check."""

    def __del__(self) -> None:
        dropped.append("payload")


def receives() -> dict[str, Callable[[Any], Any]]:
    return {
        "recv": lambda rx: rx.recv(),
        "try_recv": lambda rx: rx.try_recv(),
        "recv_timeout": lambda rx: rx.recv_timeout(10),
        "recv_deadline": lambda rx: rx.recv_deadline(time.monotonic() + 10),
    }


@pytest.mark.parametrize("how", receives())
def test_send_before_recv(how: str) -> None:
    tx, rx = oneshot.channel()
    assert tx.send(["message"]) == Ok(None)
    assert rx.is_ready()
    assert receives()[how](rx) == Ok(["message"])


@pytest.mark.parametrize("how", receives())
def test_sender_drop(how: str) -> None:
    tx, rx = oneshot.channel()
    del tx
    assert not rx.is_ready()
    gone = {"recv": RecvError(), "try_recv": TryRecvError.Disconnected}
    assert receives()[how](rx) == Err(gone.get(how, RecvTimeoutError.Disconnected))


@pytest.mark.parametrize("how", receives())
def test_the_message_consumes_the_receiver(how: str) -> None:
    tx, rx = oneshot.channel()
    tx.send(1)
    receives()[how](rx)
    for use in receives().values():
        with pytest.raises(TAKEN, match="E0382"):
            use(rx)
    with pytest.raises(TAKEN):
        rx.is_ready()


def test_send_consumes_the_sender() -> None:
    tx, rx = oneshot.channel()
    tx.send(1)
    with pytest.raises(TAKEN, match="E0382"):
        tx.send(2)
    assert rx.recv() == Ok(1)


def test_try_recv_gives_the_receiver_back() -> None:
    tx, rx = oneshot.channel()
    match rx.try_recv():
        case Err(TryRecvError.Empty(receiver)):
            assert receiver is rx
        case other:
            pytest.fail(f"{other}")
    tx.send(1)
    assert receiver.try_recv() == Ok(1)


def test_recv_timeout_gives_the_receiver_back() -> None:
    tx, rx = oneshot.channel()
    began = time.monotonic()
    match rx.recv_timeout(0.005):
        case Err(RecvTimeoutError.Timeout(receiver) as error):
            assert isinstance(error, TimeoutError)
        case other:
            pytest.fail(f"{other}")
    assert time.monotonic() - began >= 0.005
    assert isinstance(receiver.recv_deadline(0.0).unwrap_err(), RecvTimeoutError.Timeout)
    tx.send(1)
    assert receiver.recv_timeout(0) == Ok(1)


@pytest.mark.parametrize("how", ["recv", "recv_timeout", "recv_deadline"])
def test_recv_before_send(how: str, run_all: RunAll, await_sleepers: Any) -> None:
    tx, rx = oneshot.channel()
    asleep = await_sleepers(1)

    def send() -> Any:
        asleep()
        return tx.send("late")

    assert run_all(lambda: receives()[how](rx), send) == [Ok("late"), Ok(None)]
    with pytest.raises(TAKEN):
        rx.recv()


def test_recv_then_sender_drop(run_all: RunAll, await_sleepers: Any) -> None:
    tx, rx = oneshot.channel()
    asleep = await_sleepers(1)

    def drop() -> None:
        asleep()
        tx.drop()

    assert run_all(rx.recv, drop)[0] == Err(RecvError())


def test_send_error() -> None:
    tx, rx = oneshot.channel()
    del rx
    assert tx.is_disconnected()
    assert tx.send("back") == Err(SendError("back"))
    with pytest.raises(TAKEN):
        tx.send("again")


def test_a_message_goes_with_its_receiver() -> None:
    dropped.clear()
    tx, rx = oneshot.channel()
    tx.send(Payload())
    gc.collect()
    assert dropped == []
    del rx
    assert dropped == ["payload"]


def test_a_cycle_is_collected() -> None:
    dropped.clear()
    tx, rx = oneshot.channel()
    payload: Any = Payload()
    payload.rx = rx
    del rx
    tx.send(payload)
    del tx
    gc.collect()
    assert dropped == ["payload"]


def test_stop_leaves_the_receiver() -> None:
    tx, rx = oneshot.channel()
    token = StopToken()
    token.stop()
    with pytest.raises(Stopped):
        rx.recv(stop=token)
    tx.send(1)
    assert rx.recv(stop=token) == Ok(1)


def test_both_ends_move_to_threads() -> None:
    def main() -> Any:
        tx, rx = oneshot.channel()
        sender = spawn(move(lambda: tx.send(6 * 7)))
        receiver = spawn(move(lambda: rx.recv()))
        return sender.join(), receiver.join()

    assert main() == (Ok(Ok(None)), Ok(Ok(42)))


def test_stress_send_and_drop(run_all: RunAll) -> None:
    """However a send, a receive and a drop meet, the message comes or goes back."""
    for i in range(200):
        tx, rx = oneshot.channel()
        end = (lambda rx=rx: rx.recv()) if i % 2 else rx.drop
        sent, received = run_all(lambda tx=tx, i=i: tx.send(i), end)
        if i % 2:
            assert (sent, received) == (Ok(None), Ok(i))
        else:
            assert sent in (Ok(None), Err(SendError(i)))


def test_await() -> None:
    async def main() -> Any:
        tx, rx = oneshot.channel()
        handle = spawn(move(lambda: tx.send("hi")))
        result = await rx.recv_async()
        with pytest.raises(TAKEN):
            rx.try_recv()
        return result, handle.join()

    assert asyncio.run(main()) == (Ok("hi"), Ok(Ok(None)))


def test_await_that_is_cancelled_leaves_the_receiver() -> None:
    async def main() -> Any:
        tx, rx = oneshot.channel()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(rx.recv_async(), 0.002)
        tx.send(1)
        return rx.try_recv()

    assert asyncio.run(main()) == Ok(1)


def test_forms() -> None:
    tx, rx = oneshot.channel()
    assert (repr(tx), repr(rx)) == ("Sender { .. }", "Receiver { .. }")
    for end in (tx, rx):
        with pytest.raises(TypeError, match="cannot be copied"):
            copy.copy(end)
        with pytest.raises(TypeError, match="cannot pickle"):
            pickle.dumps(end)
        with pytest.raises(TypeError):
            type(end)()
    assert str(rx.try_recv().unwrap_err()) == "receiving on an empty channel"
    assert str(rx.recv_timeout(0).unwrap_err()) == "timed out waiting on channel"
    assert str(TryRecvError.Disconnected) == "receiving on a closed channel"
    assert str(RecvTimeoutError.Disconnected) == "receiving on a closed channel"
    tx.drop()
    tx.drop()
    with pytest.raises(TAKEN):
        tx.send(1)
