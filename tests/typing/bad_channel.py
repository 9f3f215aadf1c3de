"""Mistakes with channels that mypy --strict and pyright must both report.

Every line that ends in the mark is wrong, and no other line is.
"""

# mypy: enable-error-code="truthy-bool"

from __future__ import annotations

from pythread_rs.sync import mpmc, mpsc
from pythread_rs.sync.mpsc import Receiver, Sender, SyncSender


def wrong_messages(tx: Sender[int], sync_tx: SyncSender[int], rx: Receiver[int]) -> None:
    tx.send("a")  # E
    tx.try_send("a")  # E
    sync_tx.send_timeout("a", 1)  # E
    sync_tx.send_deadline("a", 1.0)  # E
    text: str = next(rx)  # E
    other: str = rx.recv().unwrap()  # E
    for message in rx:
        message.upper()  # E
    print(text, other)


def wrong_arguments(tx: Sender[int], rx: Receiver[int]) -> None:
    tx.send()  # E
    tx.send(1, 2)  # E
    tx.send(value=1)  # E
    tx.send(1, stop=True)  # E
    rx.recv(1)  # E
    rx.recv_timeout()  # E
    rx.recv_timeout(None)  # E
    rx.recv_timeout("soon")  # E
    rx.recv(timeout=1)  # E
    mpsc.channel(1)  # E
    mpsc.sync_channel()  # E
    mpsc.sync_channel("1")  # E
    mpsc.sync_channel(bound=1)  # E


def what_they_cannot_do(tx: Sender[int], rx: Receiver[int]) -> None:
    rx.clone()  # E
    len(rx)  # E
    rx.send(1)  # E
    tx.recv()  # E
    tx.len()  # E
    tx.name = 1  # E
    for message in tx:  # E
        print(message)
    if tx.send(1):  # E
        print("a Result has no truth value")


def wrong_ends() -> None:
    tx: mpsc.Sender[int]
    rx: mpsc.Receiver[int]
    tx, rx = mpsc.sync_channel(1)  # E
    many: mpmc.Receiver[int] = rx  # E
    texts: Sender[str] = tx  # E
    print(many, texts)


def wrong_errors(tx: Sender[int], rx: Receiver[int]) -> None:
    back: str = tx.send(1).unwrap_err().value  # E
    nothing: int = rx.recv().unwrap_err().value  # E
    print(back, nothing)
