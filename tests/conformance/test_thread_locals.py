"""What Rust's own tests of `thread_local!` show, shown here for `pythread_rs.thread_local`.

Each test has the name of Rust's; where it differs, its docstring says how. A destructor is a
`__del__` here.
"""

from __future__ import annotations

import re
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from pythread_rs import Builder, LocalKey, Ok, current, thread_local
from pythread_rs.thread import AccessError

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

DEADLINE_SECONDS = 10.0

RUST_TESTS = (
    # library/std/tests/thread_local/tests.rs
    "smoke_no_dtor",
    "states",
    "smoke_dtor",
    "self_referential",
    "dtors_in_dtors_in_dtors",
    "dtors_in_dtors_in_dtors_const_init",
    "thread_current_in_dtor",
    # library/std/tests/thread_local/dynamic_tests.rs
    "smoke",
    "hashmap",
    "refcell_vec",
    # library/std/src/sys/thread_local/key/tests.rs
    "destructors",
    # tests/ui/threads-sendsync
    "tls-dont-move-after-init.rs",
    "tls-init-on-init.rs",
    "eprint-on-tls-drop.rs",
    "issue-29488.rs",
    "issue-24313.rs",
    "tls-in-global-alloc.rs",
    # tests/ui/thread-local
    "main-thread-dtor.rs",
    "spawned-thread-dtor.rs",
    "tls.rs",
)
NOT_APPLICABLE = {
    "dtors_in_dtors_in_dtors_const_init": (
        "an initialiser is always a function here; dtors_in_dtors_in_dtors covers it"
    ),
    "tls-in-global-alloc.rs": "a program cannot replace Python's allocator by Python code",
}


def test_every_test_of_rust_is_here_or_explained() -> None:
    ported = {name for name in RUST_TESTS if ported_as(name) in globals()}
    assert ported | set(NOT_APPLICABLE) == set(RUST_TESTS)
    assert not ported & set(NOT_APPLICABLE)


def ported_as(name: str) -> str:
    stem = re.sub(r"\W+", "_", name.removesuffix(".rs")).strip("_").removeprefix("test_")
    return f"test_{stem}"


class OnDrop:
    """A value with a destructor."""

    def __init__(self, f: Callable[[], object]) -> None:
        self.f = f

    def __del__(self) -> None:
        self.f()


def run(f: Callable[[], object]) -> None:
    assert spawn(f).join(DEADLINE_SECONDS).is_ok()


def test_smoke_no_dtor() -> None:
    """Each thread starts from the first value, and what it sets nobody else sees."""
    key = thread_local(lambda: 1)
    assert key.get() == 1
    key.set(2)

    def child() -> None:
        assert key.get() == 1
        key.set(3)

    run(child)
    assert key.get() == 2


def test_states() -> None:
    """try_with is Ok until the value's own destructor runs, and an Err in it."""
    seen: list[Any] = []

    def look() -> None:
        seen.append(key.try_with(lambda value: None))

    key: LocalKey[OnDrop] = thread_local(lambda: OnDrop(look))

    def body() -> None:
        key.with_(lambda value: None)
        look()

    run(body)
    first, second = seen
    assert first == Ok(None)
    assert isinstance(second.unwrap_err(), AccessError)


def test_smoke_dtor() -> None:
    """The destructor runs when the thread ends: before the join, on that thread."""
    where: list[Any] = []
    key = thread_local(lambda: OnDrop(lambda: where.append(current().id)))
    handle = spawn(lambda: key.with_(lambda value: None))
    assert handle.join(DEADLINE_SECONDS) == Ok(None)
    assert where == [handle.thread.id]


def test_self_referential() -> None:
    """A value whose destructor asks for its own key gets an Err there, and `with_` raises."""
    seen: list[object] = []

    def drop() -> None:
        assert key.try_with(lambda value: None).is_err()
        with pytest.raises(AccessError, match="during or after destruction"):
            key.with_(lambda value: None)
        seen.append("dropped")

    key: LocalKey[OnDrop] = thread_local(lambda: OnDrop(drop))
    run(lambda: key.with_(lambda value: None))
    assert seen == ["dropped"]


def test_dtors_in_dtors_in_dtors() -> None:
    """A destructor may bring another key to life, whose destructor then runs."""
    order: list[str] = []

    def drop_first() -> None:
        order.append("first")
        second.with_(lambda value: None)

    first = thread_local(lambda: OnDrop(drop_first))
    second = thread_local(lambda: OnDrop(lambda: order.append("second")))
    run(lambda: first.with_(lambda value: None))
    assert order == ["first", "second"]


def test_thread_current_in_dtor() -> None:
    """In a destructor the thread still knows its name, also in `threading`."""
    names: list[object] = []
    key = thread_local(
        lambda: OnDrop(lambda: names.extend((current().name, threading.current_thread().name)))
    )
    handle = Builder(name="test").spawn_unchecked(lambda: key.with_(lambda value: None))
    assert handle.join(DEADLINE_SECONDS) == Ok(None)
    assert names == ["test", "test"]


def test_smoke() -> None:
    """The initialiser may be any expression; it runs once per thread."""
    calls: list[object] = []

    def square() -> int:
        calls.append(current().id)
        return len("twelve" * 2) ** 2

    key = thread_local(square)
    for _ in range(2):
        assert key.get() == 144
    run(key.get)
    assert len(calls) == len(set(calls)) == 2


def test_hashmap() -> None:
    """A dict, filled by the initialiser."""
    key = thread_local(lambda: {1: 2})
    assert key.with_(lambda value: value[1]) == 2


def test_refcell_vec() -> None:
    """A list, changed through the key."""
    key = thread_local(lambda: [1, 2, 3])
    key.with_(lambda value: value.append(4))
    assert key.with_(len) == 4
    run(lambda: key.with_(len))
    assert key.get() == [1, 2, 3, 4]


def test_destructors() -> None:
    """What the value holds is let go at the end of the thread."""

    class Shared:
        pass

    shared = Shared()
    gone = weakref.ref(shared)
    key = thread_local(lambda: [gone()])
    assert spawn(key.get).join(DEADLINE_SECONDS).unwrap() == [shared]
    run(lambda: key.with_(len))
    del shared
    assert gone() is None


def test_tls_dont_move_after_init() -> None:
    """The value stays the same object, up to its destructor."""
    seen: list[int] = []

    class Value:
        def __del__(self) -> None:
            seen.append(id(self))

    key = thread_local(Value)

    def body() -> None:
        seen.append(key.with_(id))
        seen.append(id(key.get()))

    run(body)
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_tls_init_on_init() -> None:
    """An initialiser that touches its own key: the last value wins, the other one is dropped."""
    made: list[int] = []
    dropped: list[object] = []

    class Value:
        def __init__(self) -> None:
            self.number = len(made)
            made.append(self.number)
            if self.number == 0:
                key.with_(lambda value: None)

        def __del__(self) -> None:
            alive = key.try_with(lambda value: value.number)
            dropped.append((self.number, alive.ok()))

    key: LocalKey[Value] = thread_local(Value)
    assert spawn(lambda: key.with_(lambda value: value.number)).join(DEADLINE_SECONDS) == Ok(0)
    # The inner one goes while the outer one is there; the outer one goes with the thread.
    assert dropped == [(1, 0), (0, None)]


def test_eprint_on_tls_drop(run_program: Callable[..., Any]) -> None:
    """Printing to stderr works in an initialiser and in a destructor."""
    child = run_program("""
        import sys
        from pythread_rs import spawn, thread_local
        class Value:
            def __init__(self): print("made", file=sys.stderr)
            def __del__(self): print("dropped", file=sys.stderr)
        key = thread_local(Value)
        handle = spawn(key.with_, lambda value: None)
        handle.join().unwrap()
        print("joined", file=sys.stderr)
    """)
    assert child == (0, "", "made\ndropped\njoined\n")


def test_issue_29488(run_program: Callable[..., Any]) -> None:
    """print works after a key whose destructor prints was touched."""
    child = run_program("""
        from pythread_rs import spawn, thread_local
        class Value:
            def __del__(self): print("dropped")
        key = thread_local(Value)
        def body():
            print("body")
            key.with_(lambda value: None)
        spawn(body).join().unwrap()
    """)
    assert child == (0, "body\ndropped\n", "")


def test_issue_24313(run_program: Callable[..., Any]) -> None:
    """A destructor that raises is reported, by Python's unraisable hook.

    Rust prints a panic and aborts. Nothing aborts here: the other destructors run, and the join
    gives the closure's value.
    """
    child = run_program("""
        from pythread_rs import spawn, thread_local
        class Raising:
            def __del__(self): raise ValueError("in the destructor")
        class Other:
            def __del__(self): print("the other one is dropped")
        other, raising = thread_local(Other), thread_local(Raising)
        def body():
            other.with_(lambda value: None)
            raising.with_(lambda value: None)
            return 5
        print(spawn(body).join())
    """)
    assert (child.returncode, child.stdout) == (0, "the other one is dropped\nOk(5)\n")
    assert "ValueError: in the destructor" in child.stderr


def test_main_thread_dtor(run_program: Callable[..., Any]) -> None:
    """Destructors run on the main thread too, that of a key first used in one of them included."""
    child = run_program("""
        from pythread_rs import current, thread_local
        class First:
            def __del__(self):
                print("first on", current().name)
                second.with_(lambda value: None)
        class Second:
            def __del__(self): print("second on", current().name)
        first, second = thread_local(First), thread_local(Second)
        first.with_(lambda value: None)
        print("the end")
    """)
    assert child == (0, "the end\nfirst on main\nsecond on main\n", "")


def test_spawned_thread_dtor(run_program: Callable[..., Any]) -> None:
    """The destructors of the thread that calls process.exit run."""
    child = run_program("""
        from pythread_rs import process, spawn, thread_local
        class Value:
            def __del__(self): print("dropped")
        key = thread_local(Value)
        def body():
            key.with_(lambda value: None)
            process.exit(7)
        spawn(body).join()
    """)
    assert child == (7, "dropped\n", "")


def test_tls() -> None:
    """A plain `threading.local`, Rust's `#[thread_local]`: one per closure, though threads serve
    for many.
    """
    plain = threading.local()
    plain.value = "main"

    def body() -> list[str]:
        before = list(vars(plain))
        plain.value = "child"
        return before

    for _ in range(3):
        assert spawn(body).join(DEADLINE_SECONDS) == Ok([])
    assert plain.value == "main"
