"""An `Ok` or an `Err` that C made is like one that Python made."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
from typing import Any

import pytest

from pythread_rs import Err, Ok, _ffi
from pythread_rs.sync.atomic import AtomicI64, AtomicRef


def made_ok(value: Any) -> Any:
    return AtomicRef(value).compare_exchange(value, None)


def made_err(value: Any) -> Any:
    return AtomicRef(value).compare_exchange(object(), None)


@pytest.mark.parametrize("value", [None, 3, "a", (1, 2), Ok(1)])
@pytest.mark.parametrize(("make", "kind"), [(made_ok, Ok), (made_err, Err)])
def test_it_is_the_same_as_a_call_of_the_class(make: Any, kind: Any, value: Any) -> None:
    result, expected = make(value), kind(value)
    assert type(result) is kind
    assert (result, repr(result), hash(result)) == (expected, repr(expected), hash(expected))
    assert copy.copy(result) == pickle.loads(pickle.dumps(result)) == expected
    (content,) = (result.value,) if kind is Ok else (result.error,)
    assert content is value
    assert sys.getsizeof(result) == sys.getsizeof(expected)


def test_the_collector_knows_those_that_may_be_in_a_cycle() -> None:
    numbers, inside = AtomicI64(1).compare_exchange(1, 2), made_ok(AtomicRef())
    assert (gc.is_tracked(numbers), gc.is_tracked(inside)) == (False, True)
    assert inside.value in gc.get_referents(inside)


def test_a_cycle_through_a_result_is_found() -> None:
    gc.collect()
    before = sum(type(item) is AtomicRef for item in gc.get_objects())
    ref: AtomicRef[Any] = AtomicRef()
    ref.store(made_ok(ref))
    del ref
    gc.collect()
    assert sum(type(item) is AtomicRef for item in gc.get_objects()) <= before


def test_references_stay_level() -> None:
    value = ("a", "value")
    gc.collect()  # results that other tests have left refer to Ok and Err
    before = sys.getrefcount(value), sys.getrefcount(Ok), sys.getrefcount(Err)
    for _ in range(100):
        made_ok(value)
        made_err(value)
    after = sys.getrefcount(value), sys.getrefcount(Ok), sys.getrefcount(Err)
    assert max(abs(one - other) for one, other in zip(before, after, strict=True)) < 50


@pytest.mark.parametrize("classes", [(int, Err), (Ok, list), (Err, Ok), (Ok, 3), (Ok,)])
def test_other_classes_are_refused(classes: Any) -> None:
    with pytest.raises((TypeError, AttributeError)):
        _ffi.set_results(*classes)
    assert made_ok(1) == Ok(1)


def test_a_class_with_more_slots_is_refused() -> None:
    class Wide:
        __slots__ = ("other", "value")

    wide: Any = Wide
    with pytest.raises(TypeError, match="`value` and nothing else"):
        _ffi.set_results(wide, Err)


# -- Those that are freed, and kept for the next one. ----------------------------------------------


def test_a_long_row_of_results_goes_without_a_deep_stack() -> None:
    row: Any = made_ok(3)
    for _ in range(200_000):
        row = Ok(row)
    del row
    assert made_ok(1) == Ok(1)


def test_what_a_freed_result_held_is_dropped_once() -> None:
    dropped: list[int] = []

    class Noisy:
        def __init__(self, number: int) -> None:
            self.number = number

        def __del__(self) -> None:
            dropped.append(self.number)
            made_ok(self.number)  # makes and frees one in the middle of it

    many = [Ok(Noisy(number)) for number in range(100)]
    del many
    assert sorted(dropped) == list(range(100))


def test_results_that_are_made_again_have_their_own_values() -> None:
    for _ in range(3):
        results = [made_ok(number) for number in range(100)]
        assert [result.value for result in results] == list(range(100))
        mixed = [
            made_ok((AtomicRef(number),)) if number % 2 else Ok(number) for number in range(100)
        ]
        assert [gc.is_tracked(result) for result in mixed[1::2]] == [True] * 50
        del results, mixed
    gc.collect()


def test_a_result_whose_value_was_never_set_can_be_freed() -> None:
    for _ in range(100):
        empty = Ok.__new__(Ok)
        del empty
    assert made_ok(1) == Ok(1)
