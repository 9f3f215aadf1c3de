"""Progress: who is told how far a bulk is."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

__all__ = ["Progress", "opened"]

Progress = Callable[[int, int], object] | bool | None


@contextmanager
def opened(progress: Any, source: Any) -> Generator[Callable[[int, int], object] | None]:
    """Give what C calls: the user's function, or one that moves a bar of tqdm.

    Raises:
        ImportError: a bar is wanted, and tqdm is not installed.
        TypeError: `progress` is no function.
    """
    if progress is False:
        yield None
    elif progress is not True:
        if not callable(progress):
            raise TypeError(f"progress is True or a function, not {type(progress).__name__}")
        yield progress
    else:
        with _bar(source) as bar:
            yield lambda done, _total: bar.update(done - bar.n)


def _bar(source: Any) -> Any:
    try:
        from tqdm.auto import tqdm  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise ImportError(
            "progress=True draws a bar with tqdm, which is not installed: "
            "`pip install tqdm`, or give a function of (done, total)"
        ) from None
    return tqdm(total=len(source) if hasattr(source, "__len__") else None)
