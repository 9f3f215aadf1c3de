"""What the tests of `pythread_rs.sync` share: channels of each flavor, and threads that wait."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pythread_rs import Builder, JoinHandle, _ffi, panic
from pythread_rs.sync import mpmc, mpsc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Flavor(NamedTuple):
    """A kind of channel by the name that crossbeam's tests have for it, and its bound."""

    name: str
    bound: int | None

    def mpsc(self) -> tuple[Any, mpsc.Receiver[Any]]:
        return mpsc.channel() if self.bound is None else mpsc.sync_channel(self.bound)

    def mpmc(self) -> tuple[mpmc.Sender[Any], mpmc.Receiver[Any]]:
        return mpmc.channel() if self.bound is None else mpmc.sync_channel(self.bound)


FLAVORS = (Flavor("list", None), Flavor("array1", 1), Flavor("array", 16), Flavor("zero", 0))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test for each flavor, for those that have a bound, or for those that can buffer."""
    groups = {
        "flavor": FLAVORS,
        "full": [f for f in FLAVORS if f.bound is not None],
        "buffer": [f for f in FLAVORS if f.bound != 0],
    }
    for argument, flavors in groups.items():
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, flavors, ids=lambda flavor: flavor.name)


@pytest.fixture
def blocked(wait_until: Callable[..., bool]) -> Callable[..., JoinHandle[Any]]:
    """Start a thread with a call, and go on when a wait has gone to sleep."""

    def start(call: Callable[..., Any], *args: Any, **options: Any) -> JoinHandle[Any]:
        parks = _ffi.statistics()["parks"]
        handle = Builder().spawn_unchecked(call, *args, **options)
        assert wait_until(lambda: _ffi.statistics()["parks"] > parks)
        return handle

    return start


@pytest.fixture
def hasty() -> Iterator[None]:
    """Let the threads take the GIL from each other as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def silent_panics() -> Iterator[None]:
    panic.set_hook(lambda info: None)
    yield
    panic.take_hook()
