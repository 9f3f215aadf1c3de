"""The check against an oracle that follows references where the check counts them.

Whatever the oracle finds shared must be refused: no exception. The other way round, the check
refuses some graphs that are sound, because it cannot know better:

| kind | what is refused |
|---|---|
| shared weakref | something immutable with a weak reference in it, which both sides hold |
| weakref leads out | a weak reference from inside to an immutable object that only others hold |
| own dict as value | an instance that has its own `__dict__` as a value (CPythons with gh-130327) |

A failure names its seed; `random_graph(seed)` makes the graph again.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Ok, _ffi, move, spawn
from pythread_rs.ownership import OwnershipError

if TYPE_CHECKING:
    from tests.ownership import oracle
else:  # test folders are no packages
    _spec = importlib.util.spec_from_file_location("oracle", Path(__file__).with_name("oracle.py"))
    oracle = importlib.util.module_from_spec(_spec)
    sys.modules["oracle"] = oracle  # dataclasses look their module up
    _spec.loader.exec_module(oracle)

STRESS = int(os.environ.get("PYTHREAD_RS_STRESS") or 0)
BATCH = 1000
BATCHES = 10 * max(STRESS, 1)
SPAWNED = 300 * max(STRESS, 1)

pytestmark = pytest.mark.timeout(60 + 60 * STRESS)


@pytest.fixture(autouse=True)
def collector_waits() -> Iterator[None]:
    """Keep the collector away from half-built graphs, and quick afterwards."""
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()
    gc.collect()


def examined(root: list[Any]) -> tuple[str, Any] | None:
    found = _ffi.examine((root,), (), {})
    return (found[0], found[1][-1]) if isinstance(found, tuple) else None


def known_reason(why: str, value: Any) -> str | None:
    """Name the kind of a false refusal, as the table above has it."""
    if why == "leads out":
        return "weakref leads out"
    if why == "aliased" and oracle.reaches_weakref(value):
        return "shared weakref"
    if why == "aliased" and type(value) is dict and any(v is value for v in value.values()):
        return "own dict as value"
    return None


@pytest.mark.parametrize("batch", range(BATCHES))
def test_the_check_agrees_with_the_oracle(batch: int) -> None:
    false_accepts: list[int] = []
    false_rejects: list[tuple[int, str, str]] = []
    right: Counter[bool] = Counter()
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        graph = oracle.random_graph(seed)
        found = examined(graph.root)
        # The oracle asks for every `__dict__`, which changes the graph: so it comes second.
        expected = oracle.is_isolated(graph)
        if (found is None) == expected:
            right[expected] += 1
        elif found is None:
            false_accepts.append(seed)
        elif known_reason(*found) is None:
            false_rejects.append((seed, found[0], type(found[1]).__name__))
        if seed % 100 == 0:
            del graph, found
            gc.collect()
    assert not false_accepts
    assert not false_rejects
    assert min(right.values()) > BATCH // 4, "the graphs are too much alike"


def test_the_check_leaves_all_reference_counts_as_they_were() -> None:
    for seed in range(BATCH):
        graph = oracle.random_graph(seed)
        nodes = [*oracle.reachable(graph.root).values()]
        before = [sys.getrefcount(node) for node in nodes]
        examined(graph.root)
        _ffi.mutable_nodes([graph.root])
        assert [sys.getrefcount(node) for node in nodes] == before, seed


def try_to_spawn(seed: int, outside: list[Any]) -> tuple[bool, bool]:
    """Return whether a thread may own a graph, and whether one was given it."""
    root, outside[:] = oracle.random_graph(seed)
    if oracle.can_be_cleared(oracle.Graph(root, outside)):
        return True, True  # a refused spawn collects garbage, which would break the graph
    expected = oracle.is_isolated(oracle.Graph(root, outside))
    size = len(root)
    try:
        handle = spawn(len, root)
    except OwnershipError:
        return expected, False
    assert handle.join() == Ok(size)
    return expected, True


def try_to_move(seed: int, outside: list[Any]) -> tuple[bool, bool]:
    root, outside[:] = oracle.random_graph(seed)
    if oracle.can_be_cleared(oracle.Graph(root, outside)):
        return True, True  # a refused spawn collects garbage, which would break the graph
    expected = oracle.is_isolated(oracle.Graph(root, outside))
    size = len(root)
    moved = move(lambda: len(root))
    try:
        handle = spawn(moved)
    except OwnershipError:
        return expected, False
    assert handle.join() == Ok(size)
    return expected, True


@pytest.mark.parametrize("attempt", [try_to_spawn, try_to_move])
def test_spawn_gives_a_thread_nothing_that_others_hold(attempt: Any) -> None:
    false_accepts: list[int] = []
    right: Counter[bool] = Counter()
    outside: list[Any] = []
    for seed in range(SPAWNED):
        expected, accepted = attempt(seed, outside)
        if accepted and not expected:
            false_accepts.append(seed)
        right[expected] += accepted == expected
    assert not false_accepts
    # Of those that are refused for no good reason there are few; the table above says which.
    assert sum(right.values()) > SPAWNED * 0.95
    assert min(right.values()) > SPAWNED // 4
