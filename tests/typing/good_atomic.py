"""What mypy --strict and pyright must infer about `pythread_rs.sync.atomic`; all of it is right."""

from __future__ import annotations

from typing import assert_type

from pythread_rs import Result
from pythread_rs.sync import atomic
from pythread_rs.sync.atomic import (
    AtomicBool,
    AtomicI64,
    AtomicIsize,
    AtomicRef,
    AtomicU64,
    AtomicUsize,
    Ordering,
    compiler_fence,
    fence,
    spin_loop,
)


def integers() -> None:
    for counter in (AtomicI64(), AtomicU64(3), AtomicIsize(), AtomicUsize()):
        assert_type(counter.load(), int)
        assert_type(counter.load(Ordering.Relaxed), int)
        assert_type(counter.fetch_add(1, Ordering.AcqRel), int)
        assert_type(counter.compare_exchange(1, 2), Result[int, int])
        assert_type(counter.try_update(lambda v: v + 1 if v < 9 else None), Result[int, int])
        assert_type(counter.update(lambda v: v + 1), int)
        counter.store(5, order=None)


def booleans(flag: AtomicBool) -> None:
    assert_type(flag.fetch_not(), bool)
    assert_type(flag.compare_exchange_weak(True, False, Ordering.AcqRel), Result[bool, bool])
    while not flag.load(Ordering.Acquire):
        spin_loop()


def references(pair: tuple[str, int]) -> None:
    names = AtomicRef(pair)
    assert_type(names, AtomicRef[tuple[str, int]])
    assert_type(names.swap(("c", 4)), tuple[str, int])
    assert_type(AtomicRef(), AtomicRef[None])
    perhaps: AtomicRef[str | None] = AtomicRef(None)
    assert_type(perhaps.load(), str | None)
    assert_type(perhaps.compare_exchange(None, "a"), Result[str | None, str | None])


def orders(order: Ordering) -> None:
    fence(order)
    compiler_fence(atomic.Ordering.SeqCst)
    assert_type(Ordering.SeqCst, Ordering)
