"""AtomicRef: what it may hold, identity, the collector, threads that drop what others load."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from pythread_rs import Err, Ok, scope
from pythread_rs.ownership import NotSendError, freeze, impl_sync, not_send
from pythread_rs.sync.atomic import AtomicI64, AtomicRef, Ordering


@impl_sync
class Shared:
    """Something that may be shared, and watched."""

    partner: Any = None


@not_send
class Bound:
    """Something that stays with its thread."""


@pytest.fixture
def restless() -> Iterator[None]:
    """Let threads change places after every few instructions."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


# -- What it may hold. -----------------------------------------------------------------------------


def module_level() -> None:
    """Capture nothing."""


@pytest.mark.parametrize(
    "value",
    [
        None,
        3,
        "text",
        (1, ("a", b"b")),
        frozenset({1}),
        Shared,
        Shared(),
        module_level,
        threading.Lock(),
        AtomicI64(),
        Ok((1, 2)),
        freeze({"a": [1]}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_sync_is_taken(value: Any) -> None:
    ref = AtomicRef(value)
    assert ref.load() is value
    ref.store(value)
    assert ref.swap(None) is value
    assert ref.compare_exchange(None, value) == Ok(None)
    assert ref.into_inner() is value
    assert ref.load() is None


@pytest.mark.parametrize(
    "value",
    [[1], {"a": 1}, (1, [2]), bytearray(b"x"), Bound(), Ok([1]), iter("a"), lambda x=[]: x],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_is_refused_and_changes_nothing(value: Any) -> None:
    ref: AtomicRef[Any] = AtomicRef("old")
    puts: list[Callable[[], Any]] = [
        lambda: AtomicRef(value),
        lambda: ref.store(value),
        lambda: ref.swap(value),
        lambda: ref.compare_exchange("old", value),
        lambda: ref.compare_exchange_weak("other", value),
        lambda: ref.update(lambda _: value),
        lambda: ref.try_update(lambda _: value),
    ]
    for put in puts:
        before = sys.getrefcount(value)
        with pytest.raises(NotSendError, match="cannot be shared between threads safely") as error:
            put()
        assert error.value.code == "E0277"
        assert "`AtomicRef`" in str(error.value)
        del error
        assert sys.getrefcount(value) <= before
    assert ref.load() == "old"


def test_the_refusal_shows_the_line() -> None:
    ref: AtomicRef[Any] = AtomicRef()
    with pytest.raises(NotSendError) as error:
        ref.store([1])
    text = str(error.value)
    assert "error[E0277]: `list` cannot be shared between threads safely" in text
    assert "ref.store([1])" in text
    assert "the trait `Sync` is not implemented for `list`" in text
    assert "`freeze` it first" in text


# -- Identity. -------------------------------------------------------------------------------------


def test_an_exchange_asks_for_the_same_object() -> None:
    one, other = tuple([1, 2]), tuple([1, 2])  # noqa: C409 - equal, and two objects
    ref: AtomicRef[Any] = AtomicRef(one)
    actual = ref.compare_exchange(other, "new")
    assert actual == Err(one)
    assert actual.unwrap_err() is one
    mutable: Any = [1]
    assert ref.compare_exchange(mutable, "new").is_err()
    assert ref.compare_exchange(one, "new").unwrap() is one


def test_an_update_that_gives_none() -> None:
    ref: AtomicRef[str | None] = AtomicRef("a")
    assert ref.try_update(lambda _: None) == Err("a")
    assert ref.update(lambda _: None) == "a"
    assert ref.load() is None
    assert ref.fetch_update(lambda _: "b", Ordering.AcqRel, Ordering.Acquire) == Ok(None)


def test_repr_is_that_of_the_content() -> None:
    ref: AtomicRef[Any] = AtomicRef("a")
    assert (repr(ref), str(AtomicRef(3))) == ("'a'", "3")
    ref.store((1, ref))
    assert repr(ref) == "(1, AtomicRef(..))"
    ref.store(None)


def test_a_type_argument() -> None:
    assert AtomicRef[int](3).load() == 3


# -- The collector. --------------------------------------------------------------------------------


def test_a_cycle_is_found() -> None:
    thing = Shared()
    ref: AtomicRef[Any] = AtomicRef(thing)
    thing.partner = ref
    gone = weakref.ref(thing)
    del thing
    ref = AtomicRef()
    gc.collect()
    assert gone() is None
    assert ref.load() is None


def test_a_finalizer_sees_what_the_collector_is_about_to_clear() -> None:
    seen: list[Any] = []

    @impl_sync
    class Last:
        ref: Any = None

        def __del__(self) -> None:
            seen.append(self.ref.load() is self)

    last = Last()
    last.ref = AtomicRef(last)
    del last
    gc.collect()
    assert seen == [True]


def test_what_goes_may_use_the_atomic() -> None:
    ref: AtomicRef[Any] = AtomicRef()
    seen: list[Any] = []

    @impl_sync
    class Loads:
        def __del__(self) -> None:
            seen.append(ref.swap("from the destructor"))

    ref.store(Loads())
    ref.store("new")
    assert (seen, ref.load()) == (["new"], "from the destructor")
    ref.store(Loads())
    assert ref.compare_exchange(ref.load(), "newer").is_ok()
    assert (seen, ref.load()) == (["new", "newer"], "from the destructor")


def test_a_long_chain_goes_without_a_deep_stack() -> None:
    ref: AtomicRef[Any] = AtomicRef()
    for _ in range(100_000):
        ref = AtomicRef(ref)
    gc.collect()
    del ref


# -- Threads. --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("restless")
def test_each_object_comes_out_once_and_goes() -> None:
    """Every thread swaps objects in and out; each goes in once, so it comes out once."""
    ref: AtomicRef[Any] = AtomicRef()
    n, threads = 500, 4

    def work(first: int) -> list[int]:
        return [number for i in range(n) if (number := ref.swap(10_000 + first + i)) is not None]

    with scope() as s:
        handles = [s.spawn(work, k * n) for k in range(threads)]
    out = [number for handle in handles for number in handle.join().unwrap()]
    assert sorted([*out, ref.load()]) == [10_000 + i for i in range(threads * n)]


@pytest.mark.usefixtures("restless")
def test_a_list_of_all_without_a_lock() -> None:
    """The first use of an atomic pointer: a stack of immutable pairs."""
    top: AtomicRef[Any] = AtomicRef()
    n, threads = 200, 4

    def push(first: int) -> None:
        for number in range(first, first + n):
            top.update(partial(pair, number))

    def pair(number: int, rest: Any) -> Any:
        return number, rest

    with scope() as s:
        for k in range(threads):
            s.spawn(push, k * n)
    found: list[int] = []
    node = top.swap(None)
    while node is not None:
        number, node = node
        found.append(number)
    assert sorted(found) == list(range(threads * n))


@pytest.mark.usefixtures("restless")
def test_loads_while_others_drop() -> None:
    ref: AtomicRef[Any] = AtomicRef((0, "first"))
    stop = AtomicI64()

    def load() -> int:
        sum_ = 0
        while not stop.load(Ordering.Acquire):
            number, text = ref.load()
            sum_ += number + len(text)
        return sum_

    def store() -> None:
        for number in range(3_000):
            ref.store((number, str(number)))
        stop.store(1, Ordering.Release)

    with scope() as s:
        loaders = [s.spawn(load) for _ in range(2)]
        s.spawn(store)
    assert all(handle.join().is_ok() for handle in loaders)
    assert ref.load() == (2_999, "2999")
    assert sys.getrefcount(ref.load()) <= 3
