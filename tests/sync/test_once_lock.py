"""OnceLock, by Rust's tests and the rows of the table."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Err, Ok, freeze, spawn
from pythread_rs.ownership import NotSendError, UseAfterMoveError, assume_send
from pythread_rs.sync import Barrier, Once, OnceLock, Parker, ValueMut, WaitTimeoutError
from pythread_rs.thread import DeadlockError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pythread_rs import JoinHandle

DEADLINE = 10.0


def start(f: Callable[..., Any], *args: Any) -> JoinHandle[Any]:
    """Spawn a function that shares what it captures with the test."""
    return spawn(assume_send(f), *args)


def fail(*_: object) -> Any:
    raise ValueError("on purpose")


def test_sync_once_cell() -> None:
    cell = OnceLock[int]()
    assert cell.get() is None
    handle = spawn(cell.get_or_init, lambda: 92)
    assert handle.join(DEADLINE) == Ok(92)
    assert cell.get_or_init(fail) == 92
    assert cell.get() == 92


def test_sync_once_cell_get_mut() -> None:
    cell = OnceLock[int]()
    assert cell.get_mut() is None
    assert cell.set(90) == Ok(None)
    content = cell.get_mut()
    assert content is not None
    content.value += 2
    assert (content.value, repr(content), cell.get()) == (92, "92", 92)
    cell.take()
    with pytest.raises(ValueError, match="taken out"):
        content.value += 1
    with pytest.raises(TypeError, match="comes from"):
        ValueMut()


def test_sync_once_cell_get_cloned_and_set_on_clone() -> None:
    cell = OnceLock[str]()
    clone = cell.clone()
    cell.set("x")
    assert clone.get() is None
    assert cell.clone().get() == "x"
    cell.clone().take()
    assert cell.get() == "x"


class Counted:
    """Shared by threads, and known when it goes."""

    __thread_send__ = "sync"


def test_sync_once_cell_drop() -> None:
    cell = OnceLock[Counted]()
    value = cell.get_or_init(Counted)
    watched = weakref.ref(value)
    del value
    assert watched() is not None
    del cell
    assert watched() is None


def test_sync_once_cell_drop_empty() -> None:
    cell = OnceLock[str]()
    del cell


def test_clone_from_impl_and_partialeq_impl() -> None:
    assert OnceLock.from_("value").get() == "value"
    assert OnceLock.from_("value") == OnceLock.from_("value")
    assert OnceLock.from_("foo") != OnceLock.from_("bar")
    assert OnceLock[str]() == OnceLock[str]()
    assert OnceLock[str]() != OnceLock.from_("value")
    assert OnceLock[None]() != OnceLock.from_(None)
    assert OnceLock.from_(1) != 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(OnceLock[str]())


def test_into_inner() -> None:
    cell = OnceLock[str]()
    assert cell.into_inner() is None
    cell = OnceLock.from_("hello")
    assert cell.into_inner() == "hello"
    for use in (cell.get, cell.take, cell.into_inner, cell.wait, lambda: cell.set("x")):
        with pytest.raises(UseAfterMoveError, match="consumed by `into_inner"):
            use()
    with pytest.raises(UseAfterMoveError):
        cell.get_or_init(lambda: "x")


def test_take_starts_anew() -> None:
    cell = OnceLock.from_("hello")
    assert cell.take() == "hello"
    assert cell.take() is None
    assert cell.get_or_init(lambda: "again") == "again"


def test_set_and_try_insert() -> None:
    cell = OnceLock[int]()
    assert cell.set(92) == Ok(None)
    assert cell.set(62) == Err(62)
    assert cell.try_insert(3) == Err((92, 3))
    assert OnceLock[int]().try_insert(3) == Ok(3)


def test_get_or_try_init() -> None:
    cell = OnceLock[str]()
    assert cell.get_or_try_init(lambda: Err("no")) == Err("no")
    assert not cell.is_initialized()
    with pytest.raises(ValueError, match="on purpose"):
        cell.get_or_try_init(fail)
    with pytest.raises(TypeError, match="an Ok or an Err, not int"):
        cell.get_or_try_init(lambda: 1)  # type: ignore[arg-type, return-value]
    assert cell.get_or_try_init(lambda: Ok("hello")) == Ok("hello")
    assert cell.get_or_try_init(fail) == Ok("hello")


def test_get_mut_or_init() -> None:
    cell = OnceLock[int]()
    assert cell.get_mut_or_try_init(lambda: Err("no")) == Err("no")
    cell.get_mut_or_init(lambda: 1).value += 1
    cell.get_mut_or_try_init(fail).unwrap().value += 1
    assert cell.get() == 3


def test_a_panic_leaves_it_empty() -> None:
    cell = OnceLock[int]()
    with pytest.raises(ValueError, match="on purpose"):
        cell.get_or_init(fail)
    assert not cell.is_initialized()
    assert cell.get_or_init(lambda: 3) == 3


def test_one_after_the_other_tries() -> None:
    """Ten callers at once, of whose functions nine fail: the tenth's value is for all."""
    cell, tries = OnceLock[int](), [0]
    go = Barrier(10)

    def make() -> int:
        tries[0] += 1
        if tries[0] < 10:
            fail()
        return 5

    def work() -> int:
        go.wait()
        return cell.get_or_init(make)

    handles = [start(work) for _ in range(10)]
    results = [handle.join(DEADLINE) for handle in handles]
    assert tries == [10]
    assert sum(result.is_err() for result in results) == 9
    assert cell.get() == 5


def test_reentrant_init() -> None:
    cell = OnceLock[int]()
    for again in (
        lambda: cell.get_or_init(lambda: 1),
        lambda: cell.set(1),
        lambda: cell.wait(),
    ):
        with pytest.raises(DeadlockError, match="OnceLock: the function"):
            cell.get_or_init(again)  # type: ignore[arg-type]
    assert cell.get_or_init(lambda: cell.get() or 3) == 3


COUNTER: OnceLock[int] = OnceLock()


def read_static() -> int:
    return COUNTER.get_or_init(lambda: 7)


def test_eval_once_macro() -> None:
    """A static: a module's variable that spawned functions read."""
    handles = [spawn(read_static) for _ in range(3)]
    assert [handle.join(DEADLINE) for handle in handles] == [Ok(7)] * 3


def test_sync_once_cell_does_not_leak_partially_constructed_boxes() -> None:
    for _ in range(20):
        cell = OnceLock[tuple[str, ...]]()
        go = Barrier(13)

        def read(cell: OnceLock[tuple[str, ...]] = cell, go: Barrier = go) -> int:
            go.wait()
            while (value := cell.get()) is None:
                pass
            return len(value)

        def write(cell: OnceLock[tuple[str, ...]] = cell, go: Barrier = go) -> bool:
            go.wait()
            return cell.set(("x",) * 100).is_ok()

        readers = [start(read) for _ in range(10)]
        writers = [start(write) for _ in range(3)]
        assert [handle.join(DEADLINE) for handle in readers] == [Ok(100)] * 10
        assert sum(handle.join(DEADLINE).unwrap() for handle in writers) == 1


def test_wait_for_a_value() -> None:
    cell = OnceLock[int]()
    handles = [spawn(cell.wait) for _ in range(100)]
    match cell.wait_timeout(0.001):
        case Err(WaitTimeoutError() as error):
            assert str(error) == "timed out waiting on OnceLock"
        case other:
            pytest.fail(f"{other}")
    # One that fails wakes nobody who waits for the value.
    with pytest.raises(ValueError, match="on purpose"):
        cell.get_or_init(fail)
    cell.set(3)
    assert [handle.join(DEADLINE) for handle in handles] == [Ok(3)] * 100
    assert cell.wait_timeout(0) == Ok(3)


def test_init_timeout() -> None:
    cell = OnceLock[int]()
    inside, go_on = Parker(), Parker()
    to_inside, to_go_on = inside.unparker(), go_on.unparker()

    def make() -> int:
        to_inside.unpark()
        go_on.park()
        return 1

    handle = start(lambda: cell.get_or_init(make))
    inside.park()
    assert cell.get() is None
    with pytest.raises(WaitTimeoutError, match="timed out waiting on OnceLock"):
        cell.get_or_init(fail, timeout=0.001)
    to_go_on.unpark()
    assert handle.join(DEADLINE) == Ok(1)


@pytest.mark.parametrize("content", [[1], {}, bytearray(b"x"), ([],)])
def test_the_content_must_be_sync(content: Any) -> None:
    cell = OnceLock[Any]()
    with pytest.raises(NotSendError, match="cannot be shared between threads safely"):
        cell.set(content)
    with pytest.raises(NotSendError):
        cell.get_or_init(lambda: content)
    assert not cell.is_initialized()
    cell.set(freeze(content))
    content_now = cell.get_mut()
    assert content_now is not None
    with pytest.raises(NotSendError):
        content_now.value = content


@pytest.mark.parametrize("content", [None, 1, "x", (1, "x"), len, Once(), OnceLock[int]()])
def test_the_content_may_be(content: Any) -> None:
    cell = OnceLock.from_(content)
    assert cell.get() is content
    assert cell.is_initialized()
    assert cell.wait() is content


def test_what_a_once_lock_shows_and_refuses() -> None:
    assert repr(OnceLock[int]()) == "OnceLock(<uninit>)"
    assert repr(OnceLock.from_("x")) == "OnceLock('x')"
    cell = OnceLock[Any]()
    cell.set(cell)
    assert repr(cell) == "OnceLock(OnceLock(..))"
    cell.take()
    with pytest.raises(TypeError, match=r"\.clone\(\)"):
        copy.copy(cell)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(cell)


def test_a_cycle_is_collected() -> None:
    cell = OnceLock[Any]()
    value = Counted()
    value.cell = cell  # type: ignore[attr-defined]
    cell.set(value)
    watched = weakref.ref(value)
    del cell, value
    gc.collect()
    assert watched() is None


def test_references_stay_flat() -> None:
    value = Counted()
    before = sys.getrefcount(value)
    cell = OnceLock.from_(value)
    for _ in range(100):
        cell.get()
        cell.get_or_init(fail)
        cell.wait()
        cell.wait_timeout(0)
        cell.set(value)
        cell.try_insert(value)
        cell.clone()
        repr(cell)
    content = cell.get_mut()
    assert content is not None
    content.value = value
    cell.take()
    cell.set(value)
    cell.into_inner()
    assert sys.getrefcount(value) == before


def test_stress() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(60):
            cell, once, calls = OnceLock[int](), Once(), [0]

            def count(calls: list[int] = calls) -> int:
                calls[0] += 1
                return calls[0]

            def work(
                cell: OnceLock[int] = cell, once: Once = once, count: Callable[[], int] = count
            ) -> int:
                once.call_once(lambda: cell.get_or_init(count))
                once.wait()
                return cell.wait()

            handles = [start(work) for _ in range(4)]
            assert [handle.join(DEADLINE) for handle in handles] == [Ok(1)] * 4
    finally:
        sys.setswitchinterval(interval)
