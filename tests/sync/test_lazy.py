"""LazyLock, by Rust's tests, and what goes through to its value."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Err, Ok, freeze, move, spawn
from pythread_rs.ownership import NotSendError, UseAfterMoveError, assume_send, is_sync
from pythread_rs.sync import (
    Barrier,
    LazyLock,
    OncePoisonedError,
    Parker,
    WaitTimeoutError,
)
from pythread_rs.thread import DeadlockError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pythread_rs import JoinHandle

DEADLINE = 10.0
CALLS = threading.Semaphore(0)


def start(f: Callable[..., Any], *args: Any) -> JoinHandle[Any]:
    """Spawn a function that shares what it captures with the test."""
    return spawn(assume_send(f), *args)


def fail() -> Any:
    raise ValueError("on purpose")


class Counted:
    """Shared by threads, and known when it goes."""

    __thread_send__ = "sync"

    def __init__(self) -> None:
        CALLS.release()


def calls() -> int:
    count = 0
    while CALLS.acquire(blocking=False):
        count += 1
    return count


def test_lazy_default() -> None:
    calls()
    lazy = LazyLock(Counted)
    assert calls() == 0
    value = lazy.value
    assert lazy.value is value
    assert lazy.force() is value
    assert lazy.get() is value
    assert calls() == 1


def test_sync_lazy_new() -> None:
    calls()
    lazy = LazyLock(Counted)
    handle = spawn(lazy.force)
    assert handle.join(DEADLINE).unwrap() is lazy.value
    assert calls() == 1


STATIC = LazyLock(lambda: freeze([1, 2, 3]))


def read_static() -> int:
    return int(STATIC.value[0] + len(STATIC) + STATIC[2])


def test_static_lazy() -> None:
    handles = [spawn(read_static) for _ in range(3)]
    assert [handle.join(DEADLINE) for handle in handles] == [Ok(7)] * 3


def test_one_makes_it_and_the_others_wait() -> None:
    calls()
    lazy, go = LazyLock(Counted), Barrier(10)

    def work() -> Counted:
        go.wait()
        return lazy.value

    handles = [start(work) for _ in range(10)]
    assert {handle.join(DEADLINE).unwrap() for handle in handles} == {lazy.value}
    assert calls() == 1


POISONED = r"^LazyLock instance has previously been poisoned$"


def test_lazy_poisoning() -> None:
    lazy = LazyLock(fail)
    with pytest.raises(ValueError, match="on purpose"):
        lazy.force()
    for use in (
        lazy.force,
        lambda: lazy.value,
        lambda: lazy.real,
        lambda: len(lazy),
        lazy.force_mut,
        lazy.into_inner,
    ):
        with pytest.raises(OncePoisonedError, match=POISONED):
            use()
    assert lazy.get() is None
    assert lazy.get_mut() is None
    assert repr(lazy) == "LazyLock(<uninit>)"


def test_a_failure_poisons_those_who_wait() -> None:
    inside, go_on = Parker(), Parker()
    to_inside, to_go_on = inside.unparker(), go_on.unparker()

    def make() -> Any:
        to_inside.unpark()
        go_on.park()
        fail()

    lazy = LazyLock[Any](move(make))
    one = start(lazy.force)
    inside.park()
    others = [start(lazy.force) for _ in range(5)]
    with pytest.raises(WaitTimeoutError, match="timed out waiting on LazyLock"):
        lazy.force(timeout=0.001)
    to_go_on.unpark()
    assert isinstance(one.join(DEADLINE).unwrap_err(), ValueError)
    for handle in others:
        assert isinstance(handle.join(DEADLINE).unwrap_err(), OncePoisonedError)


def test_lazy_force_mut() -> None:
    lazy = LazyLock(lambda: 92)
    assert lazy.get_mut() is None
    lazy.force_mut().value += 1
    lazy.force_mut().value += 1
    content = lazy.get_mut()
    assert content is not None
    assert (content.value, lazy.value) == (94, 94)
    with pytest.raises(NotSendError):
        content.value = []  # type: ignore[assignment]


def test_into_inner() -> None:
    assert LazyLock(fail).into_inner() == Err(fail)
    lazy = LazyLock(lambda: 3)
    lazy.force()
    assert lazy.into_inner() == Ok(3)
    for use in (lazy.into_inner, lazy.force, lazy.get, lambda: lazy.value):
        with pytest.raises(UseAfterMoveError, match="this LazyLock was consumed by `into_inner"):
            use()


def test_recursion_is_an_error_and_poisons() -> None:
    lazy: LazyLock[int] = LazyLock(lambda: RECURSIVE[0].value + 1)
    RECURSIVE.append(lazy)
    with pytest.raises(DeadlockError, match="LazyLock: the function that initializes it uses it"):
        lazy.force()
    with pytest.raises(OncePoisonedError):
        lazy.force()
    RECURSIVE.clear()


RECURSIVE: list[LazyLock[int]] = []


def test_the_function_goes_once_it_was_called() -> None:
    class Maker:
        __thread_send__ = "sync"

        def __call__(self) -> int:
            return 3

    maker = Maker()
    watched = weakref.ref(maker)
    lazy = LazyLock(maker)
    del maker
    assert watched() is not None
    assert lazy.value == 3
    assert watched() is None


def test_what_the_function_captures() -> None:
    data = [1, 2]
    with pytest.raises(NotSendError, match="`function` cannot be shared"):
        LazyLock(lambda: len(data))
    lazy: LazyLock[int] = LazyLock(move(lambda: len(data)))
    assert spawn(lazy.force).join() == Ok(2)
    with pytest.raises(NotSendError):
        LazyLock([].copy)
    with pytest.raises(TypeError, match="f must be callable"):
        LazyLock(3)  # type: ignore[arg-type]


def test_the_value_must_be_sync() -> None:
    lazy: LazyLock[list[int]] = LazyLock(list)
    with pytest.raises(NotSendError, match="`list` cannot be shared"):
        lazy.force()
    with pytest.raises(OncePoisonedError):
        lazy.force()


class Shared:
    """A value with everything that goes through."""

    __thread_send__ = "sync"
    name = "x"

    def __init__(self) -> None:
        self.entered = 0

    def __call__(self, one: int, *, other: int) -> int:
        return one + other

    def __getitem__(self, key: str) -> str:
        return key * 2

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Any:
        return iter((1, 2))

    def __contains__(self, item: object) -> bool:
        return item == "in"

    def __enter__(self) -> int:
        self.entered += 1
        return self.entered

    def __exit__(self, *_: object) -> bool:
        self.entered -= 1
        return True


def test_deref() -> None:
    lazy = LazyLock(Shared)
    assert lazy.name == "x"
    assert lazy(1, other=2) == 3
    assert lazy["a"] == "aa"
    assert len(lazy) == 3
    assert list(lazy) == [1, 2]
    assert "in" in lazy
    assert "out" not in lazy
    assert bool(lazy)
    assert not LazyLock(int)
    with lazy as entered:
        assert entered == 1
        fail()
    assert lazy.entered == 0
    with pytest.raises(AttributeError, match="'Shared' object has no attribute 'missing'"):
        lazy.missing
    with pytest.raises(AttributeError):
        setattr(lazy, "name", "y")  # noqa: B010 - a checker refuses the assignment


def test_who_only_looks_does_not_make_it() -> None:
    lazy = LazyLock(fail)
    assert not hasattr(lazy, "__wrapped__")
    assert inspect.isclass(lazy) is False
    assert repr(lazy) == str(lazy) == f"{lazy}" == "LazyLock(<uninit>)"
    assert is_sync(lazy)
    for refused in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            refused(lazy)
    assert not lazy.is_initialized()
    assert lazy.into_inner() == Err(fail)


def test_what_is_shown() -> None:
    lazy = LazyLock(lambda: "x")
    lazy.force()
    assert repr(lazy) == "LazyLock('x')"


def test_a_cycle_is_collected() -> None:
    lazy = LazyLock(Counted)
    watched = weakref.ref(lazy.value)
    lazy.value.lazy = lazy  # type: ignore[attr-defined]
    del lazy
    gc.collect()
    assert watched() is None


def test_references_stay_flat() -> None:
    lazy = LazyLock(Counted)
    before = sys.getrefcount(lazy.value)
    for _ in range(100):
        lazy.force()
        lazy.get()
        lazy.__thread_send__
        repr(lazy)
        lazy.force_mut().value = lazy.value
    after = sys.getrefcount(lazy.value)  # outside of the assertion, which holds it too
    assert after == before


def test_stress() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(60):
            calls()
            lazy = LazyLock(Counted)
            handles = [spawn(lazy.force) for _ in range(4)]
            assert {handle.join(DEADLINE).unwrap() for handle in handles} == {lazy.value}
            assert calls() == 1
    finally:
        sys.setswitchinterval(interval)
