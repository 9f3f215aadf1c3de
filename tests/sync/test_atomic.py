"""Atomic integers and booleans: each operation against a model, orders, threads, refusals."""

from __future__ import annotations

import copy
import gc
import operator
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pythread_rs import Builder, Err, Ok, Result, move, spawn
from pythread_rs.ownership import is_sync
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

DEADLINE_SECONDS = 20.0
ORDERS = (Ordering.Relaxed, Ordering.Release, Ordering.Acquire, Ordering.AcqRel, Ordering.SeqCst)
SIGNED = (AtomicI64, AtomicIsize)
UNSIGNED = (AtomicU64, AtomicUsize)

COUNTER = AtomicI64()  # a static of the functions below


class Width(NamedTuple):
    """A type and the range of its values."""

    make: Any
    least: int
    most: int

    def wrapped(self, value: int) -> int:
        return (value - self.least) % 2**64 + self.least


WIDTHS = [Width(make, -(2**63), 2**63 - 1) for make in SIGNED] + [
    Width(make, 0, 2**64 - 1) for make in UNSIGNED
]
every_integer = pytest.mark.parametrize("width", WIDTHS, ids=lambda w: w.make.__name__)
EVERY_TYPE: list[tuple[Any, Any, Any]] = [
    *((width.make, 5, 6) for width in WIDTHS),
    (AtomicBool, True, False),
    (AtomicRef, "a", "b"),
]
every_type = pytest.mark.parametrize(
    ("make", "a", "b"), EVERY_TYPE, ids=[make.__name__ for make, *_ in EVERY_TYPE]
)


@pytest.fixture
def restless() -> Iterator[None]:
    """Let threads change places after every few instructions."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def values(width: Width) -> st.SearchStrategy[int]:
    edges = st.sampled_from([width.least, width.least + 1, 0, 1, width.most - 1, width.most])
    return edges | st.integers(width.least, width.most)


# -- Every operation against a model. --------------------------------------------------------------

FETCH: dict[str, Callable[[int, int], int]] = {
    "add": operator.add,
    "sub": operator.sub,
    "and": operator.and_,
    "nand": lambda now, val: ~(now & val),
    "or": operator.or_,
    "xor": operator.xor,
    "max": max,
    "min": min,
}


@every_integer
@pytest.mark.parametrize("name", FETCH)
@given(data=st.data())
def test_fetch_returns_the_old_value_and_stores_the_wrapped_new_one(
    name: str, width: Width, data: st.DataObject
) -> None:
    now, val = data.draw(values(width)), data.draw(values(width))
    for order in (None, *ORDERS):
        atomic = width.make(now)
        assert getattr(atomic, f"fetch_{name}")(val, order) == now
        assert atomic.load() == width.wrapped(FETCH[name](now, val))


@every_integer
@given(data=st.data())
def test_load_store_swap_and_exchanges(width: Width, data: st.DataObject) -> None:
    first, second, third = (data.draw(values(width)) for _ in range(3))
    atomic = width.make(first)
    assert (atomic.load(), atomic.into_inner(), repr(atomic)) == (first, first, repr(first))
    assert atomic.store(second) is None
    assert atomic.swap(third) == second
    expected: Result[int, int] = Ok(third) if first == third else Err(third)
    assert atomic.compare_exchange(first, second) == expected
    assert atomic.load() == (second if first == third else third)


@every_integer
@given(data=st.data())
def test_updates(width: Width, data: st.DataObject) -> None:
    first, second = data.draw(values(width)), data.draw(values(width))
    atomic = width.make(first)
    seen: list[int] = []

    def becomes(value: int) -> int:
        seen.append(value)
        return second

    assert atomic.update(becomes) == first
    assert atomic.try_update(lambda _: None) == Err(second)
    assert atomic.fetch_update(lambda _: first) == Ok(second)
    assert (seen, atomic.load()) == ([first], first)


@pytest.mark.parametrize("now", [False, True])
@pytest.mark.parametrize("val", [False, True])
def test_booleans(now: bool, val: bool) -> None:
    results = {
        "and": now and val,
        "nand": not (now and val),
        "or": now or val,
        "xor": now != val,
    }
    for name, expected in results.items():
        flag = AtomicBool(now)
        assert getattr(flag, f"fetch_{name}")(val) is now
        assert flag.load() is expected, name
    flag = AtomicBool(now)
    assert (flag.fetch_not(), flag.load(), flag.swap(val)) == (now, not now, not now)
    assert flag.compare_exchange(val, now) == Ok(val)
    assert flag.update(lambda value: not value) is now
    assert flag.try_update(lambda value: None if value is not now else val) == Err(not now)


@every_type
def test_a_weak_exchange_succeeds_at_last(make: Any, a: Any, b: Any) -> None:
    atomic = make(a)
    assert atomic.compare_exchange_weak(b, a) == Err(a)
    for _ in range(1000):
        if atomic.compare_exchange_weak(a, b).is_ok():
            break
    assert atomic.load() == b


@every_integer
def test_a_new_one_is_zero(width: Width) -> None:
    assert (width.make().load(), AtomicBool().load(), AtomicRef().load()) == (0, False, None)


@every_integer
def test_what_does_not_fit_is_refused_and_changes_nothing(width: Width) -> None:
    atomic = width.make(7)
    operations = [width.make, atomic.store, atomic.swap, atomic.fetch_add, atomic.fetch_max]
    operations += [lambda v: atomic.compare_exchange(7, v), lambda v: atomic.compare_exchange(v, 7)]
    operations += [lambda v: atomic.update(lambda _: v), lambda v: atomic.try_update(lambda _: v)]
    for operation in operations:
        for value in (width.least - 1, width.most + 1, 10**40, -(10**40)):
            with pytest.raises(OverflowError, match=r"does not fit into the type `[iu](64|size)`"):
                operation(value)
        for wrong in (1.5, "1", [1]):
            with pytest.raises(TypeError):
                operation(wrong)
    assert atomic.load() == 7


def test_an_integer_like_object_is_taken() -> None:
    class Three:
        def __index__(self) -> int:
            return 3

    three: Any = Three()
    assert (AtomicI64(three).load(), AtomicU64(three).fetch_add(three)) == (3, 3)


@pytest.mark.parametrize("value", [1, 0, None, "True"])
def test_a_boolean_takes_nothing_else(value: Any) -> None:
    with pytest.raises(TypeError, match="True or False"):
        AtomicBool(value)
    with pytest.raises(TypeError, match="True or False"):
        AtomicBool().store(value)


@every_type
def test_what_an_update_raises_comes_through(make: Any, a: Any, b: Any) -> None:
    def fails(_: object) -> Any:
        raise LookupError("no")

    atomic = make(a)
    for update in (atomic.update, atomic.try_update, atomic.fetch_update):
        with pytest.raises(LookupError):
            update(fails)
    assert atomic.load() == a != b


@every_type
def test_an_update_begins_again_when_the_value_has_changed(make: Any, a: Any, b: Any) -> None:
    atomic = make(a)
    seen: list[Any] = []

    def slow(value: Any) -> Any:
        if not seen:
            atomic.store(b)
        seen.append(value)
        return a

    assert atomic.try_update(slow) == Ok(b)
    assert (seen, atomic.load()) == ([a, b], a)


# -- Arguments. ------------------------------------------------------------------------------------


@every_type
def test_arguments_by_name(make: Any, a: Any, b: Any) -> None:
    atomic = make(a)
    atomic.store(val=b, order=Ordering.Release)
    assert atomic.swap(a, order=Ordering.AcqRel) == b
    assert atomic.load(order=None) == a
    relaxed = {"success": Ordering.Relaxed, "failure": Ordering.Acquire}
    assert atomic.compare_exchange(a, new=b, **relaxed) == Ok(a)
    assert atomic.update(f=lambda _: a, fetch_order=Ordering.Relaxed) == b


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: a.swap(), r"swap\(\) takes at least 1 argument \(0 given\)"),
        (lambda a: a.load(None, None), r"load\(\) takes at most 1 argument \(2 given\)"),
        (lambda a: a.compare_exchange(1), r"takes at least 2 arguments \(1 given\)"),
        (lambda a: a.store(1, sort=None), "unexpected keyword argument 'sort'"),
        (lambda a: a.store(1, val=1), "multiple values for argument 'val'"),
        (lambda a: a.store(order=None), r"at least 1 argument \(1 given\)"),
        (lambda a: a.update(3), "not callable"),
        (lambda a: a.load("SeqCst"), "one of `Ordering`, not str"),
        (lambda a: type(a)(1, 2), "at most 1 argument"),
        (lambda a: type(a)(v=1), "no keyword arguments"),
        (lambda _: cast("Any", fence)(None), "one of `Ordering`, not NoneType"),
    ],
)
def test_wrong_calls(call: Callable[[Any], Any], message: str) -> None:
    for atomic in (AtomicI64(1), AtomicRef(1)):
        with pytest.raises(TypeError, match=message):
            call(atomic)
        assert atomic.load() == 1


# -- Orders. ---------------------------------------------------------------------------------------

NO_LOAD = {Ordering.Release: "a release load", Ordering.AcqRel: "an acquire-release load"}
NO_STORE = {Ordering.Acquire: "an acquire store", Ordering.AcqRel: "an acquire-release store"}
NO_FAILURE = {
    Ordering.Release: "a release failure ordering",
    Ordering.AcqRel: "an acquire-release failure ordering",
}
NO_FENCE = {Ordering.Relaxed: "a relaxed fence"}
NO_COMPILER_FENCE = {Ordering.Relaxed: "a relaxed compiler fence"}


def check_order(
    call: Callable[[Ordering], object], order: Ordering, no: dict[Ordering, str]
) -> None:
    if order in no:
        with pytest.raises(ValueError, match=f"^there is no such thing as {no[order]}$"):
            call(order)
    else:
        call(order)


@every_type
@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_orders_that_do_not_exist(make: Any, a: Any, b: Any, order: Ordering) -> None:
    atomic = make(a)
    check_order(atomic.load, order, NO_LOAD)
    check_order(lambda o: atomic.store(a, o), order, NO_STORE)
    check_order(lambda o: atomic.swap(a, o), order, {})
    for exchange in (atomic.compare_exchange, atomic.compare_exchange_weak):
        for success in (*ORDERS, None):
            check_order(partial(exchange, b, a, success), order, NO_FAILURE)
        exchange(b, a, order)
    for update in (atomic.update, atomic.try_update, atomic.fetch_update):
        check_order(partial(update, lambda _: a, None), order, NO_LOAD)
        update(lambda _: a, order)
    assert atomic.load() == a


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_fences(order: Ordering) -> None:
    check_order(fence, order, NO_FENCE)
    check_order(compiler_fence, order, NO_COMPILER_FENCE)
    assert AtomicBool().fetch_not(order) is False


def test_orderings_are_five_constants() -> None:
    assert [repr(order) for order in ORDERS] == [
        "Relaxed",
        "Release",
        "Acquire",
        "AcqRel",
        "SeqCst",
    ]
    assert len(set(ORDERS)) == 5
    for order in ORDERS:
        assert copy.copy(order) is copy.deepcopy(order) is order
        assert pickle.loads(pickle.dumps(order)) is order
        assert is_sync(order)
    with pytest.raises(TypeError, match="five orderings"):
        Ordering()
    with pytest.raises(AttributeError):
        Ordering.SeqCst._name = "Relaxed"


# -- Threads. --------------------------------------------------------------------------------------


def in_threads(*functions: Callable[[], Any]) -> list[Any]:
    """Run each in a thread of its own; pytest's own timeout is the deadline."""
    # Unchecked: a check would look at all that a Barrier leads to, with the GIL changing hands.
    handles = [Builder().spawn_unchecked(function) for function in functions]
    return [handle.join().unwrap() for handle in handles]


@every_integer
@pytest.mark.usefixtures("restless")
def test_no_increment_is_lost(width: Width) -> None:
    atomic, n = width.make(), 5_000

    def increments() -> None:
        for _ in range(n):
            atomic.fetch_add(1)

    def updates() -> None:
        for _ in range(n // 10):
            atomic.update(lambda value: value + 1)

    in_threads(*[increments] * 4, updates)
    assert atomic.load() == 4 * n + n // 10


@pytest.mark.usefixtures("restless")
def test_a_lock_of_one_boolean_excludes() -> None:
    locked, inside, most = AtomicBool(), AtomicI64(), AtomicI64()

    def work() -> None:
        for _ in range(200):
            while locked.compare_exchange_weak(False, True, Ordering.Acquire).is_err():
                spin_loop()
            most.fetch_max(inside.fetch_add(1) + 1)
            inside.fetch_sub(1)
            locked.store(False, Ordering.Release)

    in_threads(*[work] * 3)
    assert (most.load(), inside.load()) == (1, 0)


def test_a_static() -> None:
    before = COUNTER.load()

    def count() -> int:
        return COUNTER.fetch_add(1)

    for handle in [spawn(count) for _ in range(4)]:
        handle.join().unwrap()
    assert COUNTER.load() == before + 4


@every_type
def test_a_moved_closure_shares_it_with_its_maker(make: Any, a: Any, b: Any) -> None:
    atomic = make(a)
    assert is_sync(atomic)
    assert spawn(move(lambda: atomic.swap(b))).join() == Ok(a)
    assert atomic.load() == b
    assert spawn(atomic.swap, a).join() == Ok(b)


@pytest.mark.usefixtures("restless")
@pytest.mark.parametrize("make", [AtomicI64, AtomicRef])
def test_of_two_stores_before_two_loads_one_is_seen(make: Any) -> None:
    """The store-buffer test: SeqCst forbids that both threads load the old value."""
    rounds = 300
    x = tuple(make(0) for _ in range(rounds))
    y = tuple(make(0) for _ in range(rounds))
    step = threading.Barrier(2, timeout=DEADLINE_SECONDS)

    def side(mine: tuple[Any, ...], other: tuple[Any, ...]) -> list[Any]:
        seen: list[Any] = []
        for one, two in zip(mine, other, strict=True):
            step.wait()
            one.store(1)
            seen.append(two.load())
        return seen

    seen = in_threads(lambda: side(x, y), lambda: side(y, x))
    assert (0, 0) not in set(zip(*seen, strict=True))


# -- What it is not. -------------------------------------------------------------------------------


@every_type
def test_no_copies(make: Any, a: Any, b: Any) -> None:
    atomic = make(a)
    for copier in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=f"cannot copy or pickle `{make.__name__}`"):
            copier(atomic)
    assert atomic.load() == a != b


@every_type
def test_no_truth_value(make: Any, a: Any, b: Any) -> None:
    for value in (a, b):
        with pytest.raises(TypeError, match=f"`{make.__name__}` has no truth value"):
            bool(make(value))


@pytest.mark.parametrize("make", [AtomicI64, AtomicU64, AtomicBool])
def test_no_comparison_with_numbers(make: Any) -> None:
    atomic, other = make(), make()
    for compare in (operator.eq, operator.ne, operator.lt, operator.ge):
        for number in (0, 1.5, True):
            with pytest.raises(TypeError, match=r"compare `atomic.load\(\)`"):
                compare(atomic, number)
    with pytest.raises(TypeError):
        operator.lt(atomic, other)
    assert atomic != other
    assert atomic == atomic
    assert {atomic: 1, other: 2}[atomic] == 1
    assert [other, atomic].index(atomic) == 1


@every_type
def test_it_is_final_and_says_where_it_lives(make: Any, a: Any, b: Any) -> None:
    assert make.__module__ == "pythread_rs.sync.atomic"
    with pytest.raises(TypeError):
        type("Sub", (make,), {})
    with pytest.raises(TypeError):
        make.load = b
    with pytest.raises(AttributeError):
        make(a).extra = b


@every_type
def test_references_stay_level(make: Any, a: Any, b: Any) -> None:
    atomic = make(a)

    def everything() -> None:
        atomic.store(b)
        atomic.swap(a)
        atomic.compare_exchange(a, b)
        atomic.compare_exchange(a, b)
        atomic.update(lambda _: a)
        atomic.try_update(lambda _: None)
        atomic.try_update(lambda _: a, Ordering.Relaxed)
        repr(atomic)
        with pytest.raises(TypeError):
            atomic.load("x")
        with pytest.raises(ZeroDivisionError):
            atomic.update(lambda _: 1 / 0)

    watched = [atomic, make, a, b, None, Ok, Err, Ordering.Relaxed]
    everything()
    gc.collect()  # what other tests have left may refer to None
    before = [sys.getrefcount(item) for item in watched]
    for _ in range(50):
        everything()
    after = [sys.getrefcount(item) for item in watched]
    assert max(abs(one - other) for one, other in zip(before, after, strict=True)) < 25
