"""Child of the channel tests: Ctrl-C, forks and the exit while threads wait on channels.

usage: channel_cases.py CASE
"""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import signal
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

SECONDS = 20.0  # a deadline; nothing should come near it
late: list[Any] = []  # what runs when the exit gate has closed


def run_late() -> None:
    try:
        for check in late:
            check()
    except BaseException as error:
        import traceback

        traceback.print_exception(error)
        os._exit(1)


atexit.register(run_late)  # callbacks run last in, first out: this one after the package's

from pythread_rs import Builder, Err, JoinHandle, Ok, _ffi  # noqa: E402
from pythread_rs.sync import mpmc, mpsc  # noqa: E402
from pythread_rs.sync.mpsc import RecvError, SendError, TryRecvError, TrySendError  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked


def blocked(call: Callable[..., Any], *args: Any) -> JoinHandle[Any]:
    """Start a thread with a call, and go on when a wait has gone to sleep."""
    parks = _ffi.statistics()["parks"]
    handle = spawn(call, *args)
    deadline = time.monotonic() + SECONDS
    while _ffi.statistics()["parks"] == parks:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return handle


# -- Ctrl-C. ---------------------------------------------------------------------------------------


class Interrupts:
    """A handler that raises when it may, and a thread that sends signals at random moments."""

    def __init__(self) -> None:
        self.armed = False
        self.raised = 0
        self.over = threading.Event()
        signal.signal(signal.SIGINT, self.on_signal)
        self.thread = threading.Thread(target=self.send)
        self.thread.start()

    def on_signal(self, number: int, frame: object) -> None:
        if self.armed:
            self.armed = False
            self.raised += 1
            raise KeyboardInterrupt

    def send(self) -> None:
        rng = random.Random(1)
        while not self.over.is_set():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(rng.random() * 0.0005)

    def stop(self) -> None:
        self.over.set()
        self.thread.join(SECONDS)
        assert self.raised, "the test has tested nothing"


def receive_interrupted(tx: Any, rx: Any, count: int) -> list[int]:
    """Receive while interrupts come. `extend` is C: what `next` has returned, it has."""
    received: list[int] = []

    def send() -> None:
        rng = random.Random(2)
        for number in range(count):
            tx.send(number).unwrap()
            if rng.random() < 0.5:
                time.sleep(0.0001)
        tx.drop()

    interrupts = Interrupts()
    handle = spawn(send)
    while True:
        try:
            interrupts.armed = True
            received.extend(rx)
            interrupts.armed = False
            break
        except KeyboardInterrupt:
            pass
    interrupts.stop()
    assert handle.join(SECONDS) == Ok(None)
    return received


def case_a_message_that_comes_with_an_interrupt_is_not_lost() -> None:
    for tx, rx in (mpsc.channel(), mpsc.sync_channel(1), mpsc.sync_channel(0)):
        assert receive_interrupted(tx, rx, 1000) == list(range(1000))


def case_an_interrupted_send_has_sent_once_or_not_at_all() -> None:
    for tx, rx in (mpsc.sync_channel(1), mpsc.sync_channel(0)):
        handle = spawn(lambda rx=rx: [message for message in rx if time.sleep(0.0001) is None])
        interrupts = Interrupts()
        done: list[int] = []
        for number in range(1000):
            with contextlib.suppress(KeyboardInterrupt):
                interrupts.armed = True
                outcome = tx.send(number)
                interrupts.armed = False
                assert outcome == Ok(None)
                done.append(number)
        interrupts.stop()
        tx.drop()
        received = handle.join(SECONDS).unwrap()
        assert received == sorted(set(received)), "a message came twice, or out of order"
        assert set(done) <= set(received)


def case_what_a_handler_does_with_the_channel_that_is_waited_on() -> None:
    tx, rx = mpmc.channel()
    signal.signal(signal.SIGALRM, lambda *_: tx.send("from the handler").unwrap())
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    assert rx.recv() == Ok("from the handler")
    signal.signal(signal.SIGALRM, lambda *_: tx.drop())
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    assert rx.recv() == Err(RecvError())


def case_a_handler_receives_from_the_channel_that_is_waited_on() -> None:
    tx, rx = mpmc.channel()
    seen: list[Any] = []
    signal.signal(signal.SIGALRM, lambda *_: seen.append((tx.send(1), tx.send(2), rx.recv())))
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    assert rx.recv() == Ok(1), "the wait came first, and so it is served first"
    assert seen == [(Ok(None), Ok(None), Ok(2))]


# -- Fork. -----------------------------------------------------------------------------------------


def in_child(check: Callable[[], object]) -> None:
    """Run a check in a child, which must end well."""
    warnings.simplefilter("ignore", DeprecationWarning)  # other threads run: that is the case
    pid = os.fork()
    if pid == 0:
        status = 99
        try:
            check()
            status = 0
        except BaseException as error:
            import traceback

            traceback.print_exception(error)
        finally:
            sys.stderr.flush()
            os._exit(status)
    deadline = time.monotonic() + SECONDS
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGABRT)
            os.waitpid(pid, 0)
            raise AssertionError(f"child {pid} hangs")
        time.sleep(0.001)


def case_a_child_hands_no_message_to_receivers_of_its_parent() -> None:
    for tx, rx in (mpmc.channel(), mpmc.sync_channel(1), mpmc.sync_channel(0)):
        handles = [blocked(rx.recv) for _ in range(3)]

        def check(tx: Any = tx, rx: Any = rx) -> None:
            if rx.capacity == 0:
                assert tx.try_send(1) == Err(TrySendError.Full(1))
            else:
                assert tx.try_send(1) == Ok(None)
                assert rx.recv() == Ok(1)
            handle = spawn(rx.recv)
            tx.send(2).unwrap()
            assert handle.join(SECONDS) == Ok(Ok(2))
            tx.drop()
            assert rx.recv() == Err(RecvError())

        in_child(check)
        for number in range(3):
            tx.send(number).unwrap()
        # Which of the three gets which message is nobody's promise.
        received = [h.join(SECONDS).unwrap().unwrap() for h in handles]
        assert sorted(received) == [0, 1, 2]


def case_a_child_gets_no_message_of_senders_of_its_parent() -> None:
    for bound in (0, 1):
        tx, rx = mpmc.sync_channel(bound)
        for number in range(bound):
            tx.send(number).unwrap()
        handles = [blocked(tx.send, bound + number) for number in range(3)]

        def check(tx: Any = tx, rx: Any = rx, bound: int = bound) -> None:
            assert list(rx.try_iter()) == list(range(bound))
            assert rx.try_recv() == Err(TryRecvError.Empty)
            handle = spawn(tx.send, 7)
            assert rx.recv() == Ok(7)
            assert handle.join(SECONDS) == Ok(Ok(None))
            rx.drop()
            assert tx.send(1) == Err(SendError(1))

        in_child(check)
        received = [rx.recv().unwrap() for _ in range(bound + 3)]
        assert sorted(received) == list(range(bound + 3))
        assert [h.join(SECONDS) for h in handles] == [Ok(Ok(None))] * 3


def case_a_child_has_what_was_in_the_channel() -> None:
    tx, rx = mpsc.channel()
    for number in range(100):
        tx.send(number).unwrap()

    def check() -> None:
        tx.drop()
        assert list(rx) == list(range(100))

    in_child(check)
    check()


def case_a_handler_that_forks_while_its_thread_receives() -> None:
    """In the child the wait begins anew; nobody of the parent knows it."""
    tx, rx = mpmc.channel()
    mine: list[int] = []

    def fork(*_: object) -> None:
        mine.append(os.fork())
        if mine[0] == 0:
            signal.signal(signal.SIGALRM, lambda *_: tx.send("child").unwrap())
            signal.setitimer(signal.ITIMER_REAL, 0.02)
        else:
            tx.send("parent").unwrap()

    signal.signal(signal.SIGALRM, fork)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    outcome = rx.recv()
    if mine[0] == 0:
        os._exit(0 if outcome == Ok("child") else 1)
    assert outcome == Ok("parent")
    assert os.waitstatus_to_exitcode(os.waitpid(mine[0], 0)[1]) == 0


def case_a_handler_that_forks_while_its_thread_sends() -> None:
    tx, rx = mpmc.sync_channel(0)
    mine: list[int] = []

    def fork(*_: object) -> None:
        mine.append(os.fork())
        if mine[0] == 0:
            spawn(lambda: received.append(rx.recv()))
        else:
            assert rx.recv() == Ok("message")

    received: list[Any] = []
    signal.signal(signal.SIGALRM, fork)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    assert tx.send("message") == Ok(None)
    if mine[0] == 0:
        deadline = time.monotonic() + SECONDS
        while not received and time.monotonic() < deadline:
            time.sleep(0.001)
        os._exit(0 if received == [Ok("message")] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(mine[0], 0)[1]) == 0


# -- The exit. -------------------------------------------------------------------------------------


def raises(call: Callable[[], object]) -> None:
    try:
        outcome = call()
    except RuntimeError as error:
        assert str(error) == "cannot wait: the interpreter is exiting", error
    else:
        raise AssertionError(f"no RuntimeError, but {outcome!r}")


def case_after_the_gate_what_would_wait_is_refused() -> None:
    empty_tx, empty_rx = mpmc.channel()
    full_tx, full_rx = mpmc.sync_channel(1)
    full_tx.send(0).unwrap()
    nobody_tx, nobody_rx = mpmc.sync_channel(0)

    def check() -> None:
        raises(empty_rx.recv)
        raises(lambda: empty_rx.recv_timeout(SECONDS))
        raises(lambda: next(empty_rx))
        raises(lambda: full_tx.send(1))
        raises(lambda: full_tx.send_timeout(1, SECONDS))
        raises(lambda: nobody_tx.send(1))
        raises(nobody_rx.recv)
        assert (empty_tx.len(), full_rx.len()) == (0, 1)

    late.append(check)


def case_after_the_gate_what_need_not_wait_works() -> None:
    tx, rx = mpmc.sync_channel(2)

    def check() -> None:
        assert rx.try_recv() == Err(TryRecvError.Empty)
        assert [tx.send(1), tx.try_send(2)] == [Ok(None), Ok(None)]
        assert tx.try_send(3) == Err(TrySendError.Full(3))
        assert [rx.recv(), next(rx)] == [Ok(1), 2]
        tx.send(4).unwrap()
        tx.drop()
        assert list(rx) == [4]
        assert rx.recv() == Err(RecvError())

    late.append(check)


def case_after_the_gate_who_waits_already_is_served() -> None:
    tx, rx = mpmc.channel()
    handle = blocked(rx.recv)

    def check() -> None:
        tx.send(1).unwrap()
        assert handle.join(SECONDS) == Ok(Ok(1))

    late.append(check)


def case_a_destructor_at_finalization_gets_an_answer() -> None:
    class Late:
        def __init__(self) -> None:
            self.tx, self.rx = mpmc.sync_channel(1)
            self.waits = blocked(self.rx.recv)

        def __del__(self, raises: Any = raises) -> None:
            self.tx.send(1)
            self.tx.try_send(2)
            raises(lambda: self.tx.send(3))

    sys.modules["late"] = Late()  # type: ignore[assignment]


if __name__ == "__main__":
    globals()[f"case_{sys.argv[1]}"]()
