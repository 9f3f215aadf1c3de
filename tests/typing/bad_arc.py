"""What mypy --strict and pyright must refuse about `Arc` and `Weak`: lines marked E."""

from __future__ import annotations

from pythread_rs.sync import Arc, Weak


def owners(five: Arc[int]) -> None:
    Arc()  # E
    Arc(1, 2)  # E
    five.value.upper()  # E
    five.value = 6  # E
    five.clone(1)  # E
    five.ptr_eq(5)  # E
    five.into_inner().bit_length()  # E
    five.get_mut().value = 6  # E
    five.make_mut().value = "a"  # E
    text: Arc[str] = five  # E


def weaks(five: Arc[int]) -> None:
    five.downgrade().value  # E
    five.downgrade().upgrade().value  # E
    Weak(5)  # E
    five.downgrade().ptr_eq(five)  # E


def contents(five: Arc[int], words: Arc[tuple[str, ...]]) -> None:
    five[0]  # E
    five()  # E
    words["a"]  # E
    with five:  # E
        pass
