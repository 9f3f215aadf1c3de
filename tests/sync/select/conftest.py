"""What the tests of select share: threads with a deadline, and a look at one that waits."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import _ffi
from pythread_rs.sync import Select, mpmc

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE = 10.0


def _run_all(*functions: Callable[[], object]) -> list[Any]:
    """Run each in a thread of its own; return what they return, or raise what one raised."""
    results: list[Any] = [None] * len(functions)
    errors: list[BaseException] = []

    def run(place: int, function: Callable[[], object]) -> None:
        try:
            results[place] = function()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=job, daemon=True) for job in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
        assert errors or not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]
    return results


class Probe:
    """A place in a select that shows whether the select waits.

    A rendezvous is ready for a send exactly while somebody waits to receive.
    """

    def __init__(self) -> None:
        self._tx, self.rx = mpmc.sync_channel(0)
        self._select = Select()
        self._select.send(self._tx.sending(None))

    def is_waited_for(self) -> bool:
        return self._select.try_ready().is_ok()

    def await_waiter(self) -> None:
        deadline = time.monotonic() + DEADLINE
        while not self.is_waited_for():
            assert time.monotonic() < deadline, "nobody waits"
            time.sleep(0.0005)


@pytest.fixture(name="run_all")
def run_all_fixture() -> Callable[..., list[Any]]:
    return _run_all


@pytest.fixture
def make_probe() -> type[Probe]:
    return Probe


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest.fixture
def await_sleepers(wait_until: Callable[..., bool]) -> Callable[[int], Callable[[], None]]:
    """Make what waits until as many waits as said have gone to sleep since."""

    def make(count: int) -> Callable[[], None]:
        before = _ffi.statistics()["parks"]

        def wait() -> None:
            assert wait_until(lambda: _ffi.statistics()["parks"] - before >= count)

        return wait

    return make
