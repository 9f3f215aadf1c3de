"""Parallel: what a pool does for its caller, who waits for it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, Never, NoReturn, TypeVar, cast, overload

from pythread_rs import _ffi
from pythread_rs.ownership._scoped import lend_together
from pythread_rs.ownership._wrappers import AssumeSend
from pythread_rs.pool._progress import Progress, opened
from pythread_rs.pool._sorting import merged, runs_of, sorted_run

__all__ = ["Parallel"]

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")
U = TypeVar("U")

_MAP: Final = 0
_EACH: Final = 1
_FILTER: Final = 2
_REDUCE: Final = 3


class Parallel:
    """The part of a pool that borrows: nothing outlives the call."""

    _core: _ffi.PoolBase

    @overload
    def join(self, a: Callable[[], A], b: Callable[[], B], /) -> tuple[A, B]: ...
    @overload
    def join(self, *functions: Never) -> NoReturn: ...
    def join(self, *functions: Any) -> Any:
        """Call `a()` and `b()`, perhaps at the same time, and return both values.

        Both run to their end, whatever the other one does. The calling worker runs `a` itself,
        then `b`, unless another worker has taken it meanwhile.

        Args:
            *functions: `a` and `b`, without arguments. They may use the caller's variables, but
                neither may change what the other one uses.

        Raises:
            OwnershipError: one would change what the other one uses. Nothing has run.
            BaseException: the panic of `a`, else that of `b`, with its traceback.
            TypeError: there are no functions; `shutdown` is what waits for the pool's end.

        Blocks: until both have ended; a worker helps meanwhile.
        Thread safety: any thread.

        Mirrors `rayon::join`.

        >>> from pythread_rs.pool import ThreadPool
        >>> def fib(n):
        ...     return n if n < 2 else sum(pool.join(lambda: fib(n - 1), lambda: fib(n - 2)))
        >>> with ThreadPool(2) as pool:
        ...     fib(10)
        55
        """
        if len(functions) != 2:
            raise TypeError(
                "join(a, b) runs two functions; to wait for the end of the pool, call shutdown()"
            )
        if self._core.here() is None:
            return self._core.install(partial(self._core.join, *functions))
        return self._core.join(*functions)

    def par_map(
        self,
        f: Callable[[T], U],
        xs: Iterable[T],
        *,
        progress: Progress = None,
    ) -> list[U]:
        """Return `[f(x) for x in xs]`, computed by the workers, in order.

        Args:
            f: called by several threads at once: it may read the caller's variables, but not
                change them.
            xs: a range, sequence or numpy array; anything else is pulled like an iterator, by one
                worker at a time and only as fast as the others take the items.
            progress: `True` for a bar by tqdm, or a function that is called as `f(done, total)`
                on the calling thread about ten times a second; `total` is -1 for an iterator.

        Raises:
            OwnershipError: `f` would change what it shares. Nothing has run.
            BaseException: the first panic, with its traceback; what had not begun is not run.
            KeyboardInterrupt: Ctrl-C; the items under way are finished first, no more begin.

        Blocks: until all is done; a worker of the pool helps.
        Thread safety: any thread.

        Mirrors `into_par_iter().map(f).collect()` of rayon.

        >>> from pythread_rs.pool import ThreadPool
        >>> with ThreadPool(2) as pool:
        ...     pool.par_map(lambda n: n * n, range(6))
        [0, 1, 4, 9, 16, 25]
        """
        return cast("list[U]", self._bulk(_MAP, f, xs, progress))

    def par_for_each(
        self, f: Callable[[T], object], xs: Iterable[T], *, progress: Progress = None
    ) -> None:
        """Call `f(x)` for each `x` of `xs` on the workers, in no particular order.

        Args, Raises, Blocks, Thread safety: as `par_map`.

        Mirrors `into_par_iter().for_each(f)` of rayon.

        >>> from pythread_rs.pool import ThreadPool
        >>> from pythread_rs.sync.atomic import AtomicI64
        >>> total = AtomicI64(0)
        >>> with ThreadPool(2) as pool:
        ...     pool.par_for_each(total.fetch_add, range(10))
        >>> total.load()
        45
        """
        self._bulk(_EACH, f, xs, progress)

    def par_filter(
        self, f: Callable[[T], object], xs: Iterable[T], *, progress: Progress = None
    ) -> list[T]:
        """Return the items for which `f(x)` is true, in order.

        Args, Raises, Blocks, Thread safety: as `par_map`.

        Mirrors `into_par_iter().filter(f).collect()` of rayon.

        >>> from pythread_rs.pool import ThreadPool
        >>> with ThreadPool(2) as pool:
        ...     pool.par_filter(lambda n: n % 3 == 0, range(10))
        [0, 3, 6, 9]
        """
        return cast("list[T]", self._bulk(_FILTER, f, xs, progress))

    @overload
    def par_reduce(self, f: Callable[[T, T], T], xs: Iterable[T], /) -> T: ...
    @overload
    def par_reduce(self, f: Callable[[T, T], T], xs: Iterable[T], initial: T, /) -> T: ...
    def par_reduce(self, f: Any, xs: Any, *initial: Any) -> Any:
        """Combine the items by `f(x, y)`, which must be associative, in order.

        Args:
            f: called on neighbours, or on what came out of neighbours.
            xs: as for `par_map`.
            *initial: what comes before the first item; needed when there may be none.

        Returns:
            What is left, beginning with `initial`.

        Raises:
            TypeError: there is no item and no initial value.
            BaseException: as `par_map`.

        Blocks: as `par_map`; the last few steps run on the calling thread.
        Thread safety: any thread.

        Mirrors `into_par_iter().reduce` of rayon.

        >>> from pythread_rs.pool import ThreadPool
        >>> with ThreadPool(2) as pool:
        ...     pool.par_reduce(lambda x, y: x + y, range(101), 0)
        5050
        """
        return functools.reduce(f, self._bulk(_REDUCE, f, xs, None), *initial)

    def par_chunks(
        self, f: Callable[[Any], U], xs: Sequence[Any], size: int, *, progress: Progress = None
    ) -> list[U]:
        """Return `f(chunk)` for each piece of `size` items, the last one perhaps shorter.

        Args:
            f: called with slices `xs[i : i + size]`; of a numpy array they are views.
            xs: what can be sliced.
            size: items of a chunk, at least 1.
            progress: as for `par_map`.

        Raises:
            ValueError: `size` is less than 1.
            BaseException: as `par_map`.

        Blocks, Thread safety: as `par_map`.

        Mirrors `par_chunks(size).map(f).collect()` of rayon.

        >>> from pythread_rs.pool import ThreadPool
        >>> with ThreadPool(2) as pool:
        ...     pool.par_chunks(sum, range(10), 4)
        [6, 22, 17]
        """
        if size < 1:
            raise ValueError(f"a chunk has at least 1 item, not {size}")
        f, _ = lend_together(f, f)

        def on_chunk(start: int) -> U:
            return f(xs[start : start + size])

        return cast("list[U]", self._run(_MAP, on_chunk, range(0, len(xs), size), progress))

    def par_sort(
        self, xs: list[Any], /, *, key: Callable[[Any], Any] | None = None, reverse: bool = False
    ) -> None:
        """Sort a list in place, stably, by sorting pieces of it on the workers.

        Under the GIL the comparisons take turns, so that this gains nothing over `list.sort`
        unless they let go of it; the keys are computed in parallel all the same.

        Args:
            xs: the list; it is changed when all is done, or not at all.
            key: as for `list.sort`; called by several threads at once.
            reverse: as for `list.sort`.

        Raises:
            BaseException: the first panic of `key` or of a comparison; the list is as it was.

        Blocks: as `par_map`.
        Thread safety: any thread; nobody may use the list meanwhile.

        Mirrors `par_sort_by_key` of rayon.

        >>> from pythread_rs.pool import ThreadPool
        >>> words = ["pear", "fig", "apple"]
        >>> with ThreadPool(2) as pool:
        ...     pool.par_sort(words, key=len)
        >>> words
        ['fig', 'pear', 'apple']
        """
        if key is not None:
            key, _ = lend_together(key, key)
        runs = runs_of(xs, self._core.statistics()["threads"])
        ready = self._run(_MAP, partial(sorted_run, key=key, reverse=reverse), runs, None)
        while len(ready) > 1:
            pairs = [tuple(ready[i : i + 2]) for i in range(0, len(ready), 2)]
            ready = self._run(_MAP, partial(merged, key=key, reverse=reverse), pairs, None)
        xs[:] = ready[0] if ready else []

    def _bulk(self, op: int, f: Any, xs: Any, progress: Progress) -> Any:
        if not callable(f) and type(f) is not AssumeSend:
            raise TypeError(f"a function is needed, not {type(f).__name__}: {f!r:.80}")
        f, _ = lend_together(f, f)
        return self._run(op, f, xs, progress)

    def _run(self, op: int, f: Any, xs: Any, progress: Progress) -> Any:
        source = _source(xs)
        if progress is None:
            return _ffi.bulk(self._core, op, f, source, None)
        with opened(progress, source) as told:
            return _ffi.bulk(self._core, op, f, source, told)


def _source(xs: Any) -> Any:
    """Give what C takes: a range, a tuple, a sequence, or an iterator."""
    if _is(list, xs):
        return tuple(xs)
    return xs if _is(Sequence, xs) or hasattr(xs, "__array_interface__") else iter(xs)


def _is(kind: type, xs: object) -> bool:
    return isinstance(xs, kind)
