"""Freezing: the immutable copy of a value made of the usual containers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from pythread_rs.ownership._errors import NotSendError
from pythread_rs.ownership._kinds import is_shareable
from pythread_rs.ownership._wrappers import Frozen

__all__ = ["frozen"]


def frozen(value: Any) -> Any:
    """Return the frozen copy of a value."""
    if is_shareable(value):
        return value
    kind = type(value)
    if (freeze := _WAYS.get(kind)) is not None:
        return freeze(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None and kind is numpy.ndarray and not value.dtype.hasobject:
        # Bytes never become writable again, whatever a view asks for.
        return numpy.frombuffer(value.tobytes(), value.dtype).reshape(value.shape)
    raise NotSendError(
        f"a `{kind.__qualname__}` cannot be frozen: freeze takes lists, tuples, dicts, sets, "
        f"bytearrays, numpy arrays and what is immutable already"
    )


def _sequence(value: Any) -> Any:
    return tuple(frozen(item) for item in value)


def _mapping(value: dict[Any, Any]) -> Any:
    return Frozen({frozen(key): frozen(item) for key, item in value.items()})


_WAYS: Final[dict[type, Callable[[Any], Any]]] = {
    list: _sequence,
    tuple: _sequence,
    dict: _mapping,
    set: lambda value: frozenset(frozen(item) for item in value),
    frozenset: lambda value: frozenset(frozen(item) for item in value),
    bytearray: bytes,
}
