"""`sleep`, `sleep_until`, `yield_now`, `panicking` and `available_parallelism`."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pythread_rs import (
    Builder,
    Ok,
    _ffi,
    available_parallelism,
    panicking,
    sleep,
    sleep_until,
    spawn,
    yield_now,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

SECONDS = 10.0

any_sleep: Any = sleep
any_sleep_until: Any = sleep_until


# -- Sleep. ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "duration",
    [0, 0.0, -0.0, 1e-9, 0.001, 0.02, timedelta(milliseconds=5), Decimal("0.01"), Fraction(1, 100)],
    ids=repr,
)
def test_sleep_is_never_shorter(duration: Any) -> None:
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else float(duration)
    start = time.monotonic()
    any_sleep(duration)
    assert time.monotonic() - start >= seconds


def test_sleep_is_never_shorter_in_a_thread() -> None:
    def measure() -> float:
        start = time.monotonic()
        sleep(0.02)
        return time.monotonic() - start

    for handle in [spawn(measure) for _ in range(10)]:
        assert handle.join().unwrap() >= 0.02


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
def test_signals_do_not_shorten_a_sleep() -> None:
    calls: list[int] = []
    old = signal.signal(signal.SIGVTALRM, lambda *_: calls.append(1))
    # pytest-timeout owns SIGALRM; another thread's alarm does for this one.
    sender = spawn(send_signals, 20)
    try:
        start = time.monotonic()
        sleep(0.15)
        assert time.monotonic() - start >= 0.15
        assert sender.join(SECONDS).is_ok()
    finally:
        signal.signal(signal.SIGVTALRM, old)
    assert calls, "the handler ran during the sleep"


def send_signals(count: int) -> None:
    for _ in range(count):
        os.kill(os.getpid(), signal.SIGVTALRM)
        sleep(0.005)


def test_what_a_signal_handler_raises_ends_a_sleep() -> None:
    class Stop(Exception):
        pass

    def stop(*_: object) -> None:
        raise Stop

    old = signal.signal(signal.SIGVTALRM, stop)
    sender = spawn(send_signals, 1)
    try:
        with pytest.raises(Stop):
            sleep(SECONDS)
    finally:
        signal.signal(signal.SIGVTALRM, old)
    assert sender.join(SECONDS).is_ok()


def test_a_sleep_lets_others_run() -> None:
    moments: list[float] = []
    during: list[float] = []
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            moments.append(time.monotonic())
            sleep(0.001)

    handle = Builder().spawn_unchecked(work)
    try:
        for seconds in (0.05, 0.5, 5.0):  # a busy machine needs longer
            start = time.monotonic()
            sleep(seconds)
            edge = (time.monotonic() - start) / 4  # where the two change places anyhow
            during = [m for m in list(moments) if start + edge < m < start + 3 * edge]
            if during:
                break
    finally:
        ended.set()
    handle.join(SECONDS).unwrap()
    assert during


BAD: list[tuple[Any, type[Exception]]] = [
    (-1, ValueError),
    (-1e-300, ValueError),
    (math.nan, ValueError),
    (-math.inf, ValueError),
    (Decimal("NaN"), ValueError),
    (timedelta(days=-1), ValueError),
    (None, TypeError),
    ("1", TypeError),
    (b"1", TypeError),
    ("soon", TypeError),
    (1j, TypeError),
    ([], TypeError),
]


@pytest.mark.parametrize(("duration", "error"), BAD, ids=lambda value: repr(value)[:20])
def test_an_impossible_duration_is_refused(duration: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="duration"):
        any_sleep(duration)


HUGE = [math.inf, 2**64, 2.0**64, 2**64 - 1, 1e300, 10**400, Fraction(10**400), timedelta.max]


@pytest.mark.parametrize("duration", HUGE, ids=lambda value: str(value)[:20])
def test_a_huge_duration_is_for_ever_and_does_not_overflow(duration: Any) -> None:
    """-1 is how the layer below says "for ever"; see the conformance test for a real one."""
    nanoseconds = _ffi.nanoseconds(duration)
    assert nanoseconds == -1 or nanoseconds > 10**18


@given(st.floats(min_value=0, max_value=1e9, allow_nan=False))
def test_nanoseconds_are_rounded_up(seconds: float) -> None:
    """By less than the step between two floats of this size, or one nanosecond."""
    exact = Fraction(seconds) * 10**9
    step = Fraction(math.ulp(seconds)) * 10**9
    assert exact - step <= _ffi.nanoseconds(seconds) < exact + step + 1


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=30_000)))
def test_a_timedelta_is_exact_to_the_microsecond(duration: timedelta) -> None:
    exact = duration // timedelta(microseconds=1) * 1000
    assert abs(_ffi.nanoseconds(duration) - exact) < 1000


# -- Sleep until a point in time. ------------------------------------------------------------------


def test_sleep_until_is_never_early() -> None:
    for milliseconds in (0, 1, 20):
        deadline = time.monotonic() + milliseconds / 1000
        sleep_until(deadline)
        assert time.monotonic() >= deadline


@pytest.mark.parametrize("deadline", [0, -1, -1e300, -math.inf])
def test_a_deadline_that_is_over_returns_at_once(deadline: float) -> None:
    sleep_until(deadline)


@pytest.mark.parametrize(
    ("deadline", "error"),
    [(math.nan, ValueError), ("1", TypeError), (None, TypeError), (timedelta(1), TypeError)],
    ids=repr,
)
def test_an_impossible_deadline_is_refused(deadline: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        any_sleep_until(deadline)


# -- The rest. -------------------------------------------------------------------------------------


def test_yield_now_lets_another_thread_run() -> None:
    """With the GIL to itself the other thread comes to its end."""
    handle = spawn(int)
    deadline = time.monotonic() + SECONDS
    while not handle.is_finished():
        assert time.monotonic() < deadline
        yield_now()
    assert handle.join() == Ok(0)


def test_nobody_panics_here() -> None:
    assert not panicking()
    assert spawn(panicking).join() == Ok(False)


def test_parallelism_is_at_least_one() -> None:
    assert 1 <= available_parallelism() <= (os.cpu_count() or 1)
    assert spawn(available_parallelism).join() == Ok(available_parallelism())


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this platform")
def test_parallelism_respects_the_affinity(
    run_child: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    child = run_child(
        """
        import os
        from pythread_rs import available_parallelism
        print(available_parallelism() <= len(os.sched_getaffinity(0)))
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        print(available_parallelism())
        """
    )
    assert (child.stdout, child.stderr) == ("True\n1\n", "")


def test_a_platform_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ffi, "available_parallelism", lambda: 0)
    with pytest.raises(OSError, match="the number of CPUs is not known"):
        available_parallelism()
