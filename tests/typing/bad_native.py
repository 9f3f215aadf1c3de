"""Mistakes with `pythread_rs.native` that mypy --strict and pyright must both report.

Every line that ends in the mark is wrong, and no other line is.
"""

from __future__ import annotations

from pythread_rs import native


def mistakes(function: native.Function) -> None:
    native.Function(1)  # E
    native.function(1, 2)  # E
    native.spawn(function, name=1)  # E
    native.spawn(function, stack_size="1")  # E
    native.spawn(function, errcheck=3)  # E
    native.spawn(function).join().unwrap() + 1  # E
    native.spawn_scoped(function)  # E
    native.par_for(function)  # E
    native.par_for(function, "10")  # E
    native.par_for(function, 10, grain=1.5)  # E
    function.address = 1  # E
