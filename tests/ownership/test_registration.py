"""What users say of their types, what classes say of themselves, and when it is decided anew."""

from __future__ import annotations

import gc
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from pythread_rs import Ok, _ffi, spawn
from pythread_rs.ownership import (
    OwnershipError,
    _kinds,
    assume_send,
    impl_copy,
    impl_send,
    impl_sync,
    is_send,
    is_sync,
    not_send,
)


class Plain:
    """A class of which nothing is said."""


def consume(value: object) -> str:
    return type(value).__name__


# -- What users say of their types. ----------------------------------------------------------------


@pytest.fixture(autouse=True)
def forgets_what_was_registered() -> Iterator[None]:
    registered, hooks = dict(_kinds._registered), dict(_kinds._hooks)
    yield
    for table, before in ((_kinds._registered, registered), (_kinds._hooks, hooks)):
        if dict(table) != before:
            table.clear()
            table.update(before)  # type: ignore[arg-type]
            _ffi.forget_kinds()


def code_of(value: object) -> str | None:
    """Give a value that is held elsewhere, too, to a thread; return the refusal's code."""
    held = [value]
    try:
        handle = spawn(consume, value)
    except OwnershipError as error:
        del held
        return error.code
    assert handle.join().is_ok()
    del held
    return None


MARKS = {impl_send: "E0505", impl_sync: None, impl_copy: None, not_send: "E0277"}
WORDS = {"send": "E0505", "sync": None, "copy": None, "not_send": "E0277"}


@pytest.mark.parametrize(("mark", "code"), MARKS.items())
@pytest.mark.parametrize("way", ["call", "decorator", "decorator with ()", "base"])
def test_a_mark_decides(mark: Any, code: str | None, way: str) -> None:
    value = marked(mark, way)()
    assert code_of(value) == code
    assert is_sync(value) == (code is None)
    assert is_send(value) == (code != "E0277")


def marked(mark: Any, way: str) -> Any:
    def fresh(*bases: type) -> Any:
        return type("Marked", bases, {})

    if way == "decorator with ()":
        return mark()(fresh())
    if way == "base":
        return fresh(mark(fresh()))
    if way == "decorator":

        @mark
        class Decorated:
            pass

        return Decorated
    kind = fresh()
    assert code_of(kind()) == "E0505"
    assert mark(kind) is kind  # what was decided before is decided again
    return kind


@pytest.mark.parametrize(("word", "code"), WORDS.items())
@pytest.mark.parametrize("slots", [False, True])
def test_a_class_can_say_it_itself(word: str, code: str | None, slots: bool) -> None:
    class Base:
        __thread_send__ = word
        if slots:
            __slots__ = ("__weakref__", "a")

    class Derived(Base):
        pass

    assert code_of(Base()) == code
    assert code_of(Derived()) == code


def test_the_nearest_word_counts_and_a_registration_before_it() -> None:
    class Base:
        __thread_send__ = "sync"

    class Derived(Base):
        __thread_send__ = "not_send"

    assert code_of(Derived()) == "E0277"
    Derived.__thread_send__ = "send"
    assert code_of(Derived()) == "E0505"
    impl_sync(Derived)
    assert code_of(Derived()) is None
    not_send(Base)
    assert code_of(Derived()) is None


@pytest.mark.parametrize("word", ["", "Send", "owned", 1, ["sync"], b"sync"])
def test_another_word_is_an_error_and_nothing_starts(word: object) -> None:
    class Odd:
        __thread_send__ = word

    value = Odd()
    with pytest.raises(TypeError, match="__thread_send__ is 'send', 'not_send', 'sync' or 'copy'"):
        spawn(consume, value)


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("wrong", [1, "Plain", Plain(), consume])
def test_only_a_class_can_be_marked(mark: Any, wrong: object) -> None:
    with pytest.raises(TypeError, match="only a class can be registered"):
        mark(wrong)


def test_a_c_type_goes_once_it_is_said_to_be_send() -> None:
    kind = type(zlib.decompressobj())
    assert code_of(zlib.decompressobj()) == "E0277"
    impl_send(kind)
    assert code_of(zlib.decompressobj()) == "E0505"
    handle = spawn(consume, zlib.decompressobj())
    assert handle.join().is_ok()


def test_a_traverse_hook_lists_what_a_c_type_hides() -> None:
    hidden: dict[int, bytearray] = {}
    impl_send(type(zlib.decompressobj()), traverse=lambda found: [hidden[id(found)]])
    dictionary = bytearray(8)
    value = zlib.decompressobj(zdict=dictionary)
    hidden[id(value)] = dictionary  # one more holder: refused
    with pytest.raises(OwnershipError) as refusal:
        spawn(consume, [value])
    assert refusal.value.code == "E0505"
    assert dictionary is not None


def test_what_a_hook_lists_goes_along() -> None:
    impl_send(type(zlib.decompressobj()), traverse=lambda found: [])
    value = zlib.decompressobj(zdict=bytearray(8))
    handle = spawn(consume, value)
    assert handle.join().is_ok()


def test_a_hook_that_raises_speaks_for_itself() -> None:
    def traverse(found: Any) -> list[Any]:
        raise LookupError("not today")

    impl_send(type(zlib.decompressobj()), traverse=traverse)
    with pytest.raises(LookupError, match="not today"):
        spawn(consume, [zlib.decompressobj()])


@pytest.mark.parametrize("wrong", [1, "abc", [1]])
def test_a_hook_is_a_function(wrong: Any) -> None:
    with pytest.raises(TypeError, match="traverse is a function"):
        impl_send(Plain, traverse=wrong)


def test_a_vouched_value_goes_whatever_holds_it() -> None:
    held: list[int] = []
    handle = spawn(held.__class__.append, assume_send(held), 1)
    assert handle.join() == Ok(None)
    assert held == [1]
    handle = spawn(assume_send(lambda: held.append(2)))
    assert handle.join() == Ok(None)
    assert held == [1, 2]


# -- Classes. --------------------------------------------------------------------------------------


def test_a_class_whose_methods_capture_is_no_item() -> None:
    seen: list[int] = []

    class Captures:
        def note(self) -> None:
            seen.append(1)

    class Derived(Captures):
        pass

    for kind in (Captures, Derived):
        assert code_of(kind) == "E0373"
        assert code_of(kind()) == "E0373"
    assert seen == []


@pytest.mark.parametrize("wrap", [property, staticmethod, classmethod])
def test_so_is_one_with_a_property_or_class_method(wrap: Any) -> None:
    seen: list[int] = []

    class Captures:
        note = wrap(lambda *_: seen.append(1))

    assert code_of(Captures()) == "E0373"
    assert seen == []


def test_a_class_that_captures_classes_and_copies_is_an_item() -> None:
    number, helper = 7, Plain

    class Fine:
        def __init__(self) -> None:
            super().__init__()

        def note(self) -> object:
            return helper, number

    assert code_of(Fine) is None
    assert code_of(Fine()) == "E0505"


def test_a_class_that_is_changed_is_decided_again() -> None:
    class Changing:
        pass

    assert code_of(Changing()) == "E0505"
    Changing.__thread_send__ = "not_send"  # type: ignore[attr-defined]
    assert code_of(Changing()) == "E0277"
    Changing.__thread_send__ = "sync"  # type: ignore[attr-defined]
    assert code_of(Changing()) is None
    del Changing.__thread_send__  # type: ignore[attr-defined]
    assert code_of(Changing()) == "E0505"


def test_a_class_that_calls_itself_int_is_none() -> None:
    fake = type("int", (), {"__module__": "builtins"})
    fake.__qualname__ = "int"
    assert code_of(fake()) == "E0505"
    lock = type("lock", (), {"__module__": "_thread"})
    assert code_of(lock()) == "E0505"


def test_classes_that_go_leave_the_table() -> None:
    def use_classes(count: int) -> None:
        kinds = [type(f"Passing{number}", (Plain,), {}) for number in range(count)]
        assert [code_of(kind()) for kind in kinds] == ["E0505"] * count

    use_classes(3)
    gc.collect()
    known, watched = _ffi.known_kinds(), len(_kinds._watched)
    use_classes(15)
    gc.collect()
    assert _ffi.known_kinds() == known
    assert len(_kinds._watched) == watched
