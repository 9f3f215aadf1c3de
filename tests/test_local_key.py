"""`thread_local` and `LocalKey`: one value per thread, made on first use, dropped in time."""

from __future__ import annotations

import gc
import pickle
import sys
import threading
import weakref
from functools import partial
from typing import Any

import pytest

from pythread_rs import Builder, Err, LocalKey, Ok, scope, thread_local
from pythread_rs.thread import AccessError

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 10.0

any_thread_local: Any = thread_local


class Noted:
    """A value that writes its name into a log when it is dropped."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name = name
        self.log = log

    def __del__(self) -> None:
        self.log.append(self.name)


# -- Values. ---------------------------------------------------------------------------------------


def test_each_thread_has_its_own_value() -> None:
    key = thread_local(lambda: [0])

    def add(number: int) -> list[int]:
        key.get().append(number)
        return key.get()

    handles = [spawn(add, number) for number in range(10)]
    assert [handle.join().unwrap() for handle in handles] == [[0, n] for n in range(10)]
    assert key.get() == [0]


def test_init_runs_once_per_thread_and_on_first_use_only() -> None:
    made_on: list[int] = []

    def init() -> int:
        made_on.append(threading.get_ident())
        return len(made_on)

    key = thread_local(init)
    assert made_on == []
    assert spawn(lambda: (key.get(), key.get(), key.with_(int))).join() == Ok((1, 1, 1))
    assert len(made_on) == 1
    assert made_on[0] != threading.get_ident()


def test_a_thread_on_a_used_os_thread_begins_anew() -> None:
    key = thread_local(list[int])

    def use() -> int:
        key.get().append(1)
        return len(key.get())

    assert [spawn(use).join() for _ in range(20)] == [Ok(1)] * 20


def test_keys_are_independent() -> None:
    keys = [thread_local(partial(int, n)) for n in range(100)]

    def read() -> list[int]:
        return [key.get() for key in keys]

    assert spawn(read).join() == Ok(list(range(100)))


def test_with_passes_the_value_and_returns_what_f_does() -> None:
    key = thread_local(lambda: [1, 2])
    assert key.with_(sum) == 3
    key.with_(lambda value: value.append(3))
    assert key.get() == [1, 2, 3]
    assert key.try_with(sum) == Ok(6)


@pytest.mark.parametrize("method", ["with_", "try_with"])
def test_what_f_raises_is_not_caught(method: str) -> None:
    key = thread_local(lambda: 0)
    with pytest.raises(ZeroDivisionError):
        getattr(key, method)(lambda value: 1 / value)


def test_set_replaces_without_init() -> None:
    calls: list[int] = []
    key = thread_local(lambda: calls.append(1))
    key.set(None)
    assert key.get() is None
    assert calls == []


def test_take_leaves_the_next_use_to_init() -> None:
    key = thread_local(lambda: [0])
    key.get().append(1)
    assert key.take() == [0, 1]
    assert key.take() == [0]
    assert key.get() == [0]


def test_replace_returns_the_old_value() -> None:
    key = thread_local(lambda: "first")
    assert key.replace("second") == "first"
    assert key.replace("third") == "second"
    assert key.get() == "third"


@pytest.mark.parametrize("method", ["get", "take"])
def test_an_init_that_fails_is_tried_again(method: str) -> None:
    failures = [ValueError("x")]

    def init() -> int:
        if failures:
            raise failures.pop()
        return 7

    key = thread_local(init)
    with pytest.raises(ValueError, match="x"):
        getattr(key, method)()
    assert getattr(key, method)() == 7


def test_an_init_may_use_another_key() -> None:
    base = thread_local(lambda: 20)
    derived = thread_local(lambda: base.get() + 1)
    assert derived.get() == 21


# -- Destructors. ----------------------------------------------------------------------------------


def test_values_go_before_join_returns_last_used_first() -> None:
    log: list[str] = []
    keys = {name: thread_local(partial(Noted, name, log)) for name in "abc"}

    def use() -> None:
        for name in "bac":
            keys[name].get()
        keys["b"].get()  # a second use changes nothing

    spawn(use).join().unwrap()
    assert log == ["c", "a", "b"]


def test_values_go_when_the_thread_panics_too() -> None:
    log: list[str] = []
    key = thread_local(lambda: Noted("value", log))

    def fail() -> None:
        key.get()
        raise ValueError("x")

    assert spawn(fail).join().is_err()
    assert log == ["value"]


def test_values_go_before_a_scope_ends() -> None:
    log: list[str] = []
    key = thread_local(lambda: Noted("value", log))
    with scope() as s:
        s.spawn(lambda: key.with_(id))
    assert log == ["value"]


def test_values_of_a_thread_of_threading_go_with_it() -> None:
    log: list[str] = []
    key = thread_local(lambda: Noted("value", log))
    thread = threading.Thread(target=lambda: key.with_(id))
    thread.start()
    thread.join(SECONDS)
    gc.collect()  # a threading.local may go with its thread's last frame
    assert log == ["value"]


@pytest.mark.parametrize("method", ["set", "replace"])
def test_the_old_value_goes_at_once(method: str) -> None:
    log: list[str] = []
    key = thread_local(lambda: Noted("first", log))
    key.get()
    getattr(key, method)(Noted("second", log))
    assert log == ["first"]
    key.take()
    assert log == ["first", "second"]


def test_a_key_is_out_of_use_in_its_own_destructor() -> None:
    outcomes: list[Any] = []

    class Curious:
        def __del__(self) -> None:
            outcomes.append(key.try_with(id).map_err(type))
            for use in (key.get, key.take, lambda: key.set(self), lambda: key.replace(self)):
                try:
                    use()
                except AccessError as error:
                    outcomes.append(str(error))

    key = thread_local(Curious)
    spawn(lambda: key.with_(id)).join().unwrap()
    assert outcomes[0] == Err(AccessError)
    assert len(outcomes) == 5
    assert all("during or after destruction" in text for text in outcomes[1:])


def test_a_destructor_that_raises_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    unraisable: list[type[BaseException] | None] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: unraisable.append(args.exc_type))

    class Broken:
        def __del__(self) -> None:
            raise LookupError("broken")

    first, second = thread_local(lambda: Noted("first", log)), thread_local(Broken)

    def use() -> int:
        first.get()
        second.get()
        return 3

    assert spawn(use).join() == Ok(3)
    assert log == ["first"]
    assert unraisable == [LookupError]


def test_a_key_lives_as_long_as_a_value_of_it() -> None:
    gate, used = threading.Event(), threading.Event()

    def use(box: list[LocalKey[int]]) -> None:
        box.pop().get()
        used.set()
        gate.wait(SECONDS)

    key = thread_local(lambda: 1)
    watched = weakref.ref(key)
    handle = spawn(use, [key])
    del key
    assert used.wait(SECONDS)
    assert watched() is not None
    gate.set()
    handle.join().unwrap()
    gc.collect()
    assert watched() is None


# -- What is refused. ------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [None, 3, "list", [list]])
def test_init_must_be_callable(nothing: Any) -> None:
    with pytest.raises(TypeError, match="thread_local takes a function that makes the value"):
        any_thread_local(nothing)


def test_a_key_belongs_to_its_process() -> None:
    key = thread_local(int)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(key)
    assert repr(key) == "LocalKey { .. }"


def test_a_key_takes_no_attributes() -> None:
    key: Any = thread_local(int)
    with pytest.raises(AttributeError):
        key.note = 1


def test_access_error_is_an_error_with_a_text() -> None:
    assert issubclass(AccessError, RuntimeError)
    assert str(AccessError()) == "already destroyed"
