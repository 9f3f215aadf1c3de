"""Buffers: moved, shared or lent; locked and kept alive until the thread has ended."""

from __future__ import annotations

import array
import ctypes
import gc
import sys
import weakref
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Err, Ok, Own, OwnershipError, assume_send, freeze, native, scope

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE = 10_000  # milliseconds, for what never comes near it


@pytest.fixture
def flag(c: SimpleNamespace) -> Any:
    return c.ffi.new("int32_t *")


# -- Moved, and shared. ----------------------------------------------------------------------------


def test_a_writable_buffer_is_moved(c: SimpleNamespace) -> None:
    data = bytearray(range(10))
    handle = native.spawn(c.lib.sum_bytes, data, 10)
    assert handle.join() == Ok(45)


def test_a_writable_buffer_that_is_used_later_is_refused(c: SimpleNamespace) -> None:
    data = bytearray(10)
    with pytest.raises(OwnershipError, match="E0382"):
        native.spawn(c.lib.sum_bytes, data, 10)
    data.append(1)


def test_a_buffer_that_somebody_holds_is_refused(c: SimpleNamespace) -> None:
    holder = [bytearray(10)]
    with pytest.raises(OwnershipError, match="E0505"):
        native.spawn(c.lib.sum_bytes, holder[0], 10)
    holder[0].append(1)


def test_read_only_memory_may_be_shared(c: SimpleNamespace) -> None:
    data = bytes(range(10))
    handles = [native.spawn(c.lib.sum_bytes, data, 10) for _ in range(4)]
    assert [handle.join() for handle in handles] == [Ok(45)] * 4
    assert sum(data) == 45


def test_wrappers_of_ownership_are_opened(c: SimpleNamespace) -> None:
    mine = Own(bytearray(range(10)))
    assert native.spawn(c.lib.sum_bytes, mine, 10).join() == Ok(45)
    with pytest.raises(OwnershipError):
        native.spawn(c.lib.sum_bytes, mine, 10)
    data = bytearray(range(10))
    assert native.spawn(c.lib.sum_bytes, assume_send(data), 10).join() == Ok(45)
    assert native.spawn(c.lib.sum_bytes, freeze(data), 10).join() == Ok(45)


def test_an_own_comes_back_when_nothing_starts(c: SimpleNamespace) -> None:
    mine = Own(bytearray(8))
    with pytest.raises(TypeError, match="takes an int"):
        native.spawn(c.lib.sum_bytes, mine, "8")
    assert mine.take() == bytearray(8)


@pytest.mark.parametrize(
    "make",
    [
        lambda: array.array("d", [1, 2, 3, 4]),
        lambda: memoryview(array.array("d", [0, 1, 2, 3, 4]))[1:],
        lambda: memoryview(bytearray(array.array("d", [1, 2, 3, 4]).tobytes())),
        lambda: array.array("d", [1, 2, 3, 4]).tobytes(),
    ],
)
def test_all_kinds_of_buffers(c: SimpleNamespace, make: Callable[[], Any]) -> None:
    assert native.spawn(c.lib.sum, make(), 4).join() == Ok(10.0)


def test_arrays_of_numpy(c: SimpleNamespace) -> None:
    numpy = pytest.importorskip("numpy")
    assert native.spawn(c.lib.sum, numpy.arange(5.0), 5).join() == Ok(10.0)
    frozen = freeze(numpy.arange(5.0))
    for _ in range(2):
        assert native.spawn(c.lib.sum, frozen, 5).join() == Ok(10.0)
    with pytest.raises(BufferError, match="not C-contiguous"):
        native.spawn(c.lib.sum, numpy.arange(10.0)[::2], 5)
    with pytest.raises(TypeError, match="cannot point into a buffer of format"):
        native.spawn(c.lib.sum, numpy.arange(5), 5)


def test_pointers_of_cffi_and_ctypes_are_taken_as_they_are(c: SimpleNamespace) -> None:
    numbers = c.ffi.new("double[]", [1, 2, 3])
    assert native.spawn(c.lib.sum, numbers, 3).join() == Ok(6.0)
    more = (ctypes.c_double * 3)(1, 2, 3)
    pointer = ctypes.cast(more, ctypes.POINTER(ctypes.c_double))
    for argument in (more, pointer, ctypes.byref(more), ctypes.cast(more, ctypes.c_void_p)):
        assert native.spawn(c.lib.sum, argument, 3).join() == Ok(6.0)


def test_numbers_may_be_wrapped_beside_a_buffer(c: SimpleNamespace) -> None:
    assert native.spawn(c.lib.sum_bytes, bytes(range(10)), Own(10)).join() == Ok(45)
    assert native.spawn(c.lib.sum_bytes, bytearray(range(10)), assume_send(3)).join() == Ok(3)


class Frames:
    """Counts the functions of Python that are called in the block."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> None:
        sys.setprofile(self._note)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: object, event: str, argument: object) -> None:
        self.count += event == "call"


def test_no_argument_costs_a_frame(c: SimpleNamespace) -> None:
    few = native.function(c.lib.thread_number, "uint64_t(void)")
    pointers = "const uint8_t *, const uint8_t *, const uint8_t *"
    many = native.function(c.lib.thread_number, f"uint64_t(int, double, bool, {pointers})")
    least = most = Frames()
    for _ in range(2):  # the first time, the code of this function is looked at
        least, most = Frames(), Frames()
        with least:
            first = native.spawn(few)
        data, numbers = bytearray(9), array.array("B", [1])
        with most:
            second = native.spawn(many, 1, 1.0, True, b"1", data, numbers)
        for handle in (first, second):
            handle.join().unwrap()
    assert most.count == least.count


# -- What does not fit. ----------------------------------------------------------------------------


def test_a_read_only_buffer_for_a_pointer_that_may_write(c: SimpleNamespace) -> None:
    fill = native.function(c.lib.fill, "void(uint8_t *, size_t, int)")
    with pytest.raises(TypeError, match="is read-only"):
        native.spawn(fill, b"12345678", 8, 0)
    assert native.spawn(fill, bytearray(8), 8, 0).join() == Ok(None)


@pytest.mark.parametrize(
    "make",
    [
        lambda: array.array("f", [1, 2]),
        lambda: array.array("q", [1, 2]),
        lambda: bytearray(9),
        lambda: memoryview(bytearray(17))[1:],
    ],
)
def test_items_of_another_type(c: SimpleNamespace, make: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match="cannot point into"):
        native.spawn(c.lib.sum, make(), 1)


def test_a_buffer_with_gaps(c: SimpleNamespace) -> None:
    with pytest.raises(BufferError, match="not C-contiguous"):
        native.spawn(c.lib.sum_bytes, memoryview(bytearray(8))[::2], 4)


# -- Locked and kept. ------------------------------------------------------------------------------


def test_a_buffer_cannot_be_resized_while_the_thread_runs(c: SimpleNamespace, flag: Any) -> None:
    wait = native.function(c.lib.answer, "int32_t(int32_t *, uint8_t *, int32_t)")
    data = bytearray(4)
    handle = native.spawn(wait, flag, assume_send(data), DEADLINE)
    with pytest.raises(BufferError):
        data.append(1)
    c.lib.set_flag(flag)
    assert handle.join() == Ok(1)
    data.append(1)
    assert data == b"\1\0\0\0\1"


class Data(bytearray):
    """A bytearray that can be seen to go."""


def test_a_detached_thread_keeps_its_buffer(
    c: SimpleNamespace, flag: Any, wait_until: Callable[..., bool]
) -> None:
    """Nobody but the thread has it; when it has ended, the buffer goes without another call."""
    wait = native.function(c.lib.answer, "int32_t(int32_t *, uint8_t *, int32_t)")
    data = Data(4)
    alive = weakref.ref(data)
    handle = native.spawn(wait, flag, assume_send(data), DEADLINE)
    del data
    handle.detach()
    del handle
    gc.collect()
    assert alive() is not None
    c.lib.set_flag(flag)
    assert wait_until(lambda: alive() is None)


def test_a_join_lets_go_of_the_buffer(c: SimpleNamespace) -> None:
    data = Data(4)
    alive = weakref.ref(data)
    handle = native.spawn(c.lib.sum_bytes, assume_send(data), 4)
    del data
    assert handle.join() == Ok(0)
    assert alive() is None


def test_a_handle_that_is_dropped_late(c: SimpleNamespace, wait_until: Callable[..., bool]) -> None:
    data = Data(4)
    alive = weakref.ref(data)
    handle = native.spawn(c.lib.sum_bytes, assume_send(data), 4)
    del data
    assert wait_until(handle.is_finished)
    assert alive() is not None  # the result is not taken: nobody has looked
    del handle
    assert alive() is None


def test_a_cycle_with_a_handle_is_collected(
    c: SimpleNamespace, flag: Any, wait_until: Callable[..., bool]
) -> None:
    wait = native.function(c.lib.answer, "int32_t(int32_t *, uint8_t *, int32_t)")
    data = Data(4)
    data.handle = native.spawn(wait, flag, assume_send(data), DEADLINE)  # type: ignore[attr-defined]
    alive = weakref.ref(data)
    del data
    gc.collect()
    assert alive() is not None
    c.lib.set_flag(flag)
    assert wait_until(lambda: gc.collect() >= 0 and alive() is None)


def test_memory_is_flat(c: SimpleNamespace, wait_until: Callable[..., bool]) -> None:
    """Each buffer is 1 MB: a leak of one in ten would be seen."""
    from resource import RUSAGE_SELF, getrusage

    def round_of(count: int) -> None:
        for number in range(count):
            handle = native.spawn(c.lib.sum_bytes, bytearray(10**6), 100)
            handle.join() if number % 2 else handle.detach()

    round_of(20)
    before = getrusage(RUSAGE_SELF).ru_maxrss
    round_of(500)
    assert getrusage(RUSAGE_SELF).ru_maxrss - before < 60_000  # KiB on Linux


# -- Lent. -----------------------------------------------------------------------------------------


def test_a_scope_lends_a_buffer(c: SimpleNamespace) -> None:
    data = bytearray(4)
    with scope() as s:
        native.spawn_scoped(s, c.lib.fill, data, 4, 7)
    assert data == b"\7\7\7\7"
    data.append(1)  # nobody has it any more


def test_slices_of_a_buffer_in_a_scope(c: SimpleNamespace) -> None:
    data = bytearray(8)
    view = memoryview(data)
    left, right = view[:4], view[4:]
    with scope() as s:
        first = native.spawn_scoped(s, c.lib.fill, assume_send(left), 4, 1)
        native.spawn_scoped(s, c.lib.fill, assume_send(right), 4, 2)
        assert first.join() == Ok(None)
    assert data == b"\1\1\1\1\2\2\2\2"


def test_two_threads_of_a_scope_cannot_write_to_one_buffer(c: SimpleNamespace, flag: Any) -> None:
    data = bytearray(4)
    wait = native.function(c.lib.answer, "int32_t(int32_t *, uint8_t *, int32_t)")
    with scope() as s:
        native.spawn_scoped(s, wait, flag, data, DEADLINE)
        try:
            with pytest.raises(OwnershipError):
                native.spawn_scoped(s, c.lib.fill, data, 4, 7)
        finally:
            c.lib.set_flag(flag)


def test_a_panic_that_nobody_joins_leaves_the_scope(c: SimpleNamespace) -> None:
    with pytest.raises(ExceptionGroup, match="a scoped thread panicked") as caught, scope() as s:
        native.spawn_scoped(s, c.lib.fail, 3, 0, errcheck="nonzero")
    assert [type(e) for e in caught.value.exceptions] == [native.NativeError]
    with scope() as s:
        handle = native.spawn_scoped(s, c.lib.fail, 3, 0, errcheck="nonzero")
        assert isinstance(handle.join(), Err)


def test_a_closed_scope(c: SimpleNamespace) -> None:
    with scope() as s:
        pass
    with pytest.raises(RuntimeError, match="cannot spawn on a scope that is closed"):
        native.spawn_scoped(s, c.lib.fail, 0, 0)
