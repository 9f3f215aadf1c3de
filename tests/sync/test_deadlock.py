"""PYTHREAD_RS_DEADLOCK=1: a wait that could never end raises, and no other does."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

SECONDS = 15.0


def run(program: str, *, watched: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, which must end by itself."""
    environment = {**os.environ, "PYTHREAD_RS_DEADLOCK": "1" if watched else "0"}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )


def test_every_thread_waits() -> None:
    done = run("""
        from pythread_rs import Builder
        from pythread_rs.sync import mpsc

        def listen():
            tx, rx = mpsc.channel()
            return rx.recv()

        print(Builder(name="listener").spawn(listen).join().error)
    """)
    assert done.returncode == 0, done.stderr
    headline, *lines = done.stdout.splitlines()
    assert headline == "deadlock: every thread waits"
    assert sorted(line.split(" at ")[0] for line in lines) == [
        "  thread 'listener' waits in recv()",
        "  thread 'main' waits in join()",
    ]


def test_two_threads_that_join_each_other() -> None:
    done = run("""
        from pythread_rs import Builder, DeadlockError
        from pythread_rs.sync import mpsc
        import threading

        spectator = threading.Event()
        threading.Thread(target=spectator.wait).start()  # not every thread waits in here
        handles = {}
        ready = threading.Event()

        def join(other):
            ready.wait()
            return handles[other].join()

        handles["a"] = Builder(name="a").spawn_unchecked(join, "b")
        handles["b"] = Builder(name="b").spawn_unchecked(join, "a")
        pair = dict(handles)
        ready.set()
        for thread in pair.values():
            while not thread.is_finished():
                pass
        spectator.set()
    """)
    assert "deadlock: a circle of waits" in done.stderr
    assert "waits in join() at" in done.stderr


def test_a_busy_thread_is_no_deadlock() -> None:
    done = run("""
        import sys, threading
        from pythread_rs import spawn, scope
        from pythread_rs.sync import mpsc

        sys.setswitchinterval(1e-6)
        def serve(rx, tx):
            for message in rx:
                tx.send(message)

        for _ in range(20):
            tx, requests = mpsc.sync_channel(0)
            answers, rx = mpsc.sync_channel(0)
            handle = spawn(serve, requests, answers)
            del requests, answers
            for i in range(50):
                assert tx.send(i).is_ok()
                assert rx.recv().unwrap() == i
            tx.drop()
            assert handle.join().is_ok()
        print("done")
    """)
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)


def test_a_wait_with_a_time_is_no_deadlock() -> None:
    done = run("""
        from pythread_rs.sync import mpsc
        tx, rx = mpsc.channel()
        print(rx.recv_timeout(0.01))
    """)
    assert (done.stdout, done.stderr) == ("Err(Timeout)\n", "")


def test_the_child_of_a_fork_starts_afresh() -> None:
    done = run("""
        import os, sys, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        from pythread_rs import spawn
        from pythread_rs.sync import mpsc
        tx, rx = mpsc.channel()
        handle = spawn(rx.recv)
        while handle.thread is None:
            pass
        pid = os.fork()
        if pid == 0:
            mine, theirs = mpsc.channel()
            try:
                theirs.recv()
            except RuntimeError as error:
                os._exit(7 if "every thread waits" in str(error) else 8)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        tx.send(1)
        print(handle.join())
    """)
    assert done.stdout == "7\nOk(Ok(1))\n", done.stderr
