"""The programs on threads in "The Rust Programming Language", chapter 16, and in std's `scope`.

Each is written as a Python program line by line. What does not compile in Rust is refused here with
the same code, and what compiles prints the same. Shared state is not here yet.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

DEADLINE_SECONDS = 15.0

HEAD = """\
from pythread_rs import _ffi, move, ownership, scope, sleep, spawn
from pythread_rs.sync import mpsc
"""
# How a program ends that Rust would not compile: with the code, and before any thread has begun.
TAIL = """
try:
    main()
except ownership.OwnershipError as error:
    print(f"{error.code}, {_ffi.statistics()['spawned']} threads started")
"""

Run = Callable[[str], "list[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a program whose `main` is given; return the lines that it prints."""

    def run_program(main: str) -> list[str]:
        program = tmp_path / "program.py"
        program.write_text(HEAD + textwrap.dedent(main) + TAIL, "utf-8")
        child = subprocess.run(
            [sys.executable, "-W", "error", str(program)],
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        assert (child.returncode, child.stderr) == (0, "")
        return child.stdout.splitlines()

    return run_program


def hi(thread: str, last: int) -> list[str]:
    return [f"hi number {number} from the {thread} thread!" for number in range(1, last + 1)]


def lines_of(thread: str, lines: list[str]) -> list[str]:
    return [line for line in lines if line.endswith(f"from the {thread} thread!")]


# The book's loops; one write a line, or the other thread's line could come before its end.
COUNT = """
    def count(thread, last):
        for i in range(1, last + 1):
            print(f"hi number {i} from the {thread} thread!\\n", end="")
            sleep(0.001)
"""


# -- Using threads to run code simultaneously. -----------------------------------------------------


def test_16_1_a_thread_prints_while_the_main_thread_prints(run: Run) -> None:
    """The process ends with its main thread, wherever the spawned one is."""
    lines = run(f"""{COUNT}
    def main():
        spawn(count, "spawned", 9)
        count("main", 4)
    """)
    spawned = lines_of("spawned", lines)
    assert lines_of("main", lines) == hi("main", 4)
    assert spawned == hi("spawned", len(spawned))
    assert len(lines) == 4 + len(spawned)


def test_16_2_join_guarantees_that_the_thread_runs_to_its_end(run: Run) -> None:
    lines = run(f"""{COUNT}
    def main():
        handle = spawn(count, "spawned", 9)
        count("main", 4)
        handle.join().unwrap()
    """)
    assert lines_of("main", lines) == hi("main", 4)
    assert lines_of("spawned", lines) == hi("spawned", 9)
    assert len(lines) == 13


def test_join_before_the_loop_of_main(run: Run) -> None:
    lines = run(f"""{COUNT}
    def main():
        handle = spawn(count, "spawned", 9)
        handle.join().unwrap()
        count("main", 4)
    """)
    assert lines == hi("spawned", 9) + hi("main", 4)


# -- Using `move` closures with threads. -----------------------------------------------------------


def test_16_3_a_closure_that_borrows_a_vector(run: Run) -> None:
    lines = run("""
    def main():
        v = [1, 2, 3]
        handle = spawn(lambda: print(f"Here's a vector: {v}"))
        handle.join().unwrap()
    """)
    assert lines == ["E0373, 0 threads started"]


# `drop` is an ordinary function in Rust; Python's nearest is a statement.
DROP = """
    def drop(_):
        pass
"""
DROPS = pytest.mark.parametrize("drops", ["drop(v)", "del v"])


@DROPS
def test_16_4_a_borrowed_vector_that_main_drops(run: Run, drops: str) -> None:
    lines = run(f"""{DROP}
    def main():
        v = [1, 2, 3]
        handle = spawn(lambda: print(f"Here's a vector: {{v}}"))
        {drops}
        handle.join().unwrap()
    """)
    assert lines == ["E0373, 0 threads started"]


def test_16_5_move_forces_the_closure_to_take_ownership(run: Run) -> None:
    lines = run("""
    def main():
        v = [1, 2, 3]
        handle = spawn(move(lambda: print(f"Here's a vector: {v}")))
        handle.join().unwrap()
    """)
    assert lines == ["Here's a vector: [1, 2, 3]"]


@DROPS
def test_16_4_with_move_a_moved_vector_that_main_drops(run: Run, drops: str) -> None:
    lines = run(f"""{DROP}
    def main():
        v = [1, 2, 3]
        handle = spawn(move(lambda: print(f"Here's a vector: {{v}}")))
        {drops}
        handle.join().unwrap()
    """)
    assert lines == ["E0382, 0 threads started"]


def test_a_handle_is_joined_once(run: Run) -> None:
    """`join` takes the handle; the thread of the first one has run by then."""
    lines = run("""
    def main():
        handle = spawn(print, "once")
        handle.join().unwrap()
        handle.join().unwrap()
    """)
    assert lines == ["once", "E0382, 1 threads started"]


# -- Message passing. ------------------------------------------------------------------------------


def test_16_6_a_channel_that_nobody_uses(run: Run) -> None:
    lines = run("""
    def main():
        tx, rx = mpsc.channel()
        print(tx, rx)
    """)
    assert lines == ["Sender { .. } Receiver { .. }"]


def test_16_7_the_sender_moves_to_a_thread(run: Run) -> None:
    lines = run("""
    def main():
        tx, rx = mpsc.channel()

        def work():
            val = "hi"
            tx.send(val).unwrap()

        spawn(move(work)).join().unwrap()
        print(rx.try_recv())
    """)
    assert lines == ["Ok('hi')"]


def test_16_7_the_sender_is_gone_from_its_variable(run: Run) -> None:
    lines = run("""
    def main():
        tx, rx = mpsc.channel()
        spawn(move(lambda: tx.send("hi").unwrap()))
        tx.send("from main").unwrap()
    """)
    assert lines == ["E0382, 0 threads started"]


def test_16_8_the_main_thread_receives(run: Run) -> None:
    lines = run("""
    def main():
        tx, rx = mpsc.channel()

        def work():
            val = "hi"
            tx.send(val).unwrap()

        spawn(move(work))
        received = rx.recv().unwrap()
        print(f"Got: {received}")
    """)
    assert lines == ["Got: hi"]


def test_16_9_a_str_is_copied_and_stays(run: Run) -> None:
    """Rust's `String` moves, and its line does not compile; a `str` never changes, so it may."""
    lines = run("""
    def main():
        tx, rx = mpsc.channel()

        def work():
            val = "hi"
            tx.send(val).unwrap()
            print(f"val is {val}")

        spawn(move(work)).join().unwrap()
        received = rx.recv().unwrap()
        print(f"Got: {received}")
    """)
    assert lines == ["val is hi", "Got: hi"]


def test_16_10_several_messages_and_a_receiver_that_waits(run: Run) -> None:
    lines = run("""
    def main():
        tx, rx = mpsc.channel()

        def work():
            vals = ["hi", "from", "the", "thread"]
            for val in vals:
                tx.send(val).unwrap()
                sleep(0.01)

        spawn(move(work))
        for received in rx:
            print(f"Got: {received}")
    """)
    assert lines == ["Got: hi", "Got: from", "Got: the", "Got: thread"]


def test_16_11_several_producers(run: Run) -> None:
    lines = run("""
    def send_all(tx, vals):
        for val in vals:
            tx.send(val).unwrap()
            sleep(0.01)

    def main():
        tx, rx = mpsc.channel()
        tx1 = tx.clone()
        spawn(send_all, tx1, ["hi", "from", "the", "thread"])
        spawn(send_all, tx, ["more", "messages", "for", "you"])
        del tx, tx1
        for received in rx:
            print(f"Got: {received}")
    """)
    got = [line.removeprefix("Got: ") for line in lines]
    for mine in (["hi", "from", "the", "thread"], ["more", "messages", "for", "you"]):
        assert [word for word in got if word in mine] == mine
    assert len(got) == 8


# -- Scoped threads: the example of `std::thread::scope`. ------------------------------------------


def test_scoped_threads_borrow(run: Run) -> None:
    lines = run("""
    def hello(who):
        print(f"hello from the {who}\\n", end="")

    def main():
        a = [1, 2, 3]
        x = 0

        def first():
            hello("first scoped thread")
            print(f"a = {a}\\n", end="")

        def second():
            nonlocal x
            hello("second scoped thread")
            x += a[0] + a[2]  # the only thread that changes `x`

        with scope() as s:
            s.spawn(first)
            s.spawn(second)
            hello("main thread")
        # After the scope the owner may change both again.
        a.append(4)
        assert x == len(a)
    """)
    assert sorted(lines) == [
        "a = [1, 2, 3]",
        "hello from the first scoped thread",
        "hello from the main thread",
        "hello from the second scoped thread",
    ]


def test_a_scope_joins_what_nobody_joined(run: Run) -> None:
    lines = run("""
    def main():
        counter = [0]

        def work():
            counter[0] += 1

        with scope() as s:
            s.spawn(work)
        print(counter)
    """)
    assert lines == ["[1]"]


def test_a_scoped_thread_may_own_as_well(run: Run) -> None:
    lines = run("""
    def main():
        v = [1, 2, 3]
        with scope() as s:
            handle = s.spawn(move(lambda: v))
        v = handle.join().unwrap()
        print(f"Here's a vector: {v}")
    """)
    assert lines == ["Here's a vector: [1, 2, 3]"]


def test_two_scoped_threads_that_change_one_variable(run: Run) -> None:
    lines = run("""
    def main():
        x = 0

        def first():
            nonlocal x
            x += 1

        def second():
            nonlocal x
            x += 2

        with scope() as s:
            s.spawn(first)
            s.spawn(second)
    """)
    assert lines == ["E0499, 1 threads started"]


def test_one_scoped_thread_that_changes_what_another_reads(run: Run) -> None:
    lines = run("""
    def main():
        a = [1, 2, 3]
        with scope() as s:
            s.spawn(lambda: print(len(a)))
            s.spawn(lambda: a.append(4))
    """)
    assert lines == ["3", "E0502, 1 threads started"]


def test_the_owner_assigns_what_a_scoped_thread_borrows(run: Run) -> None:
    lines = run("""
    def main():
        x = 1
        with scope() as s:
            s.spawn(lambda: x + 1)
            x = 2
    """)
    assert lines == ["E0506, 0 threads started"]
