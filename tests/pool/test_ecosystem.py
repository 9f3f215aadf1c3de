"""joblib and dask run on a `ThreadPool`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from pythread_rs.pool import register_joblib

if TYPE_CHECKING:
    from pythread_rs.pool import ThreadPool


def name_of(_: int) -> str:
    return threading.current_thread().name


def test_joblib_runs_in_a_pool(pool: ThreadPool) -> None:
    joblib = pytest.importorskip("joblib")
    register_joblib()
    with joblib.parallel_config("pythread_rs", n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(pow)(n, 2) for n in range(50)) == [
            n * n for n in range(50)
        ]
        names = joblib.Parallel()(joblib.delayed(name_of)(n) for n in range(20))
    assert all(name.startswith("joblib-") for name in names)
    with joblib.parallel_config("pythread_rs", pool=pool):
        names = joblib.Parallel(n_jobs=2)(joblib.delayed(name_of)(n) for n in range(20))
        # joblib itself runs what one thread would run.
        assert pool.num_threads == 1 or all(name.startswith("ThreadPool-") for name in names)
        with pytest.raises(ZeroDivisionError):
            joblib.Parallel(n_jobs=2)(joblib.delayed(divmod)(1, n) for n in range(20))
    assert pool.submit(int).result(10) == 0


def test_dask_runs_in_a_pool(pool: ThreadPool) -> None:
    dask = pytest.importorskip("dask")
    names = [dask.delayed(name_of)(n) for n in range(20)]
    found = dask.compute(*names, scheduler="threads", pool=pool)
    assert all(name.startswith("ThreadPool-") for name in found)
    with dask.config.set(pool=pool):
        assert dask.delayed(sum)([dask.delayed(pow)(n, 2) for n in range(10)]).compute() == 285
