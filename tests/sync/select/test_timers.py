"""after, at, tick, never: messages that come from the clock; by crossbeam's test names."""

from __future__ import annotations

import asyncio
import copy
import itertools
import pickle
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pythread_rs import Err, Ok, move, spawn
from pythread_rs.sync import (
    Select,
    SelectTimeoutError,
    Stopped,
    StopToken,
    after,
    at,
    mpmc,
    never,
    select,
    select_async,
    tick,
)
from pythread_rs.sync.mpmc import RecvTimeoutError, TryRecvError

RunAll = Callable[..., list[Any]]
EMPTY = Err(TryRecvError.Empty)
TIMED_OUT = Err(RecvTimeoutError.Timeout)


def seen_early(look: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Look at a timer before it is due, however busy the machine is."""
    for seconds in (0.01, 0.1, 1.0, 5.0):
        due = time.monotonic() + seconds
        timer = after(seconds)
        seen = look(timer)
        if time.monotonic() < due:
            return timer, seen
    pytest.fail("the machine has stood still for seconds")


def test_after_fires() -> None:
    began = time.monotonic()
    timer, seen = seen_early(lambda timer: timer.try_recv())
    assert seen == EMPTY
    moment = timer.recv().unwrap()
    assert began + 0.01 <= moment <= time.monotonic()


@pytest.mark.parametrize("make", [lambda: after(0), lambda: at(time.monotonic() - 5)])
def test_due_at_once(make: Callable[[], Any]) -> None:
    assert make().try_recv().is_ok()
    assert select(never(), make())[0] == 1
    assert make().len() == 1


def test_at() -> None:
    deadline = time.monotonic() + 0.005
    assert at(deadline).recv().unwrap() == pytest.approx(deadline, abs=1e-6)


@pytest.mark.parametrize("make", [after, tick])
def test_capacity(make: Callable[[float], Any]) -> None:
    timer = make(0.001)
    assert timer.capacity == 1
    timer.recv()
    assert timer.capacity == 1


def test_len_empty_full() -> None:
    timer, seen = seen_early(lambda timer: (timer.len(), timer.is_empty(), timer.is_full()))
    assert seen == (0, True, False)
    await_ready(timer)
    assert (timer.len(), timer.is_empty(), timer.is_full()) == (1, False, True)
    timer.try_recv()
    assert (timer.len(), timer.is_empty(), timer.is_full()) == (0, True, False)
    assert not timer.is_disconnected()


def await_ready(timer: Any) -> None:
    chooser = Select()
    chooser.recv(timer)
    chooser.ready()


def test_after_fires_once() -> None:
    timer = after(0)
    assert timer.recv().is_ok()
    assert timer.try_recv() == EMPTY
    assert timer.recv_timeout(0.002) == TIMED_OUT
    assert timer.recv_deadline(time.monotonic() + 0.002) == TIMED_OUT


def test_recv_two(run_all: RunAll) -> None:
    """Of two who wait for one message, one gets it."""
    timer = after(0.005)
    results = run_all(*[lambda: timer.recv_timeout(0.03)] * 2)
    assert sorted(result.is_ok() for result in results) == [False, True]


def test_recv_race_of_ticks(run_all: RunAll) -> None:
    """Each tick goes to one receiver, and none is told twice."""
    ticks = tick(0.001)
    received = run_all(*[lambda: [next(ticks) for _ in range(8)]] * 3)
    moments = [moment for some in received for moment in some]
    assert len(set(moments)) == 24
    assert max(moments) - min(moments) >= 0.023


def test_intervals() -> None:
    began = time.monotonic()
    ticks = tick(timedelta(milliseconds=2))
    moments = [ticks.recv().unwrap() for _ in range(5)]
    assert moments[0] >= began + 0.002
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert all(gap >= 0.002 for gap in gaps)


def test_missed_ticks_are_not_made_up_for() -> None:
    ticks = tick(0.02)
    after(0.11).recv()
    received = 0
    while ticks.try_recv().is_ok():
        received += 1
    assert received <= 2  # 5 were due; a slow machine may reach the next
    assert ticks.recv().is_ok()


def test_recv_timeout() -> None:
    timer, seen = seen_early(lambda timer: timer.recv_timeout(0.001))
    assert seen == TIMED_OUT
    assert timer.recv_timeout(10).is_ok()
    assert isinstance(TIMED_OUT.error, TimeoutError)


def test_never() -> None:
    timer = never()
    assert timer.try_recv() == EMPTY
    assert timer.recv_timeout(0.001) == TIMED_OUT
    assert select(timer, timeout=0.001) == (None, Err(SelectTimeoutError()))
    assert select(timer, after(0.002))[0] == 1


def test_a_select_of_timers_takes_the_earlier() -> None:
    late, early = after(5), after(0.003)
    began = time.monotonic()
    assert select(late, early, never())[0] == 1
    assert time.monotonic() - began < 4


def test_a_loop_with_a_tick_and_an_end() -> None:
    """What a select loop is mostly written for."""
    tx, rx = mpmc.channel()
    timeout, ticks = after(0.02), tick(0.004)
    seen: list[int] = []
    while True:
        match select(rx, ticks, timeout, biased=True):
            case 0, Ok(message):
                seen.append(message)
            case 1, Ok(_):
                tx.send(len(seen))
            case 2, _:
                break
            case other:
                pytest.fail(f"{other}")
    assert seen == list(range(len(seen)))
    assert seen


def test_stop() -> None:
    token = StopToken()
    token.stop()
    with pytest.raises(Stopped):
        never().recv(stop=token)
    assert after(0).recv(stop=token).is_ok()
    with pytest.raises(Stopped):
        never().recv_timeout(5, stop=token)


def test_async() -> None:
    async def main() -> Any:
        first = await after(0.002).recv_async()
        moments: list[float] = []
        async for moment in tick(0.001):
            moments.append(moment)
            if len(moments) == 3:
                break
        return first, moments, await select_async(never(), after(0.001), timeout=5)

    first, moments, found = asyncio.run(main())
    assert first.is_ok()
    assert moments == sorted(set(moments))
    assert found[0] == 1


def test_a_timer_is_shared_by_threads() -> None:
    def main() -> Any:
        timer = after(0.002)
        handle = spawn(move(lambda: timer.recv().is_ok()))
        return handle.join(), timer.try_recv()

    assert main() == (Ok(True), EMPTY)


def test_wrong_arguments() -> None:
    for make in (after, tick):
        with pytest.raises(ValueError, match="at least 0"):
            make(-1)
        with pytest.raises(TypeError):
            make("soon")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="duration"):
        at(float("nan"))
    with pytest.raises(TypeError, match=r"comes from after\(\)"):
        type(never())()  # type: ignore[call-arg]
    assert after(float("inf")).try_recv() == EMPTY


def test_copies() -> None:
    timer = never()
    assert copy.copy(timer) is copy.deepcopy(timer) is timer.clone() is timer
    assert timer.same_channel(timer)
    assert not timer.same_channel(never())
    assert repr(timer) == "Timer { .. }"
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(timer)
