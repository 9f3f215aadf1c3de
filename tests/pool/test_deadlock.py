"""PYTHREAD_RS_DEADLOCK=1: what waits for a task waits for the worker that runs it."""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

# Two tasks: one holds a lock and waits for the other one, which wants the lock.
PRELUDE = """
import os, threading
from pythread_rs import assume_send
from pythread_rs.pool import ThreadPool
from pythread_rs.sync import Mutex

lock, held, asked = Mutex(0), threading.Event(), threading.Event()

def other():
    held.wait()
    asked.set()
    with lock:
        return "other"

def holder(start, wait):
    task = start(other)
    with lock:
        held.set()
        asked.wait()
        return wait(task)

"""


def run(run_child: Callable[..., subprocess.CompletedProcess[str]], program: str) -> str:
    done = run_child(
        PRELUDE + textwrap.dedent(program), env={**os.environ, "PYTHREAD_RS_DEADLOCK": "1"}
    )
    assert done.returncode == 0, done.stderr
    return str(done.stdout + done.stderr)


def test_a_task_joins_what_wants_its_lock(run_child: Callable[..., Any]) -> None:
    said = run(
        run_child,
        """
        with ThreadPool(2) as pool:
            start = lambda f: pool.spawn(assume_send(f))
            print(start(lambda: holder(start, lambda task: task.join())).join(10))
        """,
    )
    assert "deadlock: a circle of waits" in said
    assert "waits in join() at <string>" in said
    assert "waits in lock() at <string>" in said


def test_a_task_waits_for_the_result_of_what_wants_its_lock(run_child: Callable[..., Any]) -> None:
    said = run(
        run_child,
        """
        with ThreadPool(2) as pool:
            future = pool.submit(holder, pool.submit, lambda task: task.result())
            print(future.exception(10))
        """,
    )
    assert "deadlock: a circle of waits" in said
    assert "waits in result() at <string>" in said


def test_no_worker_joins_what_wants_its_lock(run_child: Callable[..., Any]) -> None:
    said = run(
        run_child,
        """
        from pythread_rs import DeadlockError

        with ThreadPool(1) as pool:
            try:
                print(holder(lambda f: pool.spawn(assume_send(f)), lambda task: task.join()))
            except DeadlockError as error:
                print(error)
        """,
    )
    assert "deadlock: a circle of waits" in said
    assert "waits in join() at <string>" in said


def test_what_borrows_waits_on_and_its_worker_is_told(run_child: Callable[..., Any]) -> None:
    said = run(
        run_child,
        """
        import gc, time
        from pythread_rs import DeadlockError

        graph = next(o for o in gc.get_objects() if type(o).__name__ == "_Graph")
        me = threading.get_ident()

        def late():
            while me not in graph.waits:
                time.sleep(0)
            with lock:
                pass

        with ThreadPool(2) as pool:
            with lock:
                try:
                    pool.install(assume_send(late))
                except DeadlockError as error:
                    print(error)
        """,
    )
    assert "deadlock: a circle of waits" in said
    assert "thread 'main' waits in scope()" in said


def test_tasks_that_wait_for_tasks_are_no_deadlock(run_child: Callable[..., Any]) -> None:
    said = run(
        run_child,
        """
        def fib(n):
            return n if n < 2 else sum(pool.join(lambda: fib(n - 1), lambda: fib(n - 2)))

        def tree(n):
            if n == 0:
                return 1
            tasks = [pool.spawn(assume_send(tree), n - 1) for _ in range(2)]
            return sum(task.join().unwrap() for task in tasks)

        for threads in (1, 3):
            with ThreadPool(threads) as pool:
                print(fib(10), tree(6), pool.par_map(fib, range(8)))
        """,
    )
    assert said == "55 64 [0, 1, 1, 2, 3, 5, 8, 13]\n" * 2
