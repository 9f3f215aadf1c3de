"""What mypy --strict and pyright must infer about `Arc` and `Weak`; every line is right."""

from __future__ import annotations

from threading import Lock
from typing import assert_type

from pythread_rs import Result, spawn
from pythread_rs.sync import Arc, ArcMut, Weak


def owners(five: Arc[int]) -> None:
    assert_type(Arc(5), Arc[int])
    assert_type(five.clone(), Arc[int])
    assert_type(five.value, int)
    assert_type(five.strong_count(), int)
    assert_type(five.ptr_eq(five), bool)
    assert_type(five.into_inner(), int | None)
    assert_type(five.try_unwrap(), Result[int, Arc[int]])
    assert_type(five.unwrap_or_clone(), int)
    assert_type(five.get_mut(), ArcMut[int] | None)
    assert_type(five.make_mut().value, int)
    five.make_mut().value += 1


def anything(arc: Arc[object]) -> None:
    assert_type(arc.downcast(int), Result[Arc[int], Arc[object]])
    anything(Arc(5))


def weaks(five: Arc[int]) -> None:
    weak = five.downgrade()
    assert_type(weak, Weak[int])
    assert_type(weak.clone(), Weak[int])
    assert_type(weak.upgrade(), Arc[int] | None)
    empty: Weak[int] = Weak()
    assert_type(empty.ptr_eq(weak), bool)


def make(me: Weak[str]) -> str:
    return "content" if me.upgrade() is None else ""


def contents(words: Arc[tuple[str, ...]], lock: Arc[Lock]) -> None:
    assert_type(Arc.new_cyclic(make), Arc[str])
    assert_type(words[0], str)
    assert_type(words[1:], tuple[str, ...])
    assert_type(len(words), int)
    assert_type(Arc(int)("12"), int)
    for word in words:
        assert_type(word, str)
    with lock as entered:
        assert_type(entered, bool)
    lock.acquire()
    assert_type(spawn(length, words.clone()).join().unwrap(), int)


def length(words: Arc[tuple[str, ...]]) -> int:
    return len(words) if "a" in words else 0
