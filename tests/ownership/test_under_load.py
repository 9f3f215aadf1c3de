"""The check while other threads change data of their own: the same verdicts as when it is quiet."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import JoinHandle, Ok, _ffi, move, spawn
from pythread_rs.ownership import OwnershipError

if TYPE_CHECKING:
    from tests.ownership import oracle
else:  # test folders are no packages
    _spec = importlib.util.spec_from_file_location("oracle", Path(__file__).with_name("oracle.py"))
    oracle = importlib.util.module_from_spec(_spec)
    sys.modules["oracle"] = oracle  # dataclasses look their module up
    _spec.loader.exec_module(oracle)

STRESS = int(os.environ.get("PYTHREAD_RS_STRESS") or 0)
GRAPHS = 10_000 * max(STRESS, 1)
SPAWNED = 1_000 if STRESS else 60
BUSY_THREADS = 4

pytestmark = pytest.mark.timeout(60 + 240 * STRESS)


class Changing:
    """What the busy threads make, change and drop."""


def change_data(stop: threading.Event) -> int:
    """Make and change lists, dicts, instances and classes until told to stop."""
    turns = 0
    while not stop.is_set():
        values: list[Any] = [Changing() for _ in range(20)]
        table = dict.fromkeys(range(20), values)
        values[0].table = table  # a cycle, for the collector
        kind = type("Passing", (Changing,), {"turns": turns})
        values.append(kind())
        _ffi.kind_of(values[-1])
        table.clear()
        turns += 1
    return turns


@contextlib.contextmanager
def under_load() -> Generator[None]:
    """Let four threads work, and take the GIL from each other as often as they can."""
    interval = sys.getswitchinterval()
    stop = threading.Event()
    threads = [threading.Thread(target=change_data, args=(stop,)) for _ in range(BUSY_THREADS)]
    sys.setswitchinterval(1e-5)
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
        sys.setswitchinterval(interval)


@pytest.fixture(name="load")
def load_fixture() -> Iterator[None]:
    gc.collect()
    gc.freeze()  # what the tests before have left would slow every collection down
    with under_load():
        yield
    gc.unfreeze()


def verdicts() -> Iterator[bool]:
    for seed in range(GRAPHS):
        graph = oracle.random_graph(seed)
        yield _ffi.examine((graph.root,), (), {}) is None


def test_no_verdict_is_wrong_while_others_work() -> None:
    gc.collect()
    gc.freeze()
    quiet = list(verdicts())
    with under_load():
        loud = list(verdicts())
    gc.unfreeze()
    wrong = [seed for seed in range(GRAPHS) if quiet[seed] != loud[seed]]
    assert not wrong
    assert GRAPHS // 4 < sum(quiet) < GRAPHS * 3 // 4, "the graphs are too much alike"


def give_list() -> JoinHandle[int]:
    data = [[number] for number in range(10)]
    return spawn(len, data)


def give_closure() -> JoinHandle[int]:
    data = {number: [number] for number in range(10)}
    return spawn(move(lambda: len(data)))


def give_held_list() -> tuple[JoinHandle[int], list[int]]:
    inner = [1]
    data = [inner]
    return spawn(len, data), inner


def give_held_closure() -> tuple[JoinHandle[int], list[int]]:
    inner = [1]
    data = [inner]
    return spawn(move(lambda: len(data))), inner


@pytest.mark.usefixtures("load")
@pytest.mark.parametrize("give", [give_list, give_closure])
def test_no_spawn_is_refused_while_others_work(give: Callable[[], JoinHandle[int]]) -> None:
    for _ in range(SPAWNED):
        handle = give()
        assert handle.join() == Ok(10)


@pytest.mark.usefixtures("load")
@pytest.mark.parametrize("give", [give_held_list, give_held_closure])
def test_none_is_accepted_that_must_not(give: Callable[[], object]) -> None:
    for _ in range(SPAWNED):
        with pytest.raises(OwnershipError) as refusal:
            give()
        assert refusal.value.code == "E0505"
