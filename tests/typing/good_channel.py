"""Programs with channels that mypy --strict and pyright must accept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, assert_type

from pythread_rs import Err, Ok, Result, move, spawn
from pythread_rs.sync import mpmc, mpsc
from pythread_rs.sync.mpsc import Receiver, RecvError, Sender, SyncSender, TryRecvError


def ends_with_a_type() -> None:
    """Rust infers what a channel carries; here the variables say it."""
    tx: Sender[int]
    rx: Receiver[int]
    tx, rx = mpsc.channel()
    tx.send(1).unwrap()
    tx.clone().send(2)
    total = 0
    for number in rx:
        assert_type(number, int)
        total += number
    assert_type(rx.recv().unwrap(), int)
    assert_type(next(rx), int)
    assert_type(list(rx.iter()), list[int])
    assert_type(list(rx.try_iter()), list[int])


def ends_without_a_type() -> None:
    tx, rx = mpsc.channel()
    assert_type(tx, mpsc.Sender[Any])
    assert_type(rx, mpsc.Receiver[Any])
    tx.send("anything").unwrap()
    for message in rx:
        print(message)


def bounded() -> None:
    tx: SyncSender[str]
    rx: Receiver[str]
    tx, rx = mpsc.sync_channel(1)
    assert_type(tx.try_send("a").is_ok(), bool)
    tx.send_timeout("b", 1.5)
    tx.send_timeout("b", timedelta(seconds=1))
    tx.send_deadline("c", 0.0)
    rx.recv_timeout(1)
    rx.recv_deadline(1.0)
    tx.drop()
    rx.drop()


def many_receivers() -> None:
    tx: mpmc.Sender[bytes]
    rx: mpmc.Receiver[bytes]
    tx, rx = mpmc.sync_channel(16)
    assert_type(rx.clone(), mpmc.Receiver[bytes])
    assert_type(tx.clone().capacity, int | None)
    assert_type(rx.len(), int)
    assert_type(rx.is_empty() or tx.is_full() or tx.same_channel(rx), bool)
    assert_type([len(message) for message in rx], list[int])


def results(rx: Receiver[int]) -> int | None:
    match rx.recv():
        case Ok(number):
            return number
        case Err(error):
            assert_type(error, RecvError)
            return None


def states(rx: Receiver[int]) -> str:
    match rx.try_recv():
        case Ok(number):
            return str(number + 1)
        case Err(TryRecvError.Empty):
            return "not yet"
        case Err(error):
            return str(error)


def the_value_comes_back(tx: Sender[list[int]]) -> list[int]:
    outcome: Result[None, mpsc.SendError[list[int]]] = tx.send([1])
    return outcome.unwrap_err().value


def ends_in_threads() -> None:
    tx: Sender[int]
    rx: Receiver[int]
    tx, rx = mpsc.channel()
    handle = spawn(move(lambda: tx.send(1).unwrap()))
    total = spawn(sum, rx)
    handle.join().unwrap()
    total.join().unwrap()


def as_an_iterator(rx: Receiver[int]) -> Iterator[int]:
    return iter(rx)
