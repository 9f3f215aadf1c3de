"""par_map and its kin: order, panics, cancelling, iterators, progress."""

from __future__ import annotations

import array
import itertools
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import pytest

import pythread_rs.pool as pool_module
from pythread_rs.ownership import MutableBorrowError, assume_send
from pythread_rs.sync.atomic import AtomicI64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pythread_rs.pool import ThreadPool

DEADLINE = 10.0


def double(n: Any) -> Any:
    return n * 2


SOURCES: list[Callable[[], Any]] = [
    lambda: range(1000),
    lambda: range(7, -900, -3),
    lambda: range(2**70, 2**70 + 5),
    lambda: range(0),
    list,
    lambda: list(range(777)),
    lambda: tuple(range(5)),
    lambda: "text",
    lambda: array.array("i", range(300)),
    lambda: deque(range(100)),
    lambda: {3, 1, 2},
    lambda: {"a": 1, "b": 2},
    lambda: iter(range(1234)),
    lambda: (n for n in range(2500)),
    lambda: iter(()),
]


@pytest.mark.parametrize("make", SOURCES)
def test_every_source_in_order(pool: ThreadPool, make: Callable[[], Any]) -> None:
    assert pool.par_map(double, make()) == [double(x) for x in make()]
    keep = assume_send(lambda x: hash(x) % 2)
    assert pool.par_filter(keep, make()) == [x for x in make() if hash(x) % 2]
    count = AtomicI64(0)
    pool.par_for_each(assume_send(lambda _: count.fetch_add(1)), make())
    assert count.load() == sum(1 for _ in make())
    texts = [str(x) for x in make()]
    assert pool.par_reduce(lambda x, y: x + y, map(str, make()), "") == "".join(texts)


def test_reduce_of_nothing_is_a_type_error(pool: ThreadPool) -> None:
    with pytest.raises(TypeError, match="empty"):
        pool.par_reduce(max, [])
    assert pool.par_reduce(max, [], 5) == 5
    assert pool.par_reduce(max, [3, 9, 1]) == 9


def test_numpy_arrays_go_by_rows(pool: ThreadPool) -> None:
    numpy = pytest.importorskip("numpy")
    table = numpy.arange(12).reshape(4, 3)
    assert pool.par_map(assume_send(lambda row: int(row.sum())), table) == [3, 12, 21, 30]
    chunks = pool.par_chunks(assume_send(lambda part: part.shape), table, 3)
    assert chunks == [(3, 3), (1, 3)]


def test_chunks(pool: ThreadPool) -> None:
    assert pool.par_chunks(sum, range(10), 4) == [6, 22, 17]
    assert pool.par_chunks(len, b"abcde", 2) == [2, 2, 1]
    with pytest.raises(ValueError, match="at least 1"):
        pool.par_chunks(sum, [1], 0)


@pytest.mark.parametrize("reverse", [False, True])
def test_sort_is_stable_and_in_place(pool: ThreadPool, reverse: bool) -> None:
    pairs = [(n * 7919 % 50, n) for n in range(5000)]
    ours, theirs = list(pairs), list(pairs)
    pool.par_sort(ours, key=lambda pair: pair[0], reverse=reverse)
    theirs.sort(key=lambda pair: pair[0], reverse=reverse)
    assert ours == theirs
    empty: list[int] = []
    pool.par_sort(empty)
    assert empty == []


def test_sort_that_panics_changes_nothing(pool: ThreadPool) -> None:
    mixed: list[Any] = [2, "a", 1]
    with pytest.raises(TypeError):
        pool.par_sort(mixed)
    assert mixed == [2, "a", 1]


def test_first_panic_comes_with_its_traceback(pool: ThreadPool) -> None:
    def fail(n: int) -> int:
        return 1 // (n - 500)

    with pytest.raises(ZeroDivisionError) as caught:
        pool.par_map(fail, range(100_000))
    assert caught.traceback[-1].name == "fail"


def test_a_panic_cancels_the_rest(pool: ThreadPool) -> None:
    ran = AtomicI64(0)

    def fail(n: int) -> None:
        ran.fetch_add(1)
        if n == 10:
            raise KeyError(n)
        time.sleep(0.0001)

    with pytest.raises(KeyError):
        pool.par_for_each(assume_send(fail), range(100_000))
    assert ran.load() < 50_000


def test_a_panic_of_the_iterator(pool: ThreadPool) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("iterator")

    with pytest.raises(KeyError, match="iterator"):
        pool.par_map(double, items())
    assert pool.par_map(double, [1]) == [2]


def test_an_iterator_is_pulled_as_it_is_needed(pool: ThreadPool) -> None:
    """An endless one would never end if it were pulled ahead of the calls."""
    ahead: list[int] = []
    pulled = AtomicI64(0)

    def items() -> Iterator[int]:
        for n in itertools.count():
            pulled.store(n)
            yield n

    def look(n: int) -> None:
        ahead.append(pulled.load() - n)
        time.sleep(0.0005)
        if n == 300:
            raise StopIteration

    with pytest.raises(StopIteration):
        pool.par_for_each(assume_send(look), items())
    assert max(ahead) < 64 * pool.num_threads


def test_what_changes_shared_things_is_refused(pool: ThreadPool) -> None:
    seen: list[int] = []
    with pytest.raises(MutableBorrowError):
        pool.par_for_each(lambda n: seen.append(n), range(3))
    assert seen == []
    with pytest.raises(TypeError, match="function"):
        pool.par_map(5, [1])  # type: ignore[arg-type]


def test_items_run_on_several_workers_at_once(make_pool: Callable[..., ThreadPool]) -> None:
    barrier = threading.Barrier(4, timeout=DEADLINE)
    pool = make_pool(4)
    for items in (range(4), iter(range(4))):
        assert sorted(pool.par_map(assume_send(lambda _: barrier.wait()), items)) == [0, 1, 2, 3]


def test_few_items_are_shared_out_evenly(make_pool: Callable[..., ThreadPool]) -> None:
    """Each item waits for three others: whoever had two in hand would stop everybody."""
    barrier = threading.Barrier(4, timeout=DEADLINE)
    done: list[int] = []

    def work(_: int) -> None:
        barrier.wait()
        done.append(threading.get_ident())

    make_pool(4).par_for_each(assume_send(work), list(range(16)))
    assert sorted(done.count(ident) for ident in set(done)) == [4, 4, 4, 4]


def test_progress_is_told_on_the_calling_thread(pool: ThreadPool) -> None:
    told: list[tuple[int, int, int]] = []

    def progress(done: int, total: int) -> None:
        told.append((done, total, threading.get_ident()))

    pool.par_map(assume_send(lambda _: time.sleep(0.03)), range(8), progress=progress)
    assert told[-1] == (8, 8, threading.get_ident())
    assert len(told) >= 2 or pool.num_threads > 1
    pool.par_map(double, iter(range(8)), progress=progress)
    assert told[-1][:2] == (8, -1)


def test_progress_that_panics_ends_it(pool: ThreadPool) -> None:
    def progress(done: int, total: int) -> None:
        raise KeyError((done, total))

    with pytest.raises(KeyError):
        pool.par_map(double, range(3), progress=progress)
    with pytest.raises(TypeError, match="progress"):
        pool.par_map(double, range(3), progress=5)  # type: ignore[arg-type]


def test_progress_bar_needs_tqdm(pool: ThreadPool, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match="tqdm"):
        pool.par_map(double, range(3), progress=True)


def test_nested_bulks(pool: ThreadPool) -> None:
    def row(n: int) -> list[int]:
        return pool_module.par_map(assume_send(lambda m: n * m), range(20))

    assert pool.par_map(assume_send(row), range(20)) == [
        [n * m for m in range(20)] for n in range(20)
    ]


def test_functions_of_the_module_use_the_pool_that_calls(pool: ThreadPool) -> None:
    def names() -> set[str]:
        return set(pool_module.par_map(lambda _: threading.current_thread().name, range(50)))

    inside = pool.install(names)
    assert inside <= {t.name for t in threading.enumerate()}
    assert all(name.startswith("ThreadPool-") for name in inside)
    assert all(name.startswith("global-") for name in names())
