"""joblib: a backend that runs its batches on a `ThreadPool`."""

# pyright: basic
# joblib has no types.

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from pythread_rs.pool._pool import ThreadPool
from pythread_rs.thread import available_parallelism

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["register_joblib"]


def register_joblib() -> None:
    """Make the pool known to joblib as the backend "pythread_rs".

    `joblib.parallel_config("pythread_rs")` then gives each `Parallel` a pool of its own for as long
    as it runs; `joblib.parallel_config("pythread_rs", pool=pool)` uses one that is there. joblib
    itself runs what is to run on one thread.

    Raises:
        ImportError: joblib is not installed.

    Blocks: no.
    Thread safety: any thread, any number of times.

    >>> import importlib.util
    >>> if importlib.util.find_spec("joblib"):
    ...     register_joblib()
    """
    from joblib import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
        register_parallel_backend,
    )

    register_parallel_backend("pythread_rs", _backend())


@cache
def _backend() -> Any:
    """Make the class; joblib is imported only for those who ask for it."""
    from joblib._parallel_backends import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
        AutoBatchingMixin,
        ParallelBackendBase,
    )

    class PoolBackend(_Backend, AutoBatchingMixin, ParallelBackendBase):  # type: ignore[misc,unused-ignore]
        """joblib's batches as tasks of a pool."""

    return PoolBackend


class _Backend:
    """What joblib calls, in the order in which it does."""

    supports_retrieve_callback = True
    supports_sharedmem = True
    uses_threads = True
    parallel: Any = None

    def __init__(self, pool: ThreadPool | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._given = pool
        self._pool = pool

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if self._given is not None:
            return self._given.num_threads
        return available_parallelism() if n_jobs is None or n_jobs < 0 else n_jobs

    def configure(self, n_jobs: int = 1, parallel: Any = None, **_: Any) -> int:
        self.parallel = parallel
        n_jobs = self.effective_n_jobs(n_jobs)
        if self._pool is None:
            self._pool = ThreadPool(n_jobs, name="joblib")
        return n_jobs

    def submit(self, func: Callable[[], Any], callback: Callable[[Any], Any] | None = None) -> Any:
        assert self._pool is not None  # joblib calls configure first
        future = self._pool.submit(func)
        if callback is not None:
            future.add_done_callback(callback)
        return future

    apply_async = submit  # what joblib up to 1.4 calls

    def retrieve_result_callback(self, out: Any) -> Any:
        return out.result()

    def terminate(self) -> None:
        if self._pool is not None and self._given is None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def abort_everything(self, ensure_ready: bool = True) -> None:
        self.terminate()
        if ensure_ready and self.parallel is not None:
            self.configure(n_jobs=self.parallel.n_jobs, parallel=self.parallel)
