"""What Rust's own tests of `std::thread` show, shown here for `pythread_rs.thread`.

Each test has the name of Rust's; where it differs, its docstring says how. Rust's channels are
`queue.SimpleQueue` here.
"""

from __future__ import annotations

import re
import sys
import threading
import time
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest

from pythread_rs import (
    Builder,
    Ok,
    Scope,
    Thread,
    _ffi,
    assume_send,
    available_parallelism,
    current,
    park,
    park_timeout,
    scope,
    sleep_until,
    thread_local,
)
from pythread_rs.panic import Panic, PanicHookInfo, panic, panic_any

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

DEADLINE_SECONDS = 10.0
FORTY_NINE_DAYS = (2**32 - 1) / 1000

# In library/std/src/thread/tests.rs, then in library/std/tests/thread.rs.
RUST_TESTS = (
    "test_unnamed_thread",
    "test_named_thread",
    "test_named_thread_truncation",
    "test_run_basic",
    "test_is_finished",
    "test_join_panic",
    "test_spawn_sched_childs_on_default_sched",
    "test_avoid_copying_the_body_spawn",
    "test_avoid_copying_the_body_thread_spawn",
    "test_child_doesnt_ref_parent",
    "test_simple_newsched_spawn",
    "test_try_panic_message_string_literal",
    "test_try_panic_any_message_any",
    "test_try_panic_any_message_unit_struct",
    "test_park_unpark_before",
    "test_park_timeout_unpark_before",
    "test_park_timeout_unpark_not_called",
    "test_park_timeout_unpark_called_other_thread",
    "test_size_of_option_thread_id",
    "test_thread_id_equal",
    "test_thread_id_not_equal",
    "test_scoped_threads_drop_result_before_join",
    "test_scoped_threads_nll",
    "scope_join_race",
    "sleep_very_long",
    "sleep_until",
    "thread_local_containing_const_statements",
    "available_parallelism",
)
NOT_APPLICABLE: dict[str, str] = {}

WaitUntil = Callable[..., bool]


def test_every_test_of_rust_is_here_or_explained() -> None:
    ported = {name for name in RUST_TESTS if ported_as(name) in globals()}
    assert ported | set(NOT_APPLICABLE) == set(RUST_TESTS)
    assert not ported & set(NOT_APPLICABLE)


def ported_as(name: str) -> str:
    stem = re.sub(r"\W+", "_", name.removesuffix(".rs")).strip("_").removeprefix("test_")
    return f"test_{stem}"


def test_unnamed_thread() -> None:
    """A thread from `spawn` has no name."""
    assert spawn(lambda: current().name).join(DEADLINE_SECONDS) == Ok(None)


def test_named_thread() -> None:
    """The name that is given to the Builder is what the thread reads."""
    handle = Builder().name("ada lovelace").spawn(lambda: current().name)
    assert handle.join(DEADLINE_SECONDS) == Ok("ada lovelace")


def test_named_thread_truncation() -> None:
    """A long name is kept whole; the OS has a part of it from the start on."""
    name = "test_named_thread_truncation" + " yada" * 100
    handle = Builder().name(name).spawn(lambda: (current().name, _ffi.os_name()))
    whole, cut = handle.join(DEADLINE_SECONDS).unwrap()
    assert whole == handle.thread.name == name
    assert cut
    assert name.startswith(cut)


def test_run_basic() -> None:
    """The closure runs and can send."""
    channel: SimpleQueue[str] = SimpleQueue()
    handle = spawn(lambda: channel.put("sent"))
    assert channel.get(timeout=DEADLINE_SECONDS) == "sent"
    assert handle.join(DEADLINE_SECONDS).is_ok()


def test_is_finished(wait_until: WaitUntil) -> None:
    """False while the closure waits; soon true after its release, and then a join returns."""
    barrier = threading.Barrier(2)

    def wait() -> int:
        barrier.wait(DEADLINE_SECONDS)
        return 1234

    handle = spawn(wait)
    assert not handle.is_finished()
    barrier.wait(DEADLINE_SECONDS)
    assert wait_until(handle.is_finished, DEADLINE_SECONDS)
    assert handle.join(0) == Ok(1234)


def test_join_panic(reports: list[PanicHookInfo]) -> None:
    """The join of a thread that panics is an Err."""
    assert spawn(panic).join(DEADLINE_SECONDS).is_err()
    assert len(reports) == 1


def test_spawn_sched_childs_on_default_sched() -> None:
    """The detached child of a detached child runs."""
    channel: SimpleQueue[str] = SimpleQueue()
    spawn(lambda: spawn(channel.put, "sent").detach()).detach()
    assert channel.get(timeout=DEADLINE_SECONDS) == "sent"


def avoid_copying_the_body(run: Callable[[Callable[[], object]], object]) -> None:
    """Rust compares the address of a box; here it is the object that is the same."""
    channel: SimpleQueue[object] = SimpleQueue()
    moved = [1]
    address = id(moved)
    run(lambda: channel.put(moved))
    received = channel.get(timeout=DEADLINE_SECONDS)
    assert id(received) == address
    assert received is moved


def test_avoid_copying_the_body_spawn() -> None:
    """What the closure captures arrives as the same object."""
    avoid_copying_the_body(spawn)


def test_avoid_copying_the_body_thread_spawn() -> None:
    """The same through a closure around the closure."""
    avoid_copying_the_body(lambda f: spawn(lambda: f()))


def test_child_doesnt_ref_parent(wait_until: WaitUntil) -> None:
    """16 generations of detached children: none keeps its parent, so no chain grows.

    Rust would run out of memory; here the records of the parents are gone while the last runs.
    """
    generations = 16
    parents: list[weakref.ref[Thread]] = []
    last_runs, end = threading.Event(), threading.Event()

    def child(number: int) -> None:
        if number < generations:
            parents.append(weakref.ref(current()))
            spawn(child, number + 1).detach()
        else:
            last_runs.set()
            end.wait(DEADLINE_SECONDS)

    spawn(child, 0).detach()
    assert last_runs.wait(DEADLINE_SECONDS)
    try:
        assert len(parents) == generations
        assert wait_until(lambda: not any(parent() for parent in parents), DEADLINE_SECONDS)
    finally:
        end.set()


def test_simple_newsched_spawn() -> None:
    """An empty closure and a dropped handle are fine."""
    spawn(lambda: None)


def test_try_panic_message_string_literal(reports: list[PanicHookInfo]) -> None:
    """The payload of `panic("...")` is the text."""
    error = spawn(panic, "static string").join(DEADLINE_SECONDS).unwrap_err()
    assert isinstance(error, Panic)
    assert error.payload == "static string"


def test_try_panic_any_message_any(reports: list[PanicHookInfo]) -> None:
    """A payload arrives as it was, with a panic of its own inside (Rust: a box in a box)."""
    inner = Panic(413)
    error = spawn(panic_any, [inner]).join(DEADLINE_SECONDS).unwrap_err()
    assert isinstance(error, Panic)
    match error.payload:
        case [Panic(payload=413) as same]:
            assert same is inner
        case other:
            pytest.fail(f"{other!r} is not the payload")


def test_try_panic_any_message_unit_struct(reports: list[PanicHookInfo]) -> None:
    """An object of any class can be a payload and is found by its class."""

    class Juju:
        pass

    match spawn(panic_any, Juju()).join(DEADLINE_SECONDS).unwrap_err():
        case Panic(payload=Juju()):
            pass
        case other:
            pytest.fail(f"{other!r} has another payload")


def test_park_unpark_before() -> None:
    """unpark, then park returns at once, again and again."""
    for _ in range(10):
        current().unpark()
        park()


def test_park_timeout_unpark_before() -> None:
    """The token is there already: park_timeout returns at once, however long it might wait."""
    for _ in range(10):
        current().unpark()
        park_timeout(FORTY_NINE_DAYS)


def test_park_timeout_unpark_not_called() -> None:
    """Without a token park_timeout returns when its time is over."""
    for _ in range(10):
        park_timeout(0.01)


def test_park_timeout_unpark_called_other_thread() -> None:
    """unpark ends a long park_timeout."""
    for _ in range(10):
        parked = current()
        handle = spawn(parked.unpark)
        park_timeout(FORTY_NINE_DAYS)
        assert handle.join(DEADLINE_SECONDS) == Ok(None)


def test_size_of_option_thread_id() -> None:
    """Rust saves space because no id is 0; here that is all that is left of it."""
    assert current().id.number > 0
    assert spawn(int).thread.id.number > 0


def test_thread_id_equal() -> None:
    """The same thread has the same id."""
    assert current().id == current().id
    assert hash(current().id) == hash(current().id)


def test_thread_id_not_equal() -> None:
    """Another thread has another id."""
    assert spawn(lambda: current().id).join(DEADLINE_SECONDS).unwrap() != current().id


def test_scoped_threads_drop_result_before_join() -> None:
    """The scope waits until a result that nobody joins is destroyed, and for what that spawns."""
    leaving = threading.Event()
    done: list[str] = []

    class Result:
        def __init__(self, scope: Scope) -> None:
            self.scope = scope

        def __del__(self) -> None:
            self.scope.spawn(done.append, "spawned by the destructor")

    def work(s: Scope) -> Result:
        assert leaving.wait(DEADLINE_SECONDS)
        return Result(s)

    with scope() as s:
        s.spawn(work, s)
        leaving.set()
    assert done == ["spawned by the destructor"]


def test_scoped_threads_nll() -> None:
    """A scoped closure may borrow what its function was given."""

    def work(borrowed: list[int]) -> int:
        with scope() as s:
            handle = s.spawn(lambda: len(borrowed))
        return handle.join(DEADLINE_SECONDS).unwrap()

    numbers = [1, 2]
    assert work(numbers) == 2
    assert numbers == [1, 2]


def test_scope_join_race() -> None:
    """A scope returns after its last thread in every interleaving.

    Rust runs it under miri, which searches for the interleaving; here they are provoked.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(100):
            done: list[int] = []
            with scope() as s:
                # Each of the two calls is atomic.
                s.spawn(assume_send(done.append), 1)
                s.spawn(assume_send(done.append), 2)
            assert sorted(done) == [1, 2]
            assert "num_running_threads: 0" in repr(s)
    finally:
        sys.setswitchinterval(interval)


def test_sleep_very_long(run_program: Callable[..., Any]) -> None:
    """sleep(2**64 - 1) neither overflows nor returns; the end of the process ends it."""
    child = run_program("""
        import threading
        from pythread_rs import sleep, spawn
        begun = threading.Event()
        def work():
            begun.set()
            sleep(2**64 - 1)
        handle = spawn(work)
        assert begun.wait(10)
        try:
            handle.join(0.3)
        except TimeoutError:
            print("it sleeps")
    """)
    assert child == (0, "it sleeps\n", "")


def test_sleep_until() -> None:
    """It returns no earlier than the deadline."""
    deadline = time.monotonic() + 0.03
    sleep_until(deadline)
    assert time.monotonic() >= deadline
    sleep_until(deadline)


def test_thread_local_containing_const_statements() -> None:
    """A key of a plain value and one of a container can be read and taken from."""
    cell = thread_local(lambda: 1)
    assert cell.get() == 1
    container = thread_local(lambda: 10)
    assert container.take() == 10


def test_available_parallelism() -> None:
    """The platform tells."""
    assert available_parallelism() >= 1
