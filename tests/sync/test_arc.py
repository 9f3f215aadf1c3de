"""Arc and Weak on one thread: the tests of Rust's `alloc::sync`."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from typing import Any

import pytest

from pythread_rs import Err, Ok, freeze
from pythread_rs.ownership import MutableBorrowError, NotSendError, UseAfterMoveError, is_send
from pythread_rs.sync import Arc, Weak

new_cyclic: Any = Arc.new_cyclic  # a lambda's argument and its result have no types


class Canary:
    """A Sync content that notes its end."""

    __thread_send__ = "sync"

    def __init__(self, ends: list[object], name: object = "dropped") -> None:
        self.ends = ends
        self.name = name

    def __del__(self) -> None:
        self.ends.append(self.name)

    def clone(self) -> Canary:
        return Canary(self.ends, f"clone of {self.name}")


@dataclass(frozen=True)
class Point:
    x: int
    y: tuple[int, ...] = ()


def raising(*_: object) -> Any:
    raise RuntimeError("raised by the test")


# -- Counts. ---------------------------------------------------------------------------------------


def test_strong_count() -> None:
    arc = Arc(0)
    assert arc.strong_count() == Arc.strong_count(arc) == 1
    weak = arc.downgrade()
    assert arc.strong_count() == 1
    upgraded = weak.upgrade()
    assert upgraded is not None
    assert arc.strong_count() == upgraded.strong_count() == weak.strong_count() == 2
    clone = arc.clone()
    assert weak.strong_count() == 3
    del clone, upgraded
    assert arc.strong_count() == 1


def test_weak_count() -> None:
    arc = Arc(0)
    assert arc.weak_count() == 0
    weak = arc.downgrade()
    other = weak.clone()
    assert (arc.weak_count(), weak.weak_count(), other.weak_count()) == (2, 2, 2)
    clone = arc.clone()
    del arc, weak
    assert clone.weak_count() == 1
    del clone
    assert (other.weak_count(), other.strong_count()) == (0, 0)


def test_weak_counts() -> None:
    empty: Weak[int] = Weak()
    assert (empty.strong_count(), empty.weak_count(), empty.upgrade()) == (0, 0, None)
    assert empty.clone().upgrade() is None


def test_a_second_name_is_no_second_owner() -> None:
    arc = Arc(5)
    name = arc
    assert name.strong_count() == 1
    assert arc.into_inner() == 5
    with pytest.raises(UseAfterMoveError, match="consumed by `into_inner"):
        name.clone()


def test_ptr_eq() -> None:
    five = Arc(5)
    assert five.ptr_eq(five.clone())
    assert five.ptr_eq(five)
    assert not five.ptr_eq(Arc(5))
    wrong: Any = five
    with pytest.raises(TypeError, match="ptr_eq"):
        wrong.ptr_eq(5)


def test_weak_ptr_eq() -> None:
    five, other = Arc(5), Arc(5)
    weak = five.downgrade()
    assert weak.ptr_eq(five.downgrade())
    assert weak.ptr_eq(weak.clone())
    assert not weak.ptr_eq(other.downgrade())
    assert not weak.ptr_eq(Weak())
    assert Weak().ptr_eq(Weak())
    clone = weak.clone()
    del five
    assert weak.ptr_eq(clone)
    assert weak.ptr_eq(weak.clone())
    wrong: Any = weak
    with pytest.raises(TypeError, match="ptr_eq"):
        wrong.ptr_eq(other)


# -- Drop. -----------------------------------------------------------------------------------------


def test_drop_arc() -> None:
    ends: list[object] = []
    arc = Arc(Canary(ends))
    clone = arc.clone()
    del arc
    assert ends == []
    del clone
    assert ends == ["dropped"]


def test_drop_arc_weak() -> None:
    ends: list[object] = []
    arc = Arc(Canary(ends))
    weak = arc.downgrade()
    assert ends == []
    del arc
    assert ends == ["dropped"]
    assert weak.upgrade() is None
    del weak
    assert ends == ["dropped"]


def test_live_and_dead() -> None:
    arc = Arc(5)
    weak = arc.downgrade()
    assert weak.upgrade() is not None
    del arc
    assert weak.upgrade() is None


def test_the_content_may_look_at_its_own_weak_while_it_goes() -> None:
    seen: list[object] = []

    class Last:
        __thread_send__ = "sync"
        me: Weak[Any]

        def __del__(self) -> None:
            seen.append(self.me.upgrade())

    arc = Arc(Last())
    arc.value.me = arc.downgrade()
    del arc
    assert seen == [None]


def test_panic_no_leak() -> None:
    """What a content's end raises goes to the hook; the memory goes all the same."""
    reports: list[object] = []

    class Failing:
        __thread_send__ = "sync"
        __del__ = raising

    part = ["part"]
    before = sys.getrefcount(part)
    content = Failing()
    content.part = part  # type: ignore[attr-defined]
    arc = Arc(content)
    del content
    hook, sys.unraisablehook = sys.unraisablehook, lambda info: reports.append(str(info.exc_value))
    try:
        del arc
    finally:
        sys.unraisablehook = hook
    assert reports == ["raised by the test"]
    assert sys.getrefcount(part) == before


def test_a_long_chain_does_not_overflow_the_stack() -> None:
    chain: Any = None
    for _ in range(100_000):
        chain = Arc((chain,))
    del chain


# -- Giving the content back. ----------------------------------------------------------------------


def test_try_unwrap() -> None:
    arc = Arc(3)
    assert arc.try_unwrap() == Ok(3)
    arc = Arc(4)
    clone = arc.clone()
    result = arc.try_unwrap()
    with pytest.raises(UseAfterMoveError, match="consumed by `try_unwrap"):
        arc.strong_count()
    match result:
        case Err(back):
            assert back.ptr_eq(clone)
            assert clone.strong_count() == 2
            del back
        case _:
            pytest.fail("the content has two owners")
    del result
    assert clone.strong_count() == 1
    weak = clone.downgrade()
    assert clone.try_unwrap() == Ok(4)
    assert weak.upgrade() is None


def test_into_inner() -> None:
    arc = Arc("content")
    clone = arc.clone()
    weak = arc.downgrade()
    assert arc.into_inner() is None
    assert clone.strong_count() == 1
    assert clone.into_inner() == "content"
    assert weak.upgrade() is None


def test_into_inner_of_the_last_runs_no_destructor() -> None:
    ends: list[object] = []
    content = Arc(Canary(ends)).into_inner()
    assert ends == []
    del content
    assert ends == ["dropped"]


def test_unwrap_or_clone() -> None:
    ends: list[object] = []
    arc = Arc(Canary(ends))
    clone = arc.clone()
    copied = arc.unwrap_or_clone()
    assert copied.name == "clone of dropped"
    assert clone.strong_count() == 1
    own = clone.unwrap_or_clone()
    assert (own.name, ends) == ("dropped", [])
    with pytest.raises(UseAfterMoveError):
        clone.unwrap_or_clone()


@pytest.mark.parametrize("value", [5, "a", (1, (2,)), Point(1), len, freeze({"a": [1]})])
def test_what_is_immutable_is_its_own_clone(value: object) -> None:
    arc = Arc(value)
    other = arc.clone()
    assert arc.unwrap_or_clone() is value
    assert other.value is value


def test_a_content_without_clone_says_so() -> None:
    arc = Arc(threading.Lock())
    clone = arc.clone()
    with pytest.raises(TypeError, match=r"the trait bound `threading.Lock: Clone` is not"):
        arc.make_mut()
    assert arc.strong_count() == 2
    with pytest.raises(TypeError, match="Clone"):
        arc.unwrap_or_clone()
    assert clone.strong_count() == 1


# -- get_mut, make_mut. ----------------------------------------------------------------------------


def test_arc_get_mut() -> None:
    arc = Arc(3)
    place = arc.get_mut()
    assert place is not None
    place.value = 4
    assert arc == 4
    clone = arc.clone()
    assert arc.get_mut() is None
    del clone
    assert arc.get_mut() is not None
    weak = arc.downgrade()
    assert arc.get_mut() is None
    del weak
    assert arc.is_unique()


def test_cowarc_clone_make_mut() -> None:
    first, second, third = Arc(75), Arc(75), Arc(75)
    for arc in (first, second, third):
        arc.make_mut().value += 1
    assert [first, second, third] == [Arc(76), Arc(76), Arc(76)]


def test_cowarc_clone_unique2() -> None:
    first = Arc(75)
    second = first.clone()
    third = first.clone()
    first.make_mut().value += 1
    assert [first, second, third] == [Arc(76), Arc(75), Arc(75)]
    assert not first.ptr_eq(second)
    assert second.ptr_eq(third)
    assert (first.strong_count(), second.strong_count()) == (1, 2)


def test_cowarc_clone_weak() -> None:
    ends: list[object] = []
    arc = Arc(Canary(ends))
    content = arc.value
    weak = arc.downgrade()
    place = arc.make_mut()
    assert place.value is content
    assert weak.upgrade() is None
    assert (arc.weak_count(), ends) == (0, [])


def test_make_mut_clones_what_has_a_clone() -> None:
    ends: list[object] = []
    arc = Arc(Canary(ends))
    other = arc.clone()
    assert arc.make_mut().value.name == "clone of dropped"
    assert other.name == "dropped"


def test_a_clone_that_raises_changes_nothing() -> None:
    class Stubborn:
        __thread_send__ = "sync"
        clone = raising

    arc = Arc(Stubborn())
    other = arc.clone()
    with pytest.raises(RuntimeError):
        arc.make_mut()
    assert arc.ptr_eq(other)
    assert other.strong_count() == 2


def test_the_place_refuses_when_there_are_other_owners() -> None:
    arc = Arc(1)
    place = arc.make_mut()
    clone = arc.clone()
    with pytest.raises(MutableBorrowError, match="that has other owners") as caught:
        place.value = 2
    assert caught.value.code == "E0594"
    del clone
    place.value = 2
    assert repr(place) == "2"
    weak = arc.downgrade()
    with pytest.raises(MutableBorrowError):
        place.value = 3
    del weak
    with pytest.raises(NotSendError):
        place.value = [1]  # type: ignore[assignment]  # for a type checker it is an int
    assert arc.value == 2
    assert not is_send(place)


# -- new_cyclic. -----------------------------------------------------------------------------------


def test_weak_self_cyclic() -> None:
    seen: list[object] = []

    def make(me: Weak[Any]) -> tuple[str, Weak[Any]]:
        seen.append((me.upgrade(), me.strong_count(), me.weak_count()))
        return "content", me.clone()

    arc = new_cyclic(make)
    assert seen == [(None, 0, 0)]
    back = arc[1].upgrade()
    assert back is not None
    assert back.ptr_eq(arc)
    assert (arc.strong_count(), arc.weak_count()) == (2, 1)


def test_arc_cyclic_with_zero_refs() -> None:
    arc = new_cyclic(lambda me: 5 if me.upgrade() is None else 6)
    assert (arc.value, arc.strong_count(), arc.weak_count()) == (5, 1, 0)


def test_arc_new_cyclic_two_refs() -> None:
    arc = new_cyclic(lambda me: (me.clone(), me.clone()))
    first, second = arc[0].upgrade(), arc[1].upgrade()
    assert (arc.strong_count(), arc.weak_count()) == (3, 2)
    assert first is not None
    assert second is not None
    assert first.ptr_eq(second)


def test_new_cyclic_that_fails_leaves_a_dead_weak() -> None:
    kept: list[Weak[Any]] = []

    def keep(me: Weak[Any]) -> list[Weak[Any]]:
        kept.append(me)
        return kept

    with pytest.raises(NotSendError):
        new_cyclic(keep)
    with pytest.raises(RuntimeError):
        new_cyclic(lambda me: raising(keep(me)))
    assert [weak.upgrade() for weak in kept] == [None, None]


# -- downcast. -------------------------------------------------------------------------------------


def test_downcast() -> None:
    arc: Arc[object] = Arc("text")
    match arc.downcast(int):
        case Err(back):
            assert back.downcast(str) == Ok(Arc("text"))
        case _:
            pytest.fail("a str is no int")
    with pytest.raises(UseAfterMoveError, match="downcast"):
        arc.downcast(str)
