"""Programs with `sync.select`, timers and oneshot that type checkers must accept."""

from __future__ import annotations

from typing import Any

from pythread_rs.result import Err, Ok, Result
from pythread_rs.sync import (
    Select,
    SelectTimeoutError,
    after,
    mpsc,
    oneshot,
    select,
    select_async,
    tick,
    try_select,
)


def waits_for_ever(rx: mpsc.Receiver[int], tx: mpsc.Sender[str]) -> int:
    place, result = select(rx, tx.sending("hi"), after(1.0))
    print(result.unwrap())
    return place


def may_time_out(rx: mpsc.Receiver[int]) -> str:
    match select(rx, timeout=0.5):
        case 0, Ok(message):
            return str(message)
        case _, Err(SelectTimeoutError()):
            return "late"
        case _:
            return "gone"


def has_a_default(rx: mpsc.Receiver[int]) -> tuple[int, Result[Any, Any]] | tuple[None, Ok[str]]:
    return select(rx, default="idle")


def tries(rx: mpsc.Receiver[int]) -> int | None:
    return try_select(rx)[0]


def at_run_time(receivers: list[mpsc.Receiver[int]], tx: mpsc.Sender[str]) -> int:
    chooser = Select(biased=True)
    for rx in receivers:
        chooser.recv(rx)
    chooser.send(tx.sending("hi"))
    return chooser.ready_timeout(1).unwrap_or(0)


def moments() -> list[float]:
    return [moment for moment, _ in zip(tick(0.1), range(3), strict=False)]


def once(rx: oneshot.Receiver[int]) -> int:
    return rx.recv().unwrap()


async def awaited(rx: mpsc.Receiver[int], tx: mpsc.Sender[int]) -> list[int]:
    first: int = (await rx.recv_async()).unwrap()
    sent: Result[None, Any] = await tx.send_async(first)
    sent.unwrap()
    await select_async(rx, after(1), timeout=2)
    return [message async for message in rx]
