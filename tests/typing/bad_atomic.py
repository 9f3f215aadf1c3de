"""Mistakes with `pythread_rs.sync.atomic` that mypy --strict and pyright must both report.

Every line that ends in the mark is wrong, and no other line is.
"""

# mypy: enable-error-code="truthy-bool"

from __future__ import annotations

from pythread_rs.sync.atomic import AtomicBool, AtomicI64, AtomicRef, Ordering, fence


def wrong_values(counter: AtomicI64, flag: AtomicBool) -> None:
    AtomicI64("1")  # E
    AtomicI64(1.5)  # E
    AtomicBool("yes")  # E
    counter.store("1")  # E
    counter.fetch_add(1.5)  # E
    flag.store(1)  # E
    counter.update(lambda v: str(v))  # E
    flag.update(lambda _: None)  # E


def wrong_orders(counter: AtomicI64) -> None:
    counter.load("SeqCst")  # E
    counter.load(5)  # E
    fence()  # E
    fence(None)  # E
    print(Ordering.Consume)  # E


def no_such_operations(counter: AtomicI64, flag: AtomicBool, ref: AtomicRef[str]) -> None:
    counter += 1  # E
    print(counter < 5)  # E
    flag.fetch_add(1)  # E
    counter.fetch_not()  # E
    counter.compare_exchange(1)  # E
    ref.store(3)  # E
    ref.fetch_or("a")  # E


def wrong_results(counter: AtomicI64) -> None:
    number: int = counter.compare_exchange(1, 2)  # E
    text: str = counter.load()  # E
    print(number, text)
