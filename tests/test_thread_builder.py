"""`Builder`: names, stack sizes, dedicated threads, and what it refuses."""

from __future__ import annotations

import ctypes
import errno
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, Ok, SpawnError, _ffi, current, park, spawn
from pythread_rs.ownership import CaptureError

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 10.0
MIB = 1 << 20
OS_NAME_BYTES = 15  # Linux; macOS allows 63

any_builder: Any = Builder

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells")


def name_inside(builder: Builder) -> str | None:
    return builder.spawn(lambda: current().name).join().unwrap()


# -- Both styles. ----------------------------------------------------------------------------------


def test_keyword_arguments_and_methods_say_the_same() -> None:
    by_keyword = Builder(name="w", stack_size=MIB, dedicated=True, no_hooks=True)
    by_method = Builder().name("w").stack_size(MIB).dedicated().no_hooks()
    assert repr(by_keyword) == repr(by_method)
    assert repr(by_method) == (
        'Builder { name: Some("w"), stack_size: Some(1048576), dedicated: true, no_hooks: true }'
    )
    assert repr(Builder()) == (
        "Builder { name: None, stack_size: None, dedicated: false, no_hooks: false }"
    )


def test_a_builder_never_changes() -> None:
    plain = Builder()
    named = plain.name("one")
    other = named.name("two").dedicated().dedicated(False)
    assert [name_inside(builder) for builder in (plain, named, other)] == [None, "one", "two"]


def test_one_builder_serves_many_threads() -> None:
    builder = Builder(name="many")
    handles = [builder.spawn(lambda: current().id) for _ in range(5)]
    assert {handle.thread.name for handle in handles} == {"many"}
    assert len({handle.join().unwrap() for handle in handles}) == 5


def test_arguments_reach_the_closure() -> None:
    def collect(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    result = Builder().spawn(collect, 1, f=2, self=3, name="x").join()
    assert result == Ok(((1,), {"f": 2, "self": 3, "name": "x"}))


def test_unchecked_shares_what_spawn_refuses() -> None:
    seen: list[str | None] = []

    def work(number: int, *, scale: int) -> int:
        seen.append(current().name)
        return number * scale

    builder = Builder(name="vouched for")
    with pytest.raises(CaptureError):
        builder.spawn(work, 2, scale=3)
    assert seen == []
    assert builder.spawn_unchecked(work, 2, scale=3).join() == Ok(6)
    assert seen == ["vouched for"]


def test_options_are_given_by_name() -> None:
    with pytest.raises(TypeError):
        any_builder("name")
    with pytest.raises(TypeError):
        any_builder(priority=3)


def test_a_builder_alone_is_no_thread() -> None:
    with pytest.raises(TypeError, match="a Builder starts nothing by itself"):
        assert any_builder(name="forgotten")


@pytest.mark.parametrize("nothing", [None, 3, "print"])
def test_what_cannot_be_called_is_refused(nothing: Any) -> None:
    with pytest.raises(TypeError, match="spawn takes a callable"):
        any_builder().spawn(nothing)
    with pytest.raises(TypeError, match="spawn takes a callable"):
        any_builder().spawn_unchecked(nothing)


# -- Names. ----------------------------------------------------------------------------------------

NAMES = [
    "worker",
    "",
    " ",
    "a" * 600,
    "größe",
    "名前" * 100,
    "🦀" * 20,
    'say "hi"\\',
    "line\nbreak",
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:20])
def test_a_name_is_kept_whole(name: str) -> None:
    handle = Builder(name=name).spawn(lambda: current().name)
    assert handle.thread.name == name
    assert handle.join() == Ok(name)


def test_a_thread_without_a_name_has_none() -> None:
    assert spawn(lambda: current().name).join() == Ok(None)
    assert name_inside(Builder(name=None)) is None


@linux_only
@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:20])
def test_the_os_gets_as_much_of_the_name_as_it_takes(name: str) -> None:
    shown = Builder(name=name).spawn_unchecked(_ffi.os_name).join().unwrap()
    assert name.startswith(shown), "cut, and cut between characters"
    whole = len(name.encode()) <= OS_NAME_BYTES
    assert shown == name or (not whole and len(shown.encode()) > OS_NAME_BYTES - 4)


@linux_only
def test_the_os_name_does_not_outlive_the_closure() -> None:
    """A parked OS thread is used again, for a thread that may have no name."""
    process_name = Builder().spawn_unchecked(_ffi.os_name).join().unwrap()
    for _ in range(20):
        assert Builder(name="short-lived").spawn_unchecked(_ffi.os_name).join() == Ok("short-lived")
        assert Builder().spawn_unchecked(_ffi.os_name).join() == Ok(process_name)


BAD_NAMES: list[tuple[Any, type[Exception], str]] = [
    ("a\0b", ValueError, "may not contain interior null bytes"),
    ("\0", ValueError, "may not contain interior null bytes"),
    ("\ud800", ValueError, "may not contain lone surrogates"),
    (b"bytes", TypeError, "a thread name is a str, not bytes"),
    (3, TypeError, "a thread name is a str, not int"),
    (["x"], TypeError, "a thread name is a str, not list"),
]


@pytest.mark.parametrize(("name", "error", "text"), BAD_NAMES, ids=lambda value: ascii(value)[:20])
def test_an_impossible_name_is_refused(name: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        any_builder(name=name)
    with pytest.raises(error, match=text):
        any_builder().name(name)


# -- Stack sizes. ----------------------------------------------------------------------------------


def own_stack_size() -> int:
    """Ask glibc for the size of the calling thread's stack."""
    libc = ctypes.CDLL(None)
    libc.pthread_self.restype = ctypes.c_void_p
    attributes = ctypes.create_string_buffer(256)  # pthread_attr_t is 56 bytes
    size = ctypes.c_size_t()
    assert libc.pthread_getattr_np(ctypes.c_void_p(libc.pthread_self()), attributes) == 0
    assert libc.pthread_attr_getstacksize(attributes, ctypes.byref(size)) == 0
    assert libc.pthread_attr_destroy(attributes) == 0
    return size.value


@linux_only
@pytest.mark.parametrize("size", [256 << 10, MIB, 3 * MIB + 1, 64 * MIB])
def test_the_stack_is_at_least_as_large_as_asked(size: int) -> None:
    actual = Builder(stack_size=size).spawn(own_stack_size).join().unwrap()
    # No upper limit: glibc keeps the stacks of ended threads, and may hand out a larger one.
    assert size <= actual


@linux_only
def test_the_default_stack_is_8_mib_whatever_the_limit_says() -> None:
    assert 8 * MIB <= spawn(own_stack_size).join().unwrap() <= 4 * 8 * MIB


@pytest.mark.parametrize("size", [0, 1, 4096, 16 << 10])
def test_a_tiny_stack_is_rounded_up_to_what_python_needs(size: int) -> None:
    def work() -> int:
        return len(sorted(range(1000), key=lambda number: -number))

    assert Builder(stack_size=size).spawn(work).join() == Ok(1000)


BAD_SIZES: list[tuple[Any, type[Exception], str]] = [
    (True, TypeError, "a stack size is an int in bytes, not bool"),
    ("1048576", TypeError, "a stack size is an int in bytes, not str"),
    (1048576.0, TypeError, "a stack size is an int in bytes, not float"),
    (-1, ValueError, "a stack size must be at least 0 bytes, not -1"),
    (sys.maxsize + 1, ValueError, "does not fit the address space"),
    (10**30, ValueError, "does not fit the address space"),
]


@pytest.mark.parametrize(("size", "error", "text"), BAD_SIZES, ids=lambda value: str(value)[:20])
def test_an_impossible_size_is_refused(size: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        any_builder(stack_size=size)
    with pytest.raises(error, match=text):
        any_builder().stack_size(size)


@pytest.mark.parametrize("size", [sys.maxsize, sys.maxsize - 1, sys.maxsize // 2, 1 << 47])
def test_a_size_that_the_os_refuses_is_a_spawn_error(size: int) -> None:
    """The closure stays with the caller, and the next spawn works."""

    def work() -> None:
        """Only its references count."""

    before = _ffi.statistics()
    references = sys.getrefcount(work)
    number, text = refusal_of(Builder(stack_size=size), work)
    assert number in {errno.EINVAL, errno.EAGAIN, errno.ENOMEM}
    assert "failed to spawn thread" in text
    assert str(size) in text
    assert sys.getrefcount(work) == references
    after = _ffi.statistics()
    assert [after[name] - before[name] for name in ("live", "os_threads_created")] == [0, 0]
    assert spawn(int).join() == Ok(0)


def refusal_of(builder: Builder, work: Callable[[], None]) -> tuple[int | None, str]:
    """Let no traceback out, as that would hold `work`."""
    try:
        builder.spawn(work)
    except SpawnError as error:
        return error.errno, str(error)
    return None, "started"


# -- Dedicated threads. ----------------------------------------------------------------------------


def os_threads_for(builder: Builder, spawns: int) -> int:
    before = _ffi.statistics()["os_threads_created"]
    for _ in range(spawns):
        builder.spawn(int).join().unwrap()
    return _ffi.statistics()["os_threads_created"] - before


@pytest.mark.parametrize(
    "builder", [Builder(dedicated=True), Builder(stack_size=MIB)], ids=["dedicated", "stack size"]
)
def test_such_a_thread_is_always_a_fresh_os_thread(builder: Builder) -> None:
    assert os_threads_for(builder, 10) == 10


def test_other_os_threads_are_used_again() -> None:
    assert os_threads_for(Builder(name="x"), 50) < 10


def test_a_dedicated_os_thread_ends_with_its_closure(wait_until: Callable[..., bool]) -> None:
    """What C code keeps per thread ends too: it goes when the OS thread does."""
    handle = Builder(dedicated=True).spawn(threading.get_native_id)
    native = handle.join().unwrap()
    if sys.platform == "linux":
        assert wait_until(lambda: not is_alive(native))


def is_alive(native: int) -> bool:
    try:
        with open(f"/proc/self/task/{native}/stat", encoding="ascii"):
            return True
    except FileNotFoundError:
        return False


@linux_only
def test_a_thread_that_is_not_dedicated_parks() -> None:
    """Or the test above would pass for any thread."""
    native = Builder(name="x").spawn(threading.get_native_id).join().unwrap()
    assert is_alive(native)


def test_the_handle_of_a_dedicated_thread_is_like_any_other() -> None:
    handle = Builder(dedicated=True, name="d").spawn(park)
    handle.thread.unpark()
    assert handle.join(SECONDS) == Ok(None)
    assert handle.is_finished()
