"""What `join` and `par_*` lend: the search is made once, and again when something has changed."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Mutex
from pythread_rs.ownership import MutableBorrowError, NotSendError, _readers, assume_send
from pythread_rs.ownership._borrows import Borrows
from pythread_rs.pool import ThreadPool, install, join

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE = 10.0


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """List the functions that were searched."""
    seen: list[Any] = []
    _readers._notes.clear()
    search = Borrows.add_alone

    def counted(self: Borrows, f: Any) -> None:
        seen.append(f)
        search(self, f)

    monkeypatch.setattr(Borrows, "add_alone", counted)
    return seen


def merge_sort(xs: list[Any]) -> list[Any]:
    if len(xs) < 2:
        return xs
    half = len(xs) // 2
    left, right = join(lambda: merge_sort(xs[:half]), lambda: merge_sort(xs[half:]))
    return sorted(left + right)


def test_a_recursion_is_searched_once(pool: ThreadPool, searches: list[Any]) -> None:
    numbers = [n * 7919 % 101 for n in range(200)]
    assert pool.install(merge_sort, numbers) == sorted(numbers)
    # Twice for each worker that comes while the first one searches.
    assert 0 < len(searches) <= 4 * pool.num_threads


def made(module: str, **names: Any) -> Any:
    """Make functions whose module and captures the test can change."""
    space: dict[str, Any] = {"__name__": "made", "join": join, **names}
    exec(module, space)  # a module of its own, to be changed
    return types.SimpleNamespace(space=space, **space)


LOOK = """
def look(xs): return len(xs)
def twice(xs): return join(lambda: look(xs), lambda: look(xs))
"""


def refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except MutableBorrowError:
        return True
    return False


def test_what_a_name_means_is_looked_at_each_time(
    make_pool: Callable[..., ThreadPool], searches: list[Any]
) -> None:
    pool = make_pool(1)
    module = made(LOOK)
    data = [3, 1, 2]
    for _ in range(3):
        assert pool.install(module.twice, data) == (3, 3)
    assert len(searches) == 2
    module.space["look"] = made("def look(xs): xs.sort()").look
    assert refused(lambda: pool.install(module.twice, data))
    assert data == [3, 1, 2]


def test_a_builtin_that_is_hidden_is_looked_at(make_pool: Callable[..., ThreadPool]) -> None:
    pool = make_pool(1)
    module = made(LOOK)
    data = [3, 1, 2]
    assert pool.install(module.twice, data) == (3, 3)
    module.space["len"] = made("def f(xs): xs.clear()").f
    assert refused(lambda: pool.install(module.twice, data))


def test_the_code_of_a_called_function_is_looked_at(make_pool: Callable[..., ThreadPool]) -> None:
    pool = make_pool(1)
    module = made(LOOK)
    data = [3, 1, 2]
    assert pool.install(module.twice, data) == (3, 3)
    module.look.__code__ = made("def look(xs): xs.clear()").look.__code__
    assert refused(lambda: pool.install(module.twice, data))


CAPTURED = """
def outer():
    def look(xs): return len(xs)
    def change(): nonlocal look; look = spoil
    def twice(xs): return join(lambda: look(xs), lambda: look(xs))
    return twice, change
def spoil(xs): xs.clear()
"""


def test_a_captured_function_is_looked_at(make_pool: Callable[..., ThreadPool]) -> None:
    pool = make_pool(1)
    twice, change = made(CAPTURED).outer()
    data = [3, 1, 2]
    assert pool.install(twice, data) == (3, 3)
    change()
    assert refused(lambda: pool.install(twice, data))


FIRST = """
def spoil(x): x.append(1) if type(x) is list else None
def first(xs, ys): return join(lambda: spoil(xs[0]), lambda: str(ys[0]))
"""


def test_what_a_list_holds_is_looked_at(make_pool: Callable[..., ThreadPool]) -> None:
    pool = make_pool(1)
    module = made(FIRST)
    shared: list[int] = []
    assert pool.install(module.first, [1], [2]) == (None, "2")
    same = [shared]
    assert refused(lambda: pool.install(module.first, same, same))
    assert shared == []


def test_another_type_is_searched_anew(
    make_pool: Callable[..., ThreadPool], searches: list[Any]
) -> None:
    pool = make_pool(1)
    module = made(LOOK)
    pool.install(module.twice, [1])
    pool.install(module.twice, bytearray(b"12"))
    assert len(searches) == 4


def test_what_all_workers_call_may_not_change_what_it_shares(pool: ThreadPool) -> None:
    data = [1]
    with pytest.raises(MutableBorrowError):
        pool.broadcast(lambda context: data.append(context.index))
    assert data == [1]
    assert pool.broadcast(lambda _: len(data)) == [1] * pool.num_threads


def test_install_borrows_what_is_not_bound_to_its_thread(pool: ThreadPool) -> None:
    data = [1]
    pool.install(lambda: data.append(2))
    assert data == [1, 2]
    with Mutex([1]) as guard:
        with pytest.raises(NotSendError):
            pool.install(lambda: guard.value)
        with pytest.raises(NotSendError):
            pool.install(id, guard)
        with pytest.raises(NotSendError):
            install(id, guard)
    assert pool.install(assume_send(lambda: data)) is data
