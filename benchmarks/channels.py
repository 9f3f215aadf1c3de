"""channels: producers and consumers on channels, beside the standard library's queues."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import partial
from statistics import median
from time import perf_counter, process_time
from typing import Any, Protocol

from harness.batches import Batch, Rival, interleave
from harness.report import OURS, Bar, Check, Report, Row
from harness.shape import Options, main

from pythread_rs.sync import mpmc

ROUNDS = 5
MESSAGES = 1_000_000  # for each of the shapes without a bound; the others are slower
BOUNDED_PART = 10
PING_PONGS = 20_000
BOUND = 64
SHAPES = ((1, 1), (4, 1), (4, 4))

# Ours divided by the rival.
UNBOUNDED_BARS = {"queue.SimpleQueue": 1.0, "queue.Queue": 0.2}
BOUNDED_BARS = {"queue.Queue(64)": 0.2}
PING_PONG_BARS = {"two threading.Events": 0.5}


class Queue(Protocol):
    """What all queues of the standard library have."""

    def put(self, item: object) -> None: ...
    def get(self) -> Any: ...


def run_together(*works: Callable[[], object]) -> float:
    """Run functions in threads at once; return the seconds until all are done."""
    threads = [threading.Thread(target=work) for work in works]
    begin = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return perf_counter() - begin


def through_channel(bound: int | None, producers: int, consumers: int, messages: int) -> float:
    """Send messages through a channel, which ends when its senders are gone."""
    tx, rx = mpmc.channel() if bound is None else mpmc.sync_channel(bound)

    def produce(tx: mpmc.Sender[int]) -> None:
        send = tx.send
        for number in range(messages // producers):
            send(number)
        tx.drop()

    def consume(rx: mpmc.Receiver[int]) -> None:
        for _ in rx:
            pass

    works = [partial(produce, tx.clone()) for _ in range(producers)]
    works += [partial(consume, rx.clone()) for _ in range(consumers)]
    tx.drop()
    rx.drop()
    return run_together(*works)


def through_queue(make: Callable[[], Queue], producers: int, consumers: int, each: int) -> float:
    """Put messages into a queue; the last producer tells each consumer to end."""
    channel = make()
    left = [producers]
    lock = threading.Lock()
    share = each // producers

    def produce() -> None:
        put = channel.put
        for number in range(share):
            put(number)
        with lock:
            left[0] -= 1
            if left[0] == 0:
                for _ in range(consumers):
                    put(None)

    def consume() -> None:
        get = channel.get
        while get() is not None:
            pass

    return run_together(*[produce] * producers, *[consume] * consumers)


def channel_ping_pong(times: int) -> float:
    """Let two threads wait for each other by two rendezvous."""
    ping_tx, ping_rx = mpmc.sync_channel(0)
    pong_tx, pong_rx = mpmc.sync_channel(0)

    def answer() -> None:
        for message in ping_rx:
            pong_tx.send(message)

    def ask() -> None:
        for number in range(times):
            ping_tx.send(number)
            pong_rx.recv()
        ping_tx.drop()

    return run_together(answer, ask)


def event_ping_pong(times: int) -> float:
    """Let two threads wait for each other by two events."""
    ping, pong = threading.Event(), threading.Event()

    def answer() -> None:
        for _ in range(times):
            ping.wait()
            ping.clear()
            pong.set()

    def ask() -> None:
        for _ in range(times):
            ping.set()
            pong.wait()
            pong.clear()

    return run_together(answer, ask)


def rival(name: str, seconds: Callable[[], float], per: int) -> Rival:
    """Make a rival of something that times itself; a sample is one message."""

    def run(count: int) -> Batch:
        batch = Batch()
        cpu = process_time()
        for _ in range(count):
            batch.seconds.append(seconds() / per)
        batch.cpu = (process_time() - cpu) / per
        return batch

    return Rival(name, run)


def compare(title: str, rivals: list[Rival], bars: dict[str, float], rounds: int) -> list[Row]:
    """Run rivals by turns; return their rows, with the title before the names."""
    batches = interleave(rivals, rounds=rounds, size=1)
    ours = median(batches[OURS].seconds)
    found: list[Row] = []
    for name, batch in batches.items():
        value = median(batch.seconds)
        samples = sorted(batch.seconds)
        found.append(
            Row(
                label=f"{title}: {name}",
                value=value,
                p10=samples[0],
                p90=samples[-1],
                samples=len(samples),
                cpu=batch.cpu / len(samples),
                ratio=None if name == OURS else ours / value,
                bar=Bar("ratio", bars[name]) if name in bars else None,
            )
        )
    return found


def unbounded(options: Options, producers: int, consumers: int) -> list[Row]:
    """Compare channels without a bound."""
    sizes = (producers, consumers, MESSAGES // options.part)
    few = (producers, consumers, MESSAGES // options.part // BOUNDED_PART)
    rivals = [
        rival(OURS, lambda: through_channel(None, *sizes), sizes[2]),
        rival("queue.SimpleQueue", lambda: through_queue(queue.SimpleQueue[Any], *sizes), sizes[2]),
        rival("queue.Queue", lambda: through_queue(queue.Queue[Any], *few), few[2]),
    ]
    title = f"unbounded {producers}x{consumers}"
    return compare(title, rivals, UNBOUNDED_BARS, options.rounds(ROUNDS))


def bounded(options: Options, producers: int, consumers: int) -> list[Row]:
    """Compare channels with a bound."""
    sizes = (producers, consumers, MESSAGES // options.part // BOUNDED_PART)
    rivals = [
        rival(OURS, lambda: through_channel(BOUND, *sizes), sizes[2]),
        rival(
            f"queue.Queue({BOUND})",
            lambda: through_queue(lambda: queue.Queue[Any](BOUND), *sizes),
            sizes[2],
        ),
    ]
    title = f"bounded({BOUND}) {producers}x{consumers}"
    return compare(title, rivals, BOUNDED_BARS, options.rounds(ROUNDS))


def ping_pong(options: Options) -> list[Row]:
    """Compare two rendezvous with two events."""
    times = PING_PONGS // options.part
    rivals = [
        rival(OURS, lambda: channel_ping_pong(times), times),
        rival("two threading.Events", lambda: event_ping_pong(times), times),
    ]
    return compare("rendezvous ping-pong", rivals, PING_PONG_BARS, options.rounds(ROUNDS))


def nothing_is_lost(messages: int) -> Check:
    """Count what comes out."""
    tx, rx = mpmc.sync_channel(BOUND)
    counts: list[int] = []

    def produce() -> None:
        for number in range(messages):
            tx.send(number)
        tx.drop()

    run_together(produce, lambda: counts.append(sum(1 for _ in rx)))
    return Check(f"{messages:,} messages sent, {sum(counts):,} received", sum(counts) == messages)


def measure(options: Options) -> Report:
    """Time a message through each kind of channel and each rival."""
    table: list[Row] = []
    for producers, consumers in SHAPES:
        table += unbounded(options, producers, consumers)
    for producers, consumers in SHAPES:
        table += bounded(options, producers, consumers)
    table += ping_pong(options)
    return Report(
        shape="channels",
        title="one small message, producers x consumers",
        rows=table,
        checks=[nothing_is_lost(10_000)],
        notes=[
            f"a sample is {MESSAGES // options.part:,} messages, a tenth of them for the bounded "
            "ones and for queue.Queue; p10 and p90 are the best and the worst",
            "threads of `threading` on both sides; consumers of ours are `for` loops",
        ],
    )


if __name__ == "__main__":
    main(measure, __doc__)
