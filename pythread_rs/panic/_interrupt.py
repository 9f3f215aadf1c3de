"""Which exceptions are no panics: Ctrl-C above all must get through everywhere."""

import threading
from typing import Final, cast

__all__ = ["is_interrupt", "passes_through"]

_PASSING: Final = (KeyboardInterrupt, SystemExit, GeneratorExit)


def passes_through(error: BaseException) -> bool:
    """Tell whether `catch_unwind` lets the exception go on, alone or inside of a group."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return any(passes_through(inner) for inner in group.exceptions)
    return isinstance(error, _PASSING)


def is_interrupt(error: BaseException) -> bool:
    """Tell whether the exception may be a Ctrl-C: only the main thread gets that."""
    return isinstance(error, KeyboardInterrupt) and (
        threading.get_ident() == threading.main_thread().ident
    )
