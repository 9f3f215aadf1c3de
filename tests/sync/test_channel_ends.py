"""The ends of channels as Python objects: their life, cycles, copies, iterators and kinds."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, Err, JoinHandle, Ok, UseAfterMoveError, _ffi, move
from pythread_rs import spawn as checked_spawn
from pythread_rs.sync import mpmc, mpsc
from pythread_rs.sync.mpsc import RecvError, SendError, TryRecvError, TrySendError

if TYPE_CHECKING:
    from collections.abc import Callable

    Blocked = Callable[..., JoinHandle[Any]]

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 10.0  # a deadline; nothing should come near it


class Message:
    """Something that a weak reference can point to."""

    __thread_send__ = "sync"  # it holds nothing


def message_in(tx: Any) -> weakref.ref[Message]:
    """Send a message that nobody else holds; return how to see whether it is still there."""
    message = Message()
    watch = weakref.ref(message)
    tx.send(message).unwrap()
    del message
    return watch


# -- A message is dropped once. --------------------------------------------------------------------


def test_a_message_goes_with_its_receiver(buffer: Any) -> None:
    tx, rx = buffer.mpsc()
    watch = message_in(tx)
    assert watch() is not None
    rx.drop()
    assert watch() is None
    assert tx.is_disconnected()


def test_a_message_goes_with_the_last_receiver_only(buffer: Any) -> None:
    tx, rx = buffer.mpmc()
    other = rx.clone()
    watch = message_in(tx)
    rx.drop()
    assert watch() is not None
    del other
    assert watch() is None


def test_a_message_stays_when_its_sender_goes(buffer: Any) -> None:
    tx, rx = buffer.mpsc()
    watch = message_in(tx)
    del tx
    assert watch() is not None
    received = rx.recv()
    assert received.unwrap() is watch()
    del received
    assert watch() is None


def test_a_received_message_is_not_held_by_the_channel(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    handle = spawn(message_in, tx)
    received = rx.recv()
    watch = handle.join(SECONDS).unwrap()
    assert received.unwrap() is watch()
    del received
    assert watch() is None


def test_a_message_that_was_offered_in_vain_is_not_held(full: Any) -> None:
    tx, _rx = full.mpsc()
    for number in range(full.bound):
        tx.send(number).unwrap()
    message = Message()
    watch = weakref.ref(message)
    assert tx.try_send(message).is_err()
    assert tx.send_timeout(message, 0.001).is_err()
    del message
    assert watch() is None


def test_messages_of_senders_that_wait_come_back_when_the_receiver_goes(
    full: Any, blocked: Blocked
) -> None:
    tx, rx = full.mpsc()
    for number in range(full.bound):
        tx.send(number).unwrap()
    handles = [blocked(tx.send, number) for number in (7, 8, 9)]
    rx.drop()
    assert [h.join(SECONDS) for h in handles] == [Ok(Err(SendError(n))) for n in (7, 8, 9)]


def test_a_large_channel_lets_its_memory_go() -> None:
    tx, rx = mpmc.channel()
    for round_number in range(3):
        for number in range(10_000):
            tx.send(number).unwrap()
        assert rx.len() == 10_000
        assert list(rx.try_iter()) == list(range(10_000)), round_number
        assert rx.is_empty()


def test_the_ring_keeps_the_order_when_it_turns_and_grows() -> None:
    tx, rx = mpsc.channel()
    sent = received = 0
    for burst in range(1, 80):
        for _ in range(burst):
            tx.send(sent).unwrap()
            sent += 1
        for _ in range(burst // 2):
            assert rx.recv() == Ok(received)
            received += 1
    assert list(rx.try_iter()) == list(range(received, sent))


# -- Cycles. ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["receiver", "both", "sender and receiver in a tuple"])
def test_a_channel_that_holds_its_own_ends_is_collected(what: str, buffer: Any) -> None:
    tx, rx = buffer.mpmc()
    message = Message()
    watch = weakref.ref(message)
    if what == "receiver":
        tx.send((rx.clone(), message)).unwrap()
    elif what == "both" and buffer.bound != 1:
        tx.send((rx.clone(), message)).unwrap()
        tx.send(tx.clone()).unwrap()
    else:
        tx.send((tx.clone(), rx.clone(), message)).unwrap()
    del tx, rx, message
    assert watch() is not None
    gc.collect()
    assert watch() is None


def test_a_channel_that_holds_its_own_sender_goes_with_its_receiver(buffer: Any) -> None:
    tx, rx = buffer.mpsc()
    message = Message()
    watch = weakref.ref(message)
    tx.send((tx.clone(), message)).unwrap()
    del tx, rx, message
    assert watch() is None


def test_two_channels_that_hold_each_other_are_collected(buffer: Any) -> None:
    (tx1, rx1), (tx2, rx2) = buffer.mpmc(), buffer.mpmc()
    message = Message()
    watch = weakref.ref(message)
    tx1.send((rx2.clone(), message)).unwrap()
    tx2.send((rx1.clone(), message)).unwrap()
    del tx1, rx1, tx2, rx2, message
    assert watch() is not None
    gc.collect()
    assert watch() is None


def test_a_cycle_through_an_end_that_is_waited_on_stays(blocked: Blocked) -> None:
    """The thread that waits holds its receiver, whatever the collector does."""
    tx, rx = mpmc.channel()
    handle = blocked(rx.recv)
    del rx
    gc.collect()
    tx.send(1).unwrap()
    assert handle.join(SECONDS) == Ok(Ok(1))


def test_a_long_chain_of_channels_in_channels_goes() -> None:
    """Each holds the receiver of the next: taking it apart is no recursion."""
    rx: Any = None
    for _ in range(100_000):
        tx, following = mpsc.channel()
        tx.send(rx).unwrap()
        rx = following
        del following, tx
    del rx


# -- drop() and del. -------------------------------------------------------------------------------


def test_drop_is_del_while_others_have_a_name(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    name = tx
    tx.drop()
    assert rx.try_recv() == Err(TryRecvError.Disconnected)
    assert rx.is_disconnected()
    name.drop()  # twice does nothing
    assert rx.recv() == Err(RecvError())


def test_each_sender_counts_once(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    others = [tx.clone() for _ in range(3)]
    for number in range(6):
        others[number // 2].drop()
    others.clear()
    assert rx.try_recv() == Err(TryRecvError.Empty)
    tx.drop()
    del tx
    assert rx.try_recv() == Err(TryRecvError.Disconnected)


def test_each_receiver_counts_once(flavor: Any) -> None:
    tx, rx = flavor.mpmc()
    others = [rx.clone() for _ in range(3)]
    for number in range(6):
        others[number // 2].drop()
    others.clear()
    assert not tx.is_disconnected()
    rx.drop()
    assert tx.is_disconnected()


def test_a_dropped_end_is_refused(flavor: Any) -> None:
    tx, rx = flavor.mpmc()
    tx.drop()
    rx.drop()
    senders: list[Callable[[], object]] = [
        lambda: tx.send(1),
        lambda: tx.try_send(1),
        lambda: tx.send_timeout(1, 0),
        lambda: tx.send_deadline(1, 0.0),
        tx.clone,
    ]
    receivers: list[Callable[[], object]] = [
        rx.recv,
        rx.try_recv,
        lambda: rx.recv_timeout(0),
        lambda: rx.recv_deadline(0.0),
        rx.clone,
        lambda: next(rx),
        lambda: next(rx.iter()),
        lambda: next(rx.try_iter()),
    ]
    for calls, name in ((senders, "Sender"), (receivers, "Receiver")):
        for call in calls:
            with pytest.raises(UseAfterMoveError, match=f"E0382.*`{name}` was dropped"):
                call()
    assert (repr(tx), repr(rx)) == ("Sender { .. }", "Receiver { .. }")


def test_drop_of_a_receiver_that_others_wait_on_ends_their_wait(
    flavor: Any, blocked: Blocked
) -> None:
    """Nothing will come to it any more, so nobody may wait for ever."""
    tx, rx = flavor.mpmc()
    handle = blocked(rx.recv)
    rx.drop()
    assert handle.join(SECONDS) == Ok(Err(RecvError()))
    assert tx.is_disconnected()


def test_drop_of_a_sender_that_others_send_with_lets_them_finish(
    full: Any, blocked: Blocked
) -> None:
    tx, rx = full.mpsc()
    for number in range(full.bound):
        tx.send(number).unwrap()
    handle = blocked(tx.send, full.bound)
    tx.drop()
    assert list(rx) == list(range(full.bound + 1))
    assert handle.join(SECONDS) == Ok(Ok(None))


# -- What an end is not. ---------------------------------------------------------------------------


def ends() -> list[Any]:
    tx, rx = mpsc.channel()
    sync_tx, _ = mpsc.sync_channel(1)
    return [tx, rx, sync_tx, *mpmc.channel()]


@pytest.mark.parametrize("end", ends(), ids=repr)
def test_an_end_is_neither_copied_nor_pickled(end: Any) -> None:
    for refused in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"cannot be copied: (use `.clone\(\)`|it belongs)"):
            refused(end)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="cannot pickle a"):
            pickle.dumps(end, protocol)


@pytest.mark.parametrize("end", ends(), ids=repr)
def test_an_end_has_no_length_and_is_true(end: Any) -> None:
    with pytest.raises(TypeError, match="has no len"):
        len(end)
    assert bool(end)
    assert end == end
    assert end != ends()[0]
    assert len({end, end}) == 1
    with pytest.raises(AttributeError):
        end.name = 1


@pytest.mark.parametrize("end", ends(), ids=repr)
def test_a_class_of_ends_cannot_be_called(end: Any) -> None:
    with pytest.raises(TypeError, match="comes from channel"):
        type(end)()


def test_a_receiver_of_mpsc_cannot_be_cloned() -> None:
    _, rx = mpsc.channel()
    assert not hasattr(rx, "clone")
    assert [type(end).__name__ for end in mpsc.sync_channel(1)] == ["SyncSender", "Receiver"]
    assert [type(end).__name__ for end in mpmc.sync_channel(1)] == ["Sender", "Receiver"]


def test_the_classes_are_generic() -> None:
    for cls in (mpsc.Sender, mpsc.SyncSender, mpsc.Receiver, mpmc.Sender, mpmc.Receiver):
        kind: Any = cls
        assert kind[int].__args__ == (int,)


# -- Iterators. ------------------------------------------------------------------------------------


def test_every_iterator_ends_and_stays_at_its_end(buffer: Any) -> None:
    for iterate in (iter, lambda rx: rx.iter(), lambda rx: rx.try_iter()):
        tx, rx = buffer.mpmc()
        tx.send(1).unwrap()
        tx.drop()
        messages = iterate(rx)
        assert iter(messages) is messages
        assert [next(messages), next(messages, None), next(messages, None)] == [1, None, None]


def test_try_iter_goes_on_when_there_is_more(buffer: Any) -> None:
    tx, rx = buffer.mpsc()
    messages = rx.try_iter()
    assert next(messages, None) is None
    tx.send(1).unwrap()
    assert list(messages) == [1]
    assert repr(messages) == "TryIter { .. }"
    assert repr(rx.iter()) == "Iter { .. }"


def test_a_loop_over_the_receiver_waits(flavor: Any, blocked: Blocked) -> None:
    tx, rx = flavor.mpsc()
    handle = blocked(lambda: [2 * message for message in rx])
    for number in range(5):
        tx.send(number).unwrap()
    tx.drop()
    assert handle.join(SECONDS) == Ok([0, 2, 4, 6, 8])


def test_next_of_the_receiver(buffer: Any) -> None:
    tx, rx = buffer.mpsc()
    tx.send(None).unwrap()
    assert next(rx) is None
    tx.drop()
    with pytest.raises(StopIteration):
        next(rx)


# -- Kinds. ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", [mpsc, mpmc], ids=lambda module: module.__name__)
def test_a_captured_end_is_moved_out_of_its_variable(module: Any) -> None:
    def main() -> Any:
        tx, rx = module.channel()
        handle = checked_spawn(move(lambda: tx.send(1).unwrap()))
        received = rx.recv()
        handle.join(SECONDS).unwrap()
        return received, rx.recv()

    assert main() == (Ok(1), Err(RecvError()))


def test_an_end_that_is_used_later_is_not_moved() -> None:
    def main() -> Any:
        tx, rx = mpsc.channel()
        handle = checked_spawn(move(lambda: tx.send(1).unwrap()))
        tx.send(2).unwrap()
        return rx, handle

    with pytest.raises(UseAfterMoveError, match="E0382"):
        main()


def send_one(tx: Any, number: int) -> None:
    tx.send(number).unwrap()


def test_clones_are_what_several_threads_get() -> None:
    def main() -> list[int]:
        tx, rx = mpsc.channel()
        for number in range(5):
            checked_spawn(send_one, tx.clone(), number)
        del tx
        return sorted(rx)

    assert main() == [0, 1, 2, 3, 4]


def test_an_end_is_an_argument_that_moves() -> None:
    def main() -> Any:
        tx, rx = mpsc.sync_channel(0)
        handle = checked_spawn(list, rx)
        tx.send(1).unwrap()
        del tx
        return handle.join(SECONDS)

    assert main() == Ok([1])


# -- Waits. ----------------------------------------------------------------------------------------


def test_waits_are_counted_and_let_others_run(flavor: Any) -> None:
    parks = _ffi.statistics()["parks"]
    tx, rx = flavor.mpsc()
    handle = spawn(sum, range(100_000))
    assert rx.recv_timeout(0.01).is_err()
    assert _ffi.statistics()["parks"] > parks
    assert handle.join(SECONDS) == Ok(4_999_950_000)
    assert not tx.is_disconnected()


def test_what_needs_no_wait_is_no_wait(buffer: Any) -> None:
    tx, rx = buffer.mpsc()
    tx.send(0).unwrap()
    assert rx.recv() == Ok(0)  # whatever is to be set up, is
    parks = _ffi.statistics()["parks"]
    for number in range(100):
        tx.send(number).unwrap()
        rx.recv().unwrap()
        rx.try_recv()
    assert _ffi.statistics()["parks"] - parks < 10  # other threads may go to sleep meanwhile


# -- Small things. ---------------------------------------------------------------------------------


def test_timeouts_are_seconds_or_a_timedelta(buffer: Any) -> None:
    tx, rx = buffer.mpmc()
    tx.send_timeout(1, timedelta(seconds=1)).unwrap()
    assert rx.recv_timeout(timedelta(milliseconds=1)) == Ok(1)
    assert rx.recv_timeout(timedelta(0)).is_err()
    assert rx.recv_timeout(0).is_err()


def test_an_int_subclass_and_a_bool_are_bounds() -> None:
    tx, _rx = mpmc.sync_channel(True)
    assert tx.capacity == 1
    assert tx.try_send(None) == Ok(None)
    assert tx.try_send(None) == Err(TrySendError.Full(None))


def test_a_bound_that_no_machine_has_is_as_good_as_none() -> None:
    tx, rx = mpmc.sync_channel(2**62)
    assert tx.capacity == 2**62
    tx.send(1).unwrap()
    assert rx.recv() == Ok(1)


def test_ok_of_a_send_is_ok_of_none() -> None:
    tx, rx = mpsc.channel()
    outcome = tx.send(1)
    assert outcome.unwrap() is None
    assert isinstance(outcome, Ok)
    assert rx.recv().unwrap() == 1
