"""The arrows of a trace: each joins what happened, and no other."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.trace.conftest import Joined, Trace, Traced

LINES = ["''", "'the hen that lays the egg'", "'the egg that makes the hen'"]
WORDS = "the hen that lays the egg the egg that makes the hen".split()


def in_order(arrows: list[Joined]) -> list[Joined]:
    return sorted(arrows, key=lambda arrow: arrow.sent)


def test_the_program_prints_what_it_prints_alone(pipeline: Traced) -> None:
    assert pipeline.process.returncode == 0, pipeline.process.stderr
    assert pipeline.process.stdout == "egg: 2\nhen: 2\nlays: 1\nmakes: 1\nthat: 2\nthe: 4\n"
    assert pipeline.process.stderr.startswith("trace: ")


def test_each_message_of_the_pipeline_has_its_arrow(pipeline: Traced) -> None:
    arrows = in_order(pipeline.arrows("message"))
    lines = [arrow for arrow in arrows if arrow.source == "main"]
    words = [arrow for arrow in arrows if arrow.source == "split #2"]
    assert [arrow.note for arrow in lines] == LINES
    assert {arrow.target for arrow in lines} == {"split #2"}
    assert [arrow.note for arrow in words] == [repr(word) for word in WORDS]
    assert {arrow.target for arrow in words} == {"count #3"}
    assert len(arrows) == len(lines) + len(words)


def test_messages_of_the_pipeline_are_received_in_order(pipeline: Traced) -> None:
    for source in ("main", "split #2"):
        arrows = [a for a in in_order(pipeline.arrows("message")) if a.source == source]
        assert [a.received for a in arrows] == sorted(a.received for a in arrows)
        assert all(a.sent < a.received for a in arrows)


def test_arrows_of_spawns_and_joins_of_the_pipeline(pipeline: Traced) -> None:
    spawns = [(arrow.source, arrow.target) for arrow in pipeline.arrows("spawn")]
    assert sorted(spawns) == [("main", "count #3"), ("main", "split #2")]
    # A thread that had ended was not waited for.
    joins = {(arrow.source, arrow.target) for arrow in pipeline.arrows("join")}
    assert joins <= {("count #3", "main"), ("split #2", "main")}


# Each receiver tells what it got, and from whom: all messages are equal, so that only their
# arrows know which came from where.
MANY_TO_MANY = """
    import json, sys
    from pythread_rs import Builder, move
    from pythread_rs.sync import mpmc

    tx, rx = mpmc.sync_channel(2)

    def produce(tx, n):
        for _ in range(n):
            tx.send(7).unwrap()

    def consume(rx):
        return sum(1 for _ in rx)

    producers = [
        Builder(name=f"producer {i}").spawn(produce, tx.clone(), 30 + i) for i in range(3)
    ]
    consumers = [Builder(name=f"consumer {i}").spawn(consume, rx.clone()) for i in range(3)]
    del tx, rx
    for handle in producers:
        handle.join().unwrap()
    print(json.dumps({handle.thread.name: handle.join().unwrap() for handle in consumers}))
"""


def test_equal_messages_of_many_threads_keep_apart(trace: Trace) -> None:
    traced = trace(MANY_TO_MANY)
    arrows = traced.arrows("message")
    received = Counter(arrow.target for arrow in arrows)
    assert received == Counter(json.loads(traced.process.stdout))
    sent = Counter(arrow.source for arrow in arrows)
    assert sent == {"producer 0": 30, "producer 1": 31, "producer 2": 32}


# Every way to send and to receive; what each receiver saw is printed.
EVERY_WAY = """
    import asyncio, time
    from pythread_rs import Err, Ok, spawn, move
    from pythread_rs.sync import mpsc, mpmc, oneshot, select

    def main():
        tx, rx = mpmc.sync_channel(20)
        assert tx.send("send") == Ok(None)
        assert tx.try_send("try_send") == Ok(None)
        assert tx.send_timeout("send_timeout", 1) == Ok(None)
        assert tx.send_deadline("send_deadline", time.monotonic() + 1) == Ok(None)
        assert select(tx.sending("sending")) == (0, Ok(None))
        assert asyncio.run(send(tx)) == Ok(None)
        for name in ("next", "__next__", "try_iter", "recv_async", "select", "select again"):
            tx.send(name).unwrap()
        got = [rx.recv().unwrap(), rx.try_recv().unwrap(), rx.recv_timeout(1).unwrap()]
        got += [rx.recv_deadline(time.monotonic() + 1).unwrap(), next(iter(rx)), next(rx)]
        got += [rx.iter().__next__(), rx.__next__(), next(rx.try_iter())]
        got += [asyncio.run(receive(rx)), select(rx)[1].unwrap(), select(rx)[1].unwrap()]
        once, answer = oneshot.channel()
        once.send("oneshot")
        got.append(answer.recv().unwrap())
        waiting, late = mpsc.sync_channel(0)
        handle = spawn(move(lambda: waiting.send("rendezvous")))
        got.append(late.recv().unwrap())
        handle.join()
        assert all(type(name) is str for name in got), got
        print(got)

    async def send(tx):
        return await tx.send_async("send_async")

    async def receive(rx):
        return (await rx.recv_async()).unwrap()

    main()
"""


def test_every_way_to_send_and_to_receive_is_followed(trace: Trace) -> None:
    traced = trace(EVERY_WAY)
    assert traced.process.returncode == 0, traced.process.stderr
    seen: list[str] = json.loads(traced.process.stdout.replace("'", '"'))
    assert len(seen) == 14
    arrows = sorted(traced.arrows("message"), key=lambda arrow: arrow.received)
    assert [arrow.note for arrow in arrows] == [repr(name) for name in seen]


# A value that could not be sent comes back as it went in, wherever it comes back.
GIVEN_BACK = """
    from pythread_rs.sync import StopToken, mpsc, select
    from pythread_rs.sync import Stopped

    def main():
        tx, rx = mpsc.sync_channel(1)
        tx.send([0]).unwrap()
        print(tx.try_send([1]).unwrap_err().value)
        print(tx.send_timeout([2], 0).unwrap_err().value)
        print(tx.sending([3]).into_inner())
        token = StopToken()
        token.stop()
        try:
            tx.send([4], stop=token)
        except Stopped as stopped:
            print(stopped.unsent)
        try:
            tx.send([5], stop=1)
        except TypeError as error:
            print(type(error).__name__)
        for wrong in (lambda: tx.send(), lambda: tx.send(6, 7), lambda: tx.send_timeout(8, -1)):
            try:
                wrong()
            except (TypeError, ValueError) as error:
                print(type(error).__name__)
        del rx
        print(tx.send([9]).unwrap_err().value)

    main()
"""


def test_what_was_not_sent_comes_back_as_it_was(trace: Trace) -> None:
    traced = trace(GIVEN_BACK)
    expected = "[1] [2] [3] [4] TypeError TypeError TypeError ValueError [9]"
    assert traced.process.stdout.split("\n")[:-1] == expected.split(), traced.process.stderr
    assert traced.arrows("message") == []


REFUSED = """
    from pythread_rs.ownership import OwnershipError
    from pythread_rs.sync import mpsc

    def main():
        tx, rx = mpsc.channel()
        data = [1]
        try:
            tx.send(data)
        except OwnershipError as error:
            print(type(error).__name__)
        print(data)
        other = [2]
        tx.send(other)
        print(rx.recv().unwrap())
        held = [3]
        alias = [held]
        try:
            tx.send(held)
        except OwnershipError as error:
            print(type(error).__name__)
        print(alias)

    main()
"""


def test_ownership_is_checked_as_ever(trace: Trace) -> None:
    output = trace(REFUSED).process.stdout
    assert output == "UseAfterMoveError\n[1]\n[2]\nBorrowError\n[[3]]\n"


SCOPE = """
    from pythread_rs import thread

    def wait(barrier):
        barrier.wait()
        thread.sleep(0.05)

    from pythread_rs.sync import Barrier
    barrier = Barrier(2)
    with thread.scope() as scope:
        scope.spawn(wait, barrier)
        barrier.wait()
"""


def test_the_end_of_a_scope_is_joined_with_the_end_of_its_thread(trace: Trace) -> None:
    traced = trace(SCOPE)
    assert traced.process.returncode == 0, traced.process.stderr
    (arrow,) = traced.arrows("join")
    assert (arrow.source, arrow.target) == ("wait #2", "main")
    (wait,) = traced.slices("wait: join", "main")
    assert arrow.received == pytest.approx(wait["ts"] + wait["dur"], abs=0.01)


PARKING = """
    import time
    from pythread_rs import Builder, park, thread
    from pythread_rs.sync import mpsc

    def sleeper(tx):
        tx.send(None)
        park()
        tx.send(None)
        park()

    tx, rx = mpsc.channel()
    handle = Builder(name="sleeper").spawn(sleeper, tx)
    rx.recv()
    handle.thread.unpark()  # FIRST
    rx.recv()
    handle.thread.unpark()  # SECOND
    handle.thread.unpark()
    handle.join()
"""


def test_an_unpark_has_an_arrow_to_the_park_that_it_ended(trace: Trace) -> None:
    traced = trace(PARKING)
    arrows = in_order(traced.arrows("unpark"))
    assert [(arrow.source, arrow.target) for arrow in arrows] == [("main", "sleeper")] * 2
    calls = traced.slices("unpark", "main")
    assert [arrow.sent for arrow in arrows] == [call["ts"] for call in calls[:2]]
    parks = traced.slices("park", "sleeper")
    assert len(parks) == 2
    for arrow, one in zip(arrows, parks, strict=True):
        assert one["ts"] <= arrow.received <= one["ts"] + one["dur"]


def test_both_ends_of_an_arrow_lie_in_a_slice_of_their_thread(pipeline: Traced) -> None:
    slices = [record for record in pipeline.records if record["ph"] == "X"]
    wanted = {"message": ("send", "recv"), "spawn": ("spawn", "run")}
    for record in pipeline.records:
        if record["ph"] not in "sf" or record["cat"] not in wanted:
            continue
        name = wanted[record["cat"]][record["ph"] == "f"]
        assert any(
            one["tid"] == record["tid"]
            and one["name"] == name
            and one["ts"] <= record["ts"] <= one["ts"] + one["dur"]
            for one in slices
        ), record


@pytest.mark.parametrize("key", ["pid", "tid", "ph", "name"])
def test_every_event_has_what_the_format_asks_for(pipeline: Traced, key: str) -> None:
    assert all(key in record for record in pipeline.records)
    assert {record["ph"] for record in pipeline.records} <= set("MXisf")
    assert all("ts" in record for record in pipeline.records if record["ph"] != "M")
    assert all(record["dur"] >= 0 for record in pipeline.records if record["ph"] == "X")
