"""sequential_100k: a hundred thousand spawns and joins in a row must leave memory as it was."""

from __future__ import annotations

import gc
import sys
import threading
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from harness.machine import os_threads, resident
from harness.peer import Peer, serve
from harness.report import OURS, Bar, Check, Report, Row
from harness.shape import Options, main

from pythread_rs import _ffi, spawn

THREADS = 100_000
ROUNDS = 20
THREADING = "threading.Thread"

# Less than eleven bytes for each of the 100,000: no object leaks that often.
FLAT_BYTES = 2.0**20
FLAT_BLOCKS = 1_000


def nothing() -> None:
    """Be the work of every thread."""


def run_ours(count: int) -> float:
    """Spawn and join so many threads, one after the other; return the seconds."""
    begin = perf_counter()
    for _ in range(count):
        spawn(nothing).join()
    return perf_counter() - begin


def run_threading(count: int) -> float:
    """Start and join so many threads, one after the other; return the seconds."""
    begin = perf_counter()
    for _ in range(count):
        thread = threading.Thread(target=nothing)
        thread.start()
        thread.join()
    return perf_counter() - begin


def answer_ours(count: int) -> dict[str, Any]:
    """Run a part of ours in the child program."""
    return answer(run_ours(count))


def answer_threading(count: int) -> dict[str, Any]:
    """Run a part of `threading` in the child program."""
    return answer(run_threading(count))


def answer(seconds: float) -> dict[str, Any]:
    """Say how long a part took and what the process holds after it."""
    gc.collect()
    return {
        "seconds": seconds,
        "resident": resident(),
        "os_threads": os_threads(),
        "blocks": sys.getallocatedblocks(),
        "counters": _ffi.statistics(),
    }


def measure(options: Options) -> Report:
    """Run parts of both by turns, each in a process of its own, so that memory is told apart."""
    script = [sys.executable, __file__, "--peer"]
    part = THREADS // ROUNDS
    with Peer([*script, OURS]) as ours, Peer([*script, THREADING]) as theirs:
        peers = {OURS: ours, THREADING: theirs}
        answers = {
            name: [peer.ask(str(part))] for name, peer in peers.items()
        }  # the first part warms up: it is the state before
        for _ in range(options.rounds(ROUNDS)):
            for name, peer in peers.items():
                answers[name].append(peer.ask(str(part)))
    return report(answers, part)


def report(answers: dict[str, list[dict[str, Any]]], part: int) -> Report:
    """Summarise: time for each, and what grew between the first part and the last."""
    before, after = answers[OURS][0], answers[OURS][-1]
    spawned = after["counters"]["spawned"] - before["counters"]["spawned"]
    created = after["counters"]["os_threads_created"] - before["counters"]["os_threads_created"]
    expected = part * (len(answers[OURS]) - 1)
    blocks = after["blocks"] - before["blocks"]
    return Report(
        shape="sequential_100k",
        title=f"{expected:,} spawns and joins in a row, in a process of its own",
        rows=[
            Row("RSS growth", growth(answers[OURS], "resident"), "B", bar=Bar("value", FLAT_BYTES)),
            Row(
                "OS threads more than before",
                growth(answers[OURS], "os_threads"),
                "",
                bar=Bar("value", 0),
            ),
            *times(answers, part),
            Row("RSS before", before["resident"], "B"),
            Row("RSS after", after["resident"], "B"),
            Row("OS threads before", before["os_threads"], ""),
            Row("OS threads after", after["os_threads"], ""),
            Row("RSS growth of threading", growth(answers[THREADING], "resident"), "B"),
        ],
        checks=[
            Check(f"native counters: {spawned:,} spawned of {expected:,}", spawned == expected),
            Check(
                f"packets in memory {before['counters']['packets']} before and "
                f"{after['counters']['packets']} after, OS threads created meanwhile: {created}",
                # A thread lets go of its packet a moment after it has woken the joiner.
                after["counters"]["packets"] <= before["counters"]["packets"] + 1,
            ),
            Check(f"Python's allocated blocks grew by {blocks}", blocks <= FLAT_BLOCKS),
        ],
        notes=[f"'before' is after {part:,} threads of warm-up; times are means of {part:,}"],
    )


def growth(answers: list[dict[str, Any]], what: str) -> float | None:
    """Return the last figure less the first, None when the OS does not say."""
    first, last = answers[0][what], answers[-1][what]
    return None if first is None or last is None else float(last - first)


def times(answers: dict[str, list[dict[str, Any]]], part: int) -> list[Row]:
    """Summarise the time of one spawn and join, from the means of the parts."""
    samples = {
        name: [answer["seconds"] / part for answer in told[1:]] for name, told in answers.items()
    }
    table: list[Row] = []
    for name, seconds in samples.items():
        tenths = quantiles(seconds, n=10, method="inclusive")
        value = median(seconds)
        ratio = None if name == OURS else median(samples[OURS]) / value
        table.append(Row(name, value, "s", tenths[0], tenths[-1], len(seconds), ratio=ratio))
    return table


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        serve(answer_ours if sys.argv[2] == OURS else answer_threading)
    else:
        main(measure, __doc__)
