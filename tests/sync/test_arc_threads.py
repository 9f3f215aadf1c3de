"""Arc and Weak under threads, the garbage collector, and random sequences of operations."""

from __future__ import annotations

import gc
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pythread_rs import Ok, move, spawn
from pythread_rs.ownership import UseAfterMoveError
from pythread_rs.sync import Arc, Weak

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 10.0

new_cyclic: Any = Arc.new_cyclic  # a lambda's argument and its result have no types


class Slot:
    """A Sync content that can hold anything, as a Mutex can, and notes its end."""

    __thread_send__ = "sync"

    def __init__(self, ends: list[object] | None = None) -> None:
        self.ends = ends
        self.content: Any = None

    def __del__(self) -> None:
        if self.ends is not None:
            self.ends.append(threading.get_ident())


@pytest.fixture
def often_switched() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def together(count: int, work: Any, *args: Any) -> list[Any]:
    """Run `work(barrier, *args[i])` on threads that begin at the same time."""
    barrier = threading.Barrier(count)
    handles = [spawn(work, barrier, *(arg[i] for arg in args)) for i in range(count)]
    return [handle.join(SECONDS).unwrap() for handle in handles]


# -- Moves. ----------------------------------------------------------------------------------------


def test_manually_share_arc() -> None:
    arc = Arc((1, 2, 3))
    handle = spawn(sum_of, arc.clone())
    assert handle.join(SECONDS) == Ok(6)
    assert arc.strong_count() == 1


def sum_of(arc: Arc[tuple[int, ...]]) -> int:
    return sum(arc)


def test_move_takes_an_arc_out_of_its_variable() -> None:
    arc = Arc(5)
    clone = arc.clone()
    handle = spawn(move(lambda: clone.value))
    assert "clone" not in locals()
    assert handle.join(SECONDS) == Ok(5)
    assert arc.strong_count() == 1


def test_an_arc_that_is_used_after_its_move_is_refused() -> None:
    arc = Arc(5)
    with pytest.raises(UseAfterMoveError, match="borrow of moved value: `arc`") as caught:
        spawn(move(lambda: arc.value))
    assert "arc.clone()" in str(caught.value)
    assert arc.strong_count() == 1


def test_a_thread_gives_an_arc_back() -> None:
    arc = spawn(Arc, 5).join(SECONDS).unwrap()
    assert (arc.value, arc.strong_count()) == (5, 1)


# -- Races. ----------------------------------------------------------------------------------------


def into_inner(barrier: threading.Barrier, arc: Arc[str]) -> str | None:
    barrier.wait(SECONDS)
    return arc.into_inner()


def test_into_inner_gives_the_content_to_exactly_one(often_switched: None) -> None:
    for _ in range(50):
        arcs = [Arc("content")]
        arcs += [arcs[0].clone() for _ in range(3)]
        found = together(4, into_inner, arcs)
        assert sorted(found, key=str) == [None, None, None, "content"]


def test_one_object_is_consumed_once(often_switched: None) -> None:
    """Two names of one Arc, on two threads."""

    def consume(barrier: threading.Barrier, arc: Arc[str], found: list[str | None]) -> None:
        barrier.wait(SECONDS)
        try:
            found.append(arc.into_inner())
        except UseAfterMoveError:
            found.append(None)

    for _ in range(50):
        found: list[str | None] = []
        arguments = threading.Barrier(2), Arc("content"), found
        threads = [threading.Thread(target=consume, args=arguments) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        assert sorted(found, key=str) == [None, "content"]


def upgrade_many_times(barrier: threading.Barrier, weak: Weak[Slot]) -> int:
    barrier.wait(SECONDS)
    for count in range(2_000):  # with luck, threads could keep each other's content alive
        arc = weak.upgrade()
        if arc is None:
            return count
        assert arc.content == "alive"
        del arc
    return -1


def test_upgrade_against_the_last_drop(often_switched: None) -> None:
    for _ in range(20):
        ends: list[object] = []
        slot = Slot(ends)
        slot.content = "alive"
        arc = Arc(slot)
        del slot
        barrier = threading.Barrier(4)
        weaks = [arc.downgrade() for _ in range(3)]
        handles = [spawn(upgrade_many_times, barrier, weaks.pop()) for _ in range(3)]
        barrier.wait(SECONDS)
        del arc
        for handle in handles:
            handle.join(SECONDS).unwrap()
        assert len(ends) == 1


def test_weak_count_locked(often_switched: None) -> None:
    """`is_unique` and `weak_count` never see anything but a count."""

    def look(arc: Arc[int], done: threading.Event) -> set[int]:
        seen: set[int] = set()
        while not done.is_set():
            arc.is_unique()
            arc.get_mut()
            seen.add(arc.weak_count())
        return seen

    arc = Arc(0)
    done = threading.Event()
    handle = spawn(look, arc.clone(), done)
    for _ in range(2_000):
        weak = arc.downgrade()
        del weak
    done.set()
    assert handle.join(SECONDS).unwrap() <= {0, 1}


def clone_and_drop(barrier: threading.Barrier, arc: Arc[Slot]) -> None:
    barrier.wait(SECONDS)
    for _ in range(500):
        clone = arc.clone()
        weak = clone.downgrade()
        del clone
        assert weak.upgrade() is not None


def test_counts_under_threads(often_switched: None) -> None:
    ends: list[object] = []
    arc = Arc(Slot(ends))
    together(4, clone_and_drop, [arc.clone() for _ in range(4)])
    assert (arc.strong_count(), arc.weak_count(), ends) == (1, 0, [])
    del arc
    assert len(ends) == 1


def test_the_content_goes_on_the_thread_of_its_last_owner() -> None:
    ends: list[object] = []
    arc = Arc(Slot(ends))
    gate = threading.Event()

    def hold(arc: Arc[Slot], gate: threading.Event) -> int:
        gate.wait(SECONDS)
        del arc
        return threading.get_ident()

    handle = spawn(hold, arc.clone(), gate)
    del arc
    assert ends == []
    gate.set()
    assert [handle.join(SECONDS).unwrap()] == ends
    assert ends != [threading.get_ident()]


# -- The collector. --------------------------------------------------------------------------------


def cycle(ends: list[object]) -> Weak[Slot]:
    arc = Arc(Slot(ends))
    arc.value.content = arc.clone()
    return arc.downgrade()


def test_a_cycle_of_arcs_is_collected() -> None:
    gc.collect()
    ends: list[object] = []
    weak = cycle(ends)
    assert weak.strong_count() == 1
    assert weak.upgrade() is not None
    gc.collect()
    assert len(ends) == 1
    assert (weak.upgrade(), weak.strong_count(), weak.weak_count()) == (None, 0, 0)


def test_a_cycle_of_two_with_weaks_in_it_is_collected() -> None:
    ends: list[object] = []
    first, second = Arc(Slot(ends)), Arc(Slot(ends))
    first.value.content = (second.clone(), first.downgrade())
    second.value.content = (first.clone(), second.downgrade())
    del first
    gc.collect()
    assert ends == []
    del second
    gc.collect()
    assert len(ends) == 2


def test_a_clone_outside_keeps_a_cycle() -> None:
    ends: list[object] = []
    outside = cycle(ends).upgrade()
    gc.collect()
    assert ends == []
    assert outside is not None
    assert outside.strong_count() == 2
    outside.value.content = None
    del outside
    assert len(ends) == 1


def test_what_comes_back_to_life_can_be_used() -> None:
    kept: list[Arc[Any]] = []

    class Phoenix:
        __thread_send__ = "sync"
        me: Any

        def __del__(self) -> None:
            kept.append(self.me.clone())

    arc = Arc(Phoenix())
    arc.value.me = arc.clone()
    weak = arc.downgrade()
    del arc
    gc.collect()
    assert len(kept) == 1
    assert kept[0].strong_count() == 2
    clone = kept[0].clone()
    new = clone.downgrade()
    assert new.upgrade() is not None
    del weak
    clone.value.me = None
    del clone, kept[0]
    gc.collect()
    assert new.upgrade() is None


def test_nothing_is_left_for_the_collector() -> None:
    """Without a cycle, each count goes when its owner does."""
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(100):
        arc = Arc(("content", Arc(5)))
        weak = arc.clone().downgrade()
        new_cyclic(lambda me: (me, me.clone())).make_mut()
    del arc, weak  # type: ignore[possibly-undefined]  # pyright: ignore[reportPossiblyUnboundVariable]
    assert len(gc.get_objects()) <= before + 5


# -- A model of the counts. ------------------------------------------------------------------------


class Counts(RuleBasedStateMachine):
    """Owners and Weaks of several contents, each compared with two lists."""

    def __init__(self) -> None:
        super().__init__()
        self.arcs: list[tuple[int, Arc[tuple[int]]]] = []
        self.weaks: list[tuple[int, Weak[tuple[int]]]] = []
        self.next = 0

    def strong(self, number: int) -> int:
        return sum(1 for other, _ in self.arcs if other == number)

    def weak(self, number: int) -> int:
        return sum(1 for other, _ in self.weaks if other == number)

    @rule()
    def new(self) -> None:
        self.arcs.append((self.next, Arc((self.next,))))
        self.next += 1

    @rule()
    def new_cyclic(self) -> None:
        def make(me: Weak[tuple[int]]) -> tuple[int]:
            self.weaks.append((self.next, me))
            return (self.next,)

        self.arcs.append((self.next, Arc.new_cyclic(make)))
        self.next += 1

    @precondition(lambda self: self.arcs)
    @rule(data=st.data())
    def clone(self, data: st.DataObject) -> None:
        number, arc = self.arcs[data.draw(st.integers(0, len(self.arcs) - 1))]
        self.arcs.append((number, arc.clone()))

    @precondition(lambda self: self.arcs)
    @rule(data=st.data())
    def downgrade(self, data: st.DataObject) -> None:
        number, arc = self.arcs[data.draw(st.integers(0, len(self.arcs) - 1))]
        self.weaks.append((number, arc.downgrade()))

    @precondition(lambda self: self.weaks)
    @rule(data=st.data())
    def upgrade(self, data: st.DataObject) -> None:
        number, weak = self.weaks[data.draw(st.integers(0, len(self.weaks) - 1))]
        arc = weak.upgrade()
        assert (arc is not None) is (self.strong(number) > 0)
        if arc is not None:
            self.arcs.append((number, arc))

    @precondition(lambda self: self.weaks)
    @rule(data=st.data())
    def clone_weak(self, data: st.DataObject) -> None:
        number, weak = self.weaks[data.draw(st.integers(0, len(self.weaks) - 1))]
        self.weaks.append((number, weak.clone()))

    @precondition(lambda self: self.arcs)
    @rule(data=st.data(), how=st.sampled_from(["drop", "into_inner", "try_unwrap"]))
    def give_up(self, data: st.DataObject, how: str) -> None:
        place = data.draw(st.integers(0, len(self.arcs) - 1))
        number, arc = self.arcs.pop(place)
        others = self.strong(number)
        if how == "into_inner":
            assert arc.into_inner() == (None if others else (number,))
        elif how == "try_unwrap":
            result = arc.try_unwrap()
            assert result.is_ok() is (others == 0)

    @precondition(lambda self: self.weaks)
    @rule(data=st.data())
    def drop_weak(self, data: st.DataObject) -> None:
        self.weaks.pop(data.draw(st.integers(0, len(self.weaks) - 1)))

    @precondition(lambda self: self.arcs)
    @rule(data=st.data())
    def make_mut(self, data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(self.arcs) - 1))
        number, arc = self.arcs[place]
        alone = self.strong(number) == 1 and self.weak(number) == 0
        assert (arc.get_mut() is not None) is alone
        assert arc.make_mut().value == (number,)
        arc.make_mut().value = (self.next,)
        self.arcs[place] = (self.next, arc)
        if alone:
            assert self.strong(number) == 0
        self.next += 1

    @invariant()
    def counts_agree(self) -> None:
        for number, arc in self.arcs:
            assert arc.value == (number,)
            counts = (arc.strong_count(), arc.weak_count())
            assert counts == (self.strong(number), self.weak(number))
            assert arc.is_unique() is (counts == (1, 0))
        for number, weak in self.weaks:
            strong = self.strong(number)
            assert weak.strong_count() == strong
            assert weak.weak_count() == (self.weak(number) if strong else 0)


TestCounts = Counts.TestCase
TestCounts.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
