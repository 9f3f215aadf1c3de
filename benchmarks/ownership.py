"""ownership: what the check of a spawn costs, by itself and for each object of what is moved."""

from __future__ import annotations

import threading
from collections.abc import Callable
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from harness.report import Bar, Check, Report, Row
from harness.shape import Options, main

from pythread_rs import _ffi, move
from pythread_rs.ownership import is_send

ROUNDS = 200
CALLS = 500
MANY = 1_000_000
SOME = 100_000
TREES = 5

SPAWN_BAR = Bar("value", 1e-6)
OBJECT_BAR = Bar("value", 40e-9)
LIST_BAR = Bar("value", 10e-3)

LOCK = threading.Lock()


class Instance:
    """An object with a list of its own."""

    def __init__(self, number: int) -> None:
        self.items = [number]


class Slotted:
    """The same with slots."""

    __slots__ = ("items",)

    def __init__(self, number: int) -> None:
        self.items = [number]


def nothing() -> None:
    """Capture nothing."""


def checked_none() -> None:
    """Own a function."""
    _ffi.own([nothing, (), {}])


def bare_none() -> None:
    """Make what `checked_none` makes, and check nothing."""
    made: list[Any] = [nothing, (), {}]
    del made


def checked_one() -> None:
    """Own a closure of a list."""
    data = [1]
    moved = move(lambda: data)
    _ffi.own([moved, (), {}])


def bare_one() -> None:
    """Make what `checked_one` makes, and check nothing."""
    data = [1]

    def closure() -> Any:
        return data

    made: list[Any] = [closure, (), {}]
    del made


def checked_two() -> None:
    """Own a closure of a list and a dict."""
    data, names = [1], {"a": 1}
    moved = move(lambda: (data, names))
    _ffi.own([moved, (), {}])


def bare_two() -> None:
    """Make what `checked_two` makes, and check nothing."""
    data, names = [1], {"a": 1}

    def closure() -> Any:
        return (data, names)

    made: list[Any] = [closure, (), {}]
    del made


def checked_three() -> None:
    """Own a closure of an object, a tuple and a lock."""
    thing, pair, lock = Instance(1), (1, 2), LOCK
    moved = move(lambda: (thing, pair, lock))
    _ffi.own([moved, (), {}])


def bare_three() -> None:
    """Make what `checked_three` makes, and check nothing."""
    thing, pair, lock = Instance(1), (1, 2), LOCK

    def closure() -> Any:
        return (thing, pair, lock)

    made: list[Any] = [closure, (), {}]
    del made


CLOSURES: list[tuple[str, Callable[[], None], Callable[[], None]]] = [
    ("nothing captured", checked_none, bare_none),
    ("1 capture: a list", checked_one, bare_one),
    ("2 captures: a list, a dict", checked_two, bare_two),
    ("3 captures: an object, a tuple, a lock", checked_three, bare_three),
]
GRAPHS: list[tuple[str, Callable[[], Any], int, Bar]] = [
    ("100,000 lists in a dict", lambda: {n: [n] for n in range(SOME)}, SOME, OBJECT_BAR),
    (
        "100,000 objects with a list",
        lambda: [Instance(n) for n in range(SOME)],
        2 * SOME,
        OBJECT_BAR,
    ),
    (
        "100,000 of the same with slots",
        lambda: [Slotted(n) for n in range(SOME)],
        2 * SOME,
        OBJECT_BAR,
    ),
    ("100,000 tuples", lambda: [(n, str(n)) for n in range(SOME)], SOME, OBJECT_BAR),
]


def seconds_of(call: Callable[[], None]) -> float:
    """Time one loop of calls and return the seconds of one call."""
    begin = perf_counter()
    for _ in range(CALLS):
        call()
    return (perf_counter() - begin) / CALLS


def added(options: Options, checked: Callable[[], None], bare: Callable[[], None]) -> list[float]:
    """Return what the check adds: both sides by turns, one difference a round."""
    seconds_of(checked)
    return [seconds_of(checked) - seconds_of(bare) for _ in range(options.rounds(ROUNDS))]


def walked(make: Callable[[], Any], times: int) -> list[float]:
    """Return the seconds that owning a closure of a large value takes."""
    samples: list[float] = []
    for _ in range(times):
        closure: list[Any] = [owning(make()), (), {}]
        begin = perf_counter()
        _ffi.own(closure)
        samples.append(perf_counter() - begin)
        del closure
    return samples


def owning(data: Any) -> Callable[[], Any]:
    """Return a moved closure of a value."""
    return move(lambda: data)


def row(label: str, samples: list[float], bar: Bar) -> Row:
    """Summarise samples."""
    tenths = quantiles(samples, n=10, method="inclusive")
    middle = median(samples)
    return Row(label, middle, p10=tenths[0], p90=tenths[-1], samples=len(samples), bar=bar)


def measure(options: Options) -> Report:
    """Time the check without the thread, against making the same closure without it."""
    table = [row(name, added(options, *sides), SPAWN_BAR) for name, *sides in CLOSURES]
    table.append(
        row("a list of 1,000,000 ints", walked(lambda: list(range(MANY)), TREES), LIST_BAR)
    )
    for name, make, containers, bar in GRAPHS:
        each = [seconds / containers for seconds in walked(make, TREES)]
        table.append(row(f"{name}, each container", each, bar))
    part = [1]
    whole = [part]
    return Report(
        shape="ownership",
        title="what the check adds to a spawn",
        rows=table,
        checks=[
            Check("a list that is held elsewhere is refused", not is_send(whole) and bool(part))
        ],
        notes=[
            "closures: `move` and the check, less making the closure; the thread is not counted"
        ],
    )


if __name__ == "__main__":
    main(measure, __doc__)
