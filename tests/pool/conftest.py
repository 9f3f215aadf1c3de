"""What the tests of the pool share: pools that end with the test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs.pool import ThreadPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def make_pool() -> Iterator[Callable[..., ThreadPool]]:
    """Make pools that are shut down when the test ends."""
    pools: list[ThreadPool] = []

    def make(*arguments: Any, **options: Any) -> ThreadPool:
        pool = ThreadPool(*arguments, **options)
        pools.append(pool)
        return pool

    yield make
    for pool in pools:
        pool.shutdown()


@pytest.fixture(params=[1, 4], ids=["one", "four"])
def pool(request: pytest.FixtureRequest, make_pool: Callable[..., ThreadPool]) -> ThreadPool:
    """A pool of one thread, then one of four: whatever works must work with one."""
    return make_pool(request.param)
