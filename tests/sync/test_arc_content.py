"""What an Arc lets in, and what it passes on to its content."""

from __future__ import annotations

import copy
import pickle
import re
import sys
import threading
from dataclasses import dataclass
from typing import Any

import pytest

from pythread_rs import Ok, freeze
from pythread_rs.ownership import MutableBorrowError, NotSendError, UseAfterMoveError, is_sync
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


class Slot:
    """A Sync content that can hold anything, as a Mutex can."""

    __thread_send__ = "sync"

    def __init__(self, content: Any = None) -> None:
        self.content = content


@dataclass(frozen=True)
class Point:
    x: int
    y: tuple[int, ...] = ()


# -- The content must be Sync. ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        *(None, 5, "a", (1, "b"), frozenset({1}), Point(1, (2,)), freeze([1, [2]]), len, int),
        *(threading.Lock(), Arc(5), Weak(), lambda: 5),
    ],
    ids=repr,
)
def test_sync_contents(value: object) -> None:
    assert Arc(value).value is value


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ([1, 2], "list"),
        ({}, "dict"),
        ((1, ([2],)), "list"),
        (Point(1, [2]), "list"),  # type: ignore[arg-type]
        (iter([1]), "list_iterator"),
        (Arc(5).make_mut(), "ArcMut"),
    ],
    ids=repr,
)
def test_other_contents_are_refused(value: object, named: str) -> None:
    with pytest.raises(NotSendError) as caught:
        Arc(value)
    text = str(caught.value)
    assert text.startswith(f"error[E0277]: `{named}` cannot be shared between threads safely\n")
    assert f"the trait `Sync` is not implemented for `{named}`" in text
    assert "`Arc(Mutex(...))`" in text
    assert "`Arc(freeze(...))`" in text


def test_numpy_arrays() -> None:
    numpy = pytest.importorskip("numpy")
    arc = Arc(freeze(numpy.arange(3)))
    assert (arc.sum(), arc[1], len(arc)) == (3, 1, 3)
    assert arc.make_mut().value is arc.value
    assert is_sync((freeze(numpy.arange(3)),))
    view = numpy.arange(3).view()
    view.setflags(write=False)
    for refused in (numpy.arange(3), view, numpy.array([[]], dtype=object)):
        with pytest.raises(NotSendError, match=r"`numpy.ndarray` cannot be shared"):
            Arc(refused)
    labelled = freeze(numpy.arange(3)).view(type("Labelled", (numpy.ndarray,), {}))
    labelled.label = []
    with pytest.raises(NotSendError):
        Arc(labelled)


def test_the_refusal_shows_the_argument() -> None:
    with pytest.raises(NotSendError) as caught:
        Arc([1, 2])
    assert "        Arc([1, 2])\n" in str(caught.value)
    assert "^^^^^^ `list` cannot be shared" in str(caught.value)


def test_arcs_are_handles() -> None:
    arc = Arc(5)
    assert is_sync(arc)
    assert is_sync(arc.downgrade())


# -- What is passed on to the content. -------------------------------------------------------------


def test_show_arc() -> None:
    arc = Arc("text")
    assert (repr(arc), str(arc), f"{arc:>6}") == ("'text'", "text", "  text")
    assert repr(Arc(Arc(5))) == "5"
    assert repr(arc.downgrade()) == "(Weak)"
    arc.into_inner()
    assert repr(arc) == "Arc { moved }"


def test_a_cycle_can_be_shown() -> None:
    class Loop:
        __thread_send__ = "sync"
        arc: Any

        def __repr__(self) -> str:
            return f"Loop({self.arc!r})"

    arc = Arc(Loop())
    arc.value.arc = arc.clone()
    assert repr(arc) == "Loop(Arc { .. })"
    arc.value.arc = None


def test_partial_eq_and_ord() -> None:
    five = Arc(5)
    assert five == Arc(5)
    assert five == 5
    assert 5 == five  # noqa: SIM300  # the other way round is the point
    assert five != Arc(6)
    assert five < Arc(6) <= 6
    assert 7 > five >= 5
    assert sorted([Arc(2), Arc(1)]) == [1, 2]
    with pytest.raises(TypeError):
        assert five < Arc("a")
    assert {five: "a"}[5] == "a"  # type: ignore[index]
    assert hash(five) == hash(5)


def test_attributes_and_methods() -> None:
    arc = Arc(Point(3))
    assert arc.x == 3
    assert arc.__dataclass_params__.frozen
    with pytest.raises(AttributeError, match="'Point' object has no attribute 'z'"):
        arc.z
    assert not hasattr(arc, "z")
    assert Arc("a-b").split("-") == ["a", "b"]
    assert {"x", "clone", "value"} <= set(dir(arc))


def test_own_names_win() -> None:
    ends: list[object] = []
    arc = Arc(Canary(ends))
    clone = arc.clone()
    assert type(clone) is Arc
    assert clone.name == "dropped"
    assert arc.value.clone().name == "clone of dropped"


def test_containers_and_calls() -> None:
    arc = Arc((1, 2, 3))
    assert (len(arc), arc[1], arc[1:], list(arc), 2 in arc) == (3, 2, (2, 3), [1, 2, 3], True)
    assert list(reversed(arc)) == [3, 2, 1]
    frozen: Any = Arc(freeze({"a": 1}))
    assert dict(frozen) == {"a": 1}
    assert (bool(arc), bool(Arc(0)), bool(Arc(()))) == (True, False, False)
    hexadecimal: Any = Arc(int)
    assert hexadecimal("ff", base=16) == 255
    uses: list[Any] = [len, iter, reversed, lambda five: five[0], lambda five: five()]
    for use in uses:
        with pytest.raises(TypeError, match="int"):
            use(Arc(5))


def test_with() -> None:
    arc = Arc(threading.Lock())
    with arc as entered:
        assert entered
        assert arc.locked()
    assert not arc.locked()
    with pytest.raises(ZeroDivisionError), arc:
        print(1 / 0)
    assert not arc.locked()
    five: Any = Arc(5)
    with pytest.raises(TypeError, match="'int' object does not support the context manager"), five:
        pytest.fail("an int cannot be entered")


def test_what_enter_returns_and_what_exit_swallows() -> None:
    class Swallowing:
        __thread_send__ = "sync"

        def __enter__(self) -> str:
            return "entered"

        def __exit__(self, kind: object, *_: object) -> bool:
            return kind is KeyError

    with Arc(Swallowing()) as entered:
        assert entered == "entered"
        raise KeyError


@pytest.mark.parametrize("name", ["x", "value", "anything"])
def test_attributes_cannot_be_assigned(name: str) -> None:
    arc = Arc(Slot(5))
    with pytest.raises(MutableBorrowError, match="cannot assign to data in an `Arc`") as caught:
        setattr(arc, name, 6)
    assert caught.value.code == "E0594"
    assert "trait `DerefMut` is required to modify through a dereference" in str(caught.value)
    assert re.search(r"not implemented for `Arc<(\w+\.)*Slot>`", str(caught.value))
    assert "Arc(Mutex(..))" in str(caught.value)
    assert ("make_mut" in str(caught.value)) is (name == "value")
    with pytest.raises(MutableBorrowError):
        delattr(arc, name)
    assert arc.content == 5


def test_items_cannot_be_assigned() -> None:
    arc: Any = Arc((1, 2))
    with pytest.raises(MutableBorrowError) as caught:
        arc[0] = 5
    assert "arc[0] = 5\n" in str(caught.value)
    with pytest.raises(MutableBorrowError):
        del arc[0]


USES: list[Any] = [
    lambda arc: arc.value,
    lambda arc: arc.attribute,
    lambda arc: arc.clone(),
    lambda arc: arc.downgrade(),
    lambda arc: arc.strong_count(),
    lambda arc: arc.weak_count(),
    lambda arc: arc.is_unique(),
    lambda arc: arc.ptr_eq(Arc(5)),
    lambda arc: Arc(5).ptr_eq(arc),
    lambda arc: arc.into_inner(),
    lambda arc: arc.try_unwrap(),
    lambda arc: arc.unwrap_or_clone(),
    lambda arc: arc.get_mut(),
    lambda arc: arc.make_mut(),
    lambda arc: arc.downcast(int),
    lambda arc: arc == 5,
    lambda arc: Arc(5) == arc,
    lambda arc: arc(),
    lambda arc: arc[0],
    lambda arc: 5 in arc,
    lambda arc: arc.__enter__(),
    lambda arc: arc.__exit__(None, None, None),
    hash,
    bool,
    str,
    len,
    iter,
    reversed,
    format,
    dir,
]


@pytest.mark.parametrize("use", USES)
def test_a_consumed_arc_refuses_every_use(use: Any) -> None:
    arc = Arc(5)
    arc.into_inner()
    with pytest.raises(UseAfterMoveError) as caught:
        use(arc)
    assert caught.value.code == "E0382"


def test_arcs_are_not_copied_or_pickled() -> None:
    for value in (Arc(5), Arc(5).downgrade()):
        for use in (copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match=r"clone\(\)"):
                use(value)
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(value)


def test_bad_arguments() -> None:
    any_arc: Any = Arc
    any_weak: Any = Weak
    for call in (
        any_arc,
        lambda: any_arc(1, 2),
        lambda: any_arc(value=1),
        lambda: any_weak(1),
        lambda: Arc(1).clone(1),  # type: ignore[call-arg]
        lambda: Arc.new_cyclic(5),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError):
            call()


def test_generic_aliases() -> None:
    assert Arc[int](5).value == 5
    assert Weak[int]().upgrade() is None


def test_reference_counts_stay_flat() -> None:
    content = Slot()
    before = sys.getrefcount(content)
    for _ in range(100):
        arc = Arc(content)
        weak = arc.downgrade()
        clone = weak.clone().upgrade()
        assert clone is not None
        assert clone.content is None
        assert arc.into_inner() is None
        with pytest.raises(AttributeError):
            clone.nothing
        with pytest.raises(MutableBorrowError):
            clone.x = 1  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
        assert clone.try_unwrap() == Ok(content)
        new_cyclic(lambda me: Slot(me)).value.content = content
    del arc, weak, clone  # type: ignore[possibly-undefined]  # pyright: ignore[reportPossiblyUnboundVariable]
    assert sys.getrefcount(content) == before
