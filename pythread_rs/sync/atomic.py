"""Atomics: numbers, booleans and references that threads change without a lock.

    AtomicI64, AtomicU64, AtomicIsize, AtomicUsize   integers that wrap around
    AtomicBool                                       True or False
    AtomicRef                                        one object that is Sync
    Ordering                                         how an operation orders what is around it
    fence, compiler_fence, spin_loop                 orders and waits without a value

An atomic is Sync: several threads hold the same one. A `static` of Rust is a global here, an
`Arc<AtomicI64>` is the plain object, which a closure shares with its maker even when it is moved.

Rust and Python:

    Rust                                  here
    ------------------------------------  -------------------------------------------------------
    AtomicI64::new(5)                     AtomicI64(5); AtomicI64() is AtomicI64::default()
    a.load(Ordering::SeqCst)              a.load(); an order may be given, SeqCst is the default
    fetch_update(set, fetch, f)           fetch_update(f, set, fetch); the same for the updates
    Option<i64> of an update's function   an int or None
    compare_exchange(..)                  the same; the failure's order may be left out
    compare_and_swap                      nothing: it is deprecated
    get_mut                               nothing: use `store`; Python has no exclusive borrow
    into_inner                            the same, but the atomic lives on; an AtomicRef holds None
    AtomicPtr<T>                          AtomicRef[T]; no arithmetic of addresses
    AtomicI8 .. AtomicU32                 nothing: an int has no width that would be saved
    a panic about an order                ValueError with the same text
    a literal out of range                OverflowError
    {:?}                                  repr: that of the value
    Clone, PartialEq, PartialOrd          no: copies, comparisons and `if a:` are refused
"""

from __future__ import annotations

from typing import NoReturn

from pythread_rs import _ffi
from pythread_rs._ffi import compiler_fence, fence, spin_loop
from pythread_rs.sync._ordering import ORDERINGS, Ordering

__all__ = [
    "AtomicBool",
    "AtomicI64",
    "AtomicIsize",
    "AtomicRef",
    "AtomicU64",
    "AtomicUsize",
    "Ordering",
    "compiler_fence",
    "fence",
    "spin_loop",
]

AtomicBool = _ffi.AtomicBool
AtomicI64 = _ffi.AtomicI64
AtomicIsize = _ffi.AtomicIsize
AtomicRef = _ffi.AtomicRef
AtomicU64 = _ffi.AtomicU64
AtomicUsize = _ffi.AtomicUsize


def _refuse(value: object, holder: str) -> NoReturn:
    from pythread_rs.ownership._refusals import not_shared
    from pythread_rs.ownership._sites import user_frame

    raise not_shared(value, holder, user_frame())


_ffi.set_atomics(ORDERINGS, _refuse)
