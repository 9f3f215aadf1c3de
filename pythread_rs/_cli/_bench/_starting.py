"""Starting threads: one after the other, a hundred at once, and for a function of C."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from pythread_rs import Ok, _ffi, native, spawn
from pythread_rs._cli._bench._model import Experiment
from pythread_rs._cli._bench._rust import rust_way
from pythread_rs._cli._bench._stage import (
    EXECUTOR,
    OUR_SPAWN,
    PROCESSES,
    THREADING,
    Stage,
)
from pythread_rs._cli._bench._turns import Plan, Way, timed

BURST = 100


def nothing() -> None:
    """Be the work of the threads that are measured."""


def on_spawn() -> bool:
    """Start and join one thread of ours."""
    return spawn(nothing).join() == Ok(None)


def on_threading(function: Callable[[], object] = nothing) -> bool:
    """Start and join one of Python's own."""
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()
    return True


def spawn_join(stage: Stage, plan: Plan) -> tuple[Experiment, list[Way]]:
    """Start a thread and wait for its end, again and again."""
    calls = plan.calls

    def submitted(executor: Executor) -> bool:
        return executor.submit(nothing).result() is None

    ways = [
        timed(OUR_SPAWN, on_spawn, calls=calls, is_right=bool, is_ours=True),
        timed(THREADING, on_threading, calls=calls, is_right=bool),
        timed(EXECUTOR, lambda: submitted(stage.executor), calls=calls, is_right=bool),
    ]
    if (processes := stage.processes) is not None:
        ways.append(timed(PROCESSES, lambda: submitted(processes), calls=calls, is_right=bool))
    if stage.rust is not None:
        ways.append(rust_way(stage.rust, "join", calls=calls, is_right=lambda n: n == 1))
    notes = ["The executors keep their workers; the others give each function a thread of its own."]
    title = "spawn and join of an empty function, one after the other"
    return Experiment("spawn_join", title, "one thread", notes=notes), ways


def burst(stage: Stage, plan: Plan) -> tuple[Experiment, list[Way]]:
    """Start many threads, then wait for all."""
    calls, size = max(1, plan.calls // 10), plan.size(BURST, BURST, 2)

    def ours() -> bool:
        handles = [spawn(nothing) for _ in range(size)]
        return [handle.join() for handle in handles] == [Ok(None)] * size

    def theirs() -> bool:
        threads = [threading.Thread(target=nothing) for _ in range(size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return True

    def submitted(executor: Executor) -> bool:
        futures = [executor.submit(nothing) for _ in range(size)]
        return [future.result() for future in futures] == [None] * size

    def way(name: str, call: Any, *, is_ours: bool = False) -> Way:
        return timed(name, call, calls=calls, per=size, is_right=bool, is_ours=is_ours)

    ways = [
        way(OUR_SPAWN, ours, is_ours=True),
        way(THREADING, theirs),
        way(EXECUTOR, lambda: submitted(stage.executor)),
    ]
    if (processes := stage.processes) is not None:
        ways.append(way(PROCESSES, lambda: submitted(processes)))
    if stage.rust is not None:
        rust = rust_way(
            stage.rust, "burst", size, calls=calls, per=size, is_right=lambda n: n == size
        )
        ways.append(rust)
    title = f"{size} spawns of an empty function, then {size} joins"
    notes = ["The executors share the functions among the workers that they have."]
    return Experiment("burst", title, "one thread", notes=notes), ways


def draw_nothing() -> None:
    """Call the function of C."""
    _ffi.mandelbrot(bytearray(), 0, 0)


def native_call(stage: Stage, plan: Plan) -> tuple[Experiment, list[Way]]:
    """Run a function of C, which returns at once, on another thread."""
    calls = plan.calls
    function = native.function(_ffi.mandelbrot_kernel())

    def on_native() -> bool:
        return native.spawn(function, 0, 0, b"", 0, 0, 1).join() == Ok(None)

    ways = [
        timed("pythread_rs native.spawn", on_native, calls=calls, is_right=bool, is_ours=True),
        timed(
            OUR_SPAWN,
            lambda: spawn(draw_nothing).join() == Ok(None),
            calls=calls,
            is_right=bool,
            is_ours=True,
        ),
        timed(THREADING, lambda: on_threading(draw_nothing), calls=calls, is_right=bool),
        timed(
            EXECUTOR,
            lambda: stage.executor.submit(draw_nothing).result() is None,
            calls=calls,
            is_right=bool,
        ),
    ]
    title = "a function of C that returns at once, on another thread, started and joined"
    return Experiment("native_call", title, "one call"), ways
