"""What mypy --strict and pyright must infer about `pythread_rs.native`; all of it is right."""

from __future__ import annotations

from typing import assert_type

from pythread_rs import JoinHandle, Scope, ScopedJoinHandle, native


def threads(scope: Scope, address: int) -> None:
    function = native.function(address, "double(int64_t, const double *)")
    assert_type(function, native.Function)
    assert_type(function.signature, str)
    assert_type(native.spawn(function, 1, b""), JoinHandle[int | float | None])
    native.spawn(function, 1, b"", errcheck="nonzero", name="worker", stack_size=2**20)
    native.spawn(function, 1, b"", errcheck=lambda status: status < 0, dedicated=True)
    assert_type(native.spawn_scoped(scope, function, 1), ScopedJoinHandle[int | float | None])
    native.par_for(function, 100, b"", grain=10, errcheck="negative")


def failure(error: native.NativeError) -> int:
    return error.errno
