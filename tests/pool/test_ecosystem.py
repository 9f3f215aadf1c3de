"""joblib, dask, numpy and tqdm with a `ThreadPool`, and the files of a real tree."""

from __future__ import annotations

import hashlib
import sysconfig
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import assume_send
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


@pytest.mark.parametrize("n_jobs", [1, 2, 3, -1])
@pytest.mark.parametrize("batch_size", ["auto", 1, 7])
def test_joblib_gives_what_it_gives_elsewhere(n_jobs: int, batch_size: Any) -> None:
    joblib = pytest.importorskip("joblib")
    register_joblib()
    calls = [joblib.delayed(divmod)(n, 7) for n in range(60)]
    with joblib.parallel_config("pythread_rs", n_jobs=n_jobs):
        parallel = joblib.Parallel(batch_size=batch_size)
        assert parallel(calls) == [divmod(n, 7) for n in range(60)]
        unordered = joblib.Parallel(batch_size=batch_size, return_as="generator_unordered")
        assert sorted(unordered(calls)) == sorted(divmod(n, 7) for n in range(60))
        ordered = joblib.Parallel(batch_size=batch_size, return_as="generator")
        assert list(ordered(iter(calls))) == [divmod(n, 7) for n in range(60)]


def test_joblib_in_joblib(pool: ThreadPool) -> None:
    joblib = pytest.importorskip("joblib")
    register_joblib()

    def row(n: int) -> list[int]:
        found: list[int] = joblib.Parallel(n_jobs=2)(joblib.delayed(pow)(n, m) for m in range(5))
        return found

    right = [[n**m for m in range(5)] for n in range(8)]
    with joblib.parallel_config("pythread_rs", pool=pool):
        assert joblib.Parallel(n_jobs=2)(joblib.delayed(row)(n) for n in range(8)) == right
    with joblib.parallel_config("pythread_rs", n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(row)(n) for n in range(8)) == right


def test_joblib_raises_the_exception_and_goes_on(pool: ThreadPool) -> None:
    joblib = pytest.importorskip("joblib")
    register_joblib()

    def fail(n: int) -> int:
        if n == 5:
            raise KeyError(n)
        return n

    for options in ({"pool": pool}, {"n_jobs": 3}):
        with joblib.parallel_config("pythread_rs", **options):
            with pytest.raises(KeyError, match="5"):
                joblib.Parallel(n_jobs=3)(joblib.delayed(fail)(n) for n in range(1000))
            # A new one: joblib's own backends, too, leave results in a Parallel that has raised.
            assert joblib.Parallel(n_jobs=3)(joblib.delayed(fail)(n) for n in range(5)) == [
                0,
                1,
                2,
                3,
                4,
            ]
    with joblib.parallel_config("pythread_rs"), pytest.raises(ValueError, match="n_jobs == 0"):
        joblib.Parallel(n_jobs=0)(joblib.delayed(fail)(n) for n in range(3))


def test_dask_runs_in_a_pool(pool: ThreadPool) -> None:
    dask = pytest.importorskip("dask")
    names = [dask.delayed(name_of)(n) for n in range(20)]
    found = dask.compute(*names, scheduler="threads", pool=pool)
    assert all(name.startswith("ThreadPool-") for name in found)
    with dask.config.set(pool=pool):
        assert dask.delayed(sum)([dask.delayed(pow)(n, 2) for n in range(10)]).compute() == 285


def test_dask_counts_and_raises_as_elsewhere(pool: ThreadPool) -> None:
    dask = pytest.importorskip("dask")

    invert = dask.delayed(lambda n: 1 / n)

    with dask.config.set(pool=pool):
        assert dask.compute(*[invert(n) for n in range(1, 50)]) == tuple(
            1 / n for n in range(1, 50)
        )
        with pytest.raises(ZeroDivisionError):
            dask.compute(*[invert(n) for n in range(3)])


def test_numpy_items_and_chunks_are_views(pool: ThreadPool) -> None:
    """No copy is made: what is written through them is in the array."""
    numpy = pytest.importorskip("numpy")
    table = numpy.zeros((6, 4))

    def is_view(part: Any) -> bool:
        return part.base is table and bool(numpy.shares_memory(part, table))

    assert all(pool.par_map(assume_send(is_view), table))
    assert pool.par_chunks(assume_send(is_view), table, 4) == [True, True]

    def fill(part: Any) -> None:
        part += 1

    pool.par_chunks(assume_send(fill), table, 2)
    pool.par_for_each(assume_send(fill), table)
    assert (table == 2).all()
    kept = pool.par_filter(assume_send(lambda row: row[0] == 2), table)
    assert len(kept) == 6
    assert float(pool.par_reduce(lambda x, y: x + y, numpy.arange(1001.0))) == 500500.0


def test_tqdm_shows_how_far_it_is(pool: ThreadPool, monkeypatch: pytest.MonkeyPatch) -> None:
    auto: Any = pytest.importorskip("tqdm.auto")
    base: Any = auto.tqdm
    bars: list[Any] = []

    class Bar(base):  # type: ignore[misc]  # tqdm has no types
        monitor_interval = 0  # no thread of tqdm's own

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, file=open("/dev/null", "w"), **options)  # noqa: SIM115
            bars.append(self)

    monkeypatch.setattr(auto, "tqdm", Bar)
    assert pool.par_map(str, range(500), progress=True) == [str(n) for n in range(500)]
    pool.par_for_each(str, iter(range(70)), progress=True)
    assert [(bar.n, bar.total) for bar in bars] == [(500, 500), (70, None)]
    assert all(bar.disable for bar in bars)  # closed
    for bar in bars:
        bar.fp.close()


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_hashes_of_a_tree_are_those_of_one_thread(pool: ThreadPool) -> None:
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("[a-j]*/*.py"))[:400]
    assert len(files) > 50
    right = [digest(file) for file in files]
    assert pool.par_map(digest, files) == right
    assert pool.par_map(digest, iter(files)) == right
    assert list(pool.map(digest, files)) == right
    with ThreadPoolExecutor(2) as executor:
        assert list(executor.map(digest, files)) == right
