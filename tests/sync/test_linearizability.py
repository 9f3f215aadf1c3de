"""The channels of csrc/core/sync are linearizable; and the judge knows what is not."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sync import linearizability
    from tests.sync.linearizability import Call, Channel
else:  # test folders are no packages
    _path = Path(__file__).with_name("linearizability.py")
    _spec = importlib.util.spec_from_file_location("linearizability", _path)
    linearizability = importlib.util.module_from_spec(_spec)
    sys.modules["linearizability"] = linearizability
    _spec.loader.exec_module(linearizability)
    Call, Channel = linearizability.Call, linearizability.Channel

RUN = Path(__file__).resolve().parents[1] / "c" / "run.py"
COMPILERS = [os.environ.get("CC", "cc"), "gcc", "clang"]
SECONDS = 120

pytestmark = pytest.mark.timeout(SECONDS + 30)


def calls(text: str) -> list[Call]:
    """Read calls: `invoked-returned thread operation argument result; ...`, with - for None."""
    history = []
    for row in text.split(";") if text else []:
        times, thread, operation, *ends = row.split()
        begin, end = times.split("-")
        values: list[object] = [
            None if word == "-" else int(word) if word.isdigit() else word for word in ends
        ]
        history.append(Call(int(thread), operation, values[0], values[1], int(begin), int(end)))
    return history


# Name, capacity and calls.
EXPLAINED: list[tuple[str, int | None, str]] = [
    ("nothing happened", 1, ""),
    ("in a row", None, "0-1 0 send 1 ok; 2-3 0 send 2 ok; 4-5 1 recv - 1; 6-7 1 recv - 2"),
    ("the receiver came first", 1, "0-3 1 recv - 1; 1-2 0 send 1 ok"),
    ("overlapping sends", 2, "0-2 0 send 1 ok; 1-3 1 send 2 ok; 4-5 2 recv - 2; 6-7 2 recv - 1"),
    ("the sender waits", 1, "0-1 0 send 1 ok; 2-5 0 send 2 ok; 3-4 1 recv - 1"),
    ("full", 1, "0-1 0 send 1 ok; 2-3 0 try_send 2 would_block"),
    ("a meeting", 0, "0-2 0 send 1 ok; 1-3 1 recv - 1"),
    ("a try meets one who waits", 0, "0-3 1 recv - 1; 1-2 0 try_send 1 ok"),
    (
        "the rest comes before the end",
        None,
        "0-1 0 send 1 ok; 2-3 0 drop_sender - ok; 4-5 1 recv - 1; 6-7 1 recv - disconnected",
    ),
    (
        "put back and taken by another",
        1,
        "0-1 0 send 1 ok; 2-3 1 recv - 1; 4-5 1 put_back 1 ok; 6-7 2 recv - 1",
    ),
    ("time over while empty", 1, "0-3 1 recv_timeout - timeout; 1-2 0 send 1 ok"),
    ("a new sender", 1, "0-1 0 clone_sender - ok; 2-3 0 drop_sender - ok; 4-5 1 send 1 ok"),
]

NOT_EXPLAINED: list[tuple[str, int | None, str]] = [
    ("received twice", None, "0-3 0 send 1 ok; 1-4 1 recv - 1; 2-5 2 recv - 1"),
    ("received before it was sent", 1, "0-1 1 recv - 1; 2-3 0 send 1 ok"),
    ("received and never sent", 1, "0-1 1 recv - 1"),
    ("overtaken", None, "0-1 0 send 1 ok; 2-3 0 send 2 ok; 4-5 1 recv - 2; 6-7 1 recv - 1"),
    (
        "overtaken by two receivers",
        None,
        "0-1 0 send 1 ok; 2-3 0 send 2 ok; 4-5 1 recv - 2; 6-7 2 recv - 1",
    ),
    ("more than there is room", 1, "0-1 0 send 1 ok; 2-3 0 send 2 ok; 4-5 1 recv - 1"),
    ("full while there is room", 2, "0-1 0 send 1 ok; 2-3 0 try_send 2 would_block"),
    ("empty while there is one", 1, "0-1 0 send 1 ok; 2-3 1 try_recv - would_block"),
    ("lost", 1, "0-1 0 send 1 ok; 2-3 0 drop_sender - ok; 4-5 1 recv - disconnected"),
    ("no meeting", 0, "0-1 0 send 1 ok; 2-3 1 recv - 1"),
    ("two who only try have met", 0, "0-2 0 try_send 1 ok; 1-3 1 try_recv - 1"),
    ("the other side is there", 1, "0-1 0 send 1 disconnected"),
    ("the other side was gone", None, "0-1 1 drop_receiver - ok; 2-3 0 send 1 ok"),
    ("a try that waited", 1, "0-1 1 try_recv - timeout"),
    ("time over though one lay there", 1, "0-1 0 send 1 ok; 2-3 1 recv_timeout - timeout"),
    (
        "put back but not the next",
        None,
        "0-1 0 send 1 ok; 2-3 0 send 2 ok; 4-5 1 recv - 1; 6-7 1 put_back 1 ok; 8-9 1 recv - 2",
    ),
]


def cases(rows: list[tuple[str, int | None, str]]) -> list[Any]:
    return [pytest.param(capacity, text, id=name) for name, capacity, text in rows]


@pytest.mark.parametrize(("capacity", "text"), cases(EXPLAINED))
def test_an_order_is_found(capacity: int | None, text: str) -> None:
    history = calls(text)
    order = linearizability.find_order(history, Channel(capacity))
    assert order is not None
    assert Counter(order) == Counter(history)


@pytest.mark.parametrize(("capacity", "text"), cases(NOT_EXPLAINED))
def test_there_is_no_order(capacity: int | None, text: str) -> None:
    assert not linearizability.is_linearizable(calls(text), Channel(capacity))


# ---- what threads have done ------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded() -> list[tuple[list[Call], Channel]]:
    """Histories of real threads on the channels of csrc/core/sync, some thousands of them."""
    if not RUN.exists() or sys.platform == "win32":
        pytest.skip("run.py starts a POSIX compiler on the tests in C")
    if not any(shutil.which(name) for name in COMPILERS):
        pytest.skip("there is no C compiler here")
    done = subprocess.run(
        [sys.executable, str(RUN), "--only", "test_channel_histories::", "--show"],
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    lines = done.stdout.splitlines()
    return [linearizability.parse(line) for line in lines if line.startswith("{")]


def received(history: list[Call]) -> list[int]:
    """List the places of the calls that received a message."""
    return [i for i, call in enumerate(history) if isinstance(call.result, int)]


def broken(history: list[Call]) -> Iterator[list[Call]]:
    """Yield histories that cannot be: a message comes twice, or is overtaken."""
    places = received(history)
    if len(places) < 2 or any(call.operation == "put_back" for call in history):
        return
    first, second = places[0], places[-1]
    twice = list(history)
    twice[second] = twice[second]._replace(result=twice[first].result)
    yield twice
    one, other = history[first], history[second]
    assert isinstance(one.result, int)
    assert isinstance(other.result, int)
    if one.thread == other.thread and one.result // 100 == other.result // 100:  # of one sender
        swapped = list(history)
        swapped[first] = one._replace(result=other.result)
        swapped[second] = other._replace(result=one.result)
        yield swapped


def test_channels_are_linearizable(recorded: list[tuple[list[Call], Channel]]) -> None:
    assert len(recorded) >= 1000
    for history, channel in recorded:
        if not linearizability.is_linearizable(history, channel):
            pytest.fail(f"{channel.capacity}:\n{linearizability.describe(history)}")


def test_the_histories_say_much(recorded: list[tuple[list[Call], Channel]]) -> None:
    """Each operation has ended in each way, and threads were in each other's way."""
    ends = Counter(
        (call.operation, "message" if isinstance(call.result, int) else call.result)
        for history, _ in recorded
        for call in history
    )
    for operation in ("send", "try_send", "send_timeout", "put_back"):
        assert ends[operation, "ok"] > 0
    for operation in ("recv", "try_recv", "recv_timeout"):
        assert ends[operation, "message"] > 0
        assert ends[operation, "disconnected"] > 0
    for operation in ("try_send", "try_recv"):
        assert ends[operation, "would_block"] > 0
    overlapping = sum(
        any(
            one.thread != other.thread and one.invoked < other.invoked < one.returned
            for one in history
            for other in history
        )
        for history, _ in recorded
    )
    assert overlapping > len(recorded) / 10


def test_recorded_histories_that_are_broken_are_found_out(
    recorded: list[tuple[list[Call], Channel]],
) -> None:
    count = 0
    for history, channel in recorded:
        for wrong in broken(history):
            assert not linearizability.is_linearizable(wrong, channel), linearizability.describe(
                wrong
            )
            count += 1
    assert count > len(recorded) / 10
