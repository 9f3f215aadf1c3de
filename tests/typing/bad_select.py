"""Mistakes with `sync.select`, timers and oneshot that type checkers must both report.

Every line that ends in the mark is wrong, and no other line is.
"""

from __future__ import annotations

from pythread_rs.sync import Select, after, mpsc, oneshot, select


def no_operation(tx: mpsc.Sender[int]) -> None:
    print(select(tx))  # E
    print(select(3))  # E


def wrong_message(tx: mpsc.Sender[int], once: oneshot.Sender[int]) -> None:
    print(tx.sending("text"))  # E
    print(once.send("text"))  # E


def wrong_place(rx: mpsc.Receiver[int]) -> int:
    place, _ = select(rx, timeout=1)
    return place  # E


def wrong_types(rx: mpsc.Receiver[int]) -> None:
    message: str = after(1).recv().unwrap()  # E
    print(message)
    print(Select().send(rx))  # E


async def wrong_await(rx: mpsc.Receiver[int]) -> None:
    message: str = (await rx.recv_async()).unwrap()  # E
    print(message)
