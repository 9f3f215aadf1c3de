"""The errors of channels: texts, equality, patterns, pickles, and the value that comes back."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from pythread_rs import Err
from pythread_rs.sync import mpmc, mpsc
from pythread_rs.sync.mpmc import (
    RecvError,
    RecvTimeoutError,
    SendError,
    SendTimeoutError,
    TryRecvError,
    TrySendError,
)

# Each error with Rust's Debug and Display.
TEXTS: list[tuple[Exception, str, str]] = [
    (SendError(1), "SendError { .. }", "sending on a closed channel"),
    (TrySendError.Full(1), "TrySendError::Full(..)", "sending on a full channel"),
    (
        TrySendError.Disconnected(1),
        "TrySendError::Disconnected(..)",
        "sending on a closed channel",
    ),
    (
        SendTimeoutError.Timeout(1),
        "SendTimeoutError::Timeout(..)",  # Rust leaves the variant out
        "timed out waiting on send operation",
    ),
    (
        SendTimeoutError.Disconnected(1),
        "SendTimeoutError::Disconnected(..)",
        "sending on a disconnected channel",
    ),
    (RecvError(), "RecvError", "receiving on a closed channel"),
    (TryRecvError.Empty, "Empty", "receiving on an empty channel"),
    (TryRecvError.Disconnected, "Disconnected", "receiving on a closed channel"),
    (RecvTimeoutError.Timeout, "Timeout", "timed out waiting on channel"),
    (
        RecvTimeoutError.Disconnected,
        "Disconnected",
        "channel is empty and sending half is closed",
    ),
]
ERRORS = [error for error, *_ in TEXTS]
GIVING_BACK = [error for error in ERRORS if hasattr(error, "value")]

every_error = pytest.mark.parametrize(
    "error", ERRORS, ids=[type(error).__qualname__ for error in ERRORS]
)


@pytest.mark.parametrize(("error", "debug", "display"), TEXTS)
def test_texts_are_those_of_rust(error: Exception, debug: str, display: str) -> None:
    assert (repr(error), str(error)) == (debug, display)
    assert repr(Err(error)) == f"Err({debug})"


@every_error
def test_an_error_equals_those_of_its_variant_only(error: Any) -> None:
    same = type(error)(error.value) if hasattr(error, "value") else type(error)()
    assert same == error
    assert [other for other in ERRORS if other == error] == [error]
    assert error != object()
    if hasattr(error, "value"):
        assert type(error)(2) != error
        with pytest.raises(TypeError, match="unhashable"):
            hash(error)
    else:
        assert hash(same) == hash(error)


@every_error
def test_an_error_is_pickled_and_copied(error: Exception) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is type(error)
        assert twin == error
        assert str(twin) == str(error)


@every_error
def test_only_timeouts_are_timeout_errors(error: Exception) -> None:
    is_timeout = "timed out" in str(error)
    assert isinstance(error, TimeoutError) is is_timeout


@every_error
def test_an_error_can_be_raised(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        Err(error).unwrap_or_raise()
    assert caught.value is error


def test_the_errors_are_named_for_their_place() -> None:
    assert TrySendError.Full.__qualname__ == "TrySendError.Full"
    assert type(TryRecvError.Empty).__mro__[1] is TryRecvError
    assert mpsc.TrySendError is mpmc.TrySendError


def test_questions() -> None:
    assert TrySendError.Full(1).is_full()
    assert not TrySendError.Full(1).is_disconnected()
    assert TrySendError.Disconnected(1).is_disconnected()
    assert not TrySendError.Disconnected(1).is_full()
    assert SendTimeoutError.Timeout(1).is_timeout()
    assert not SendTimeoutError.Timeout(1).is_disconnected()
    assert SendTimeoutError.Disconnected(1).is_disconnected()
    assert not SendTimeoutError.Disconnected(1).is_timeout()
    assert TryRecvError.Empty.is_empty()
    assert not TryRecvError.Empty.is_disconnected()
    assert TryRecvError.Disconnected.is_disconnected()
    assert RecvTimeoutError.Timeout.is_timeout()
    assert not RecvTimeoutError.Disconnected.is_timeout()
    assert RecvTimeoutError.Disconnected.is_disconnected()


@pytest.mark.parametrize("error", GIVING_BACK, ids=[type(e).__qualname__ for e in GIVING_BACK])
def test_into_inner_gives_the_value_back(error: Any) -> None:
    assert error.into_inner() == error.value == 1


# -- In a `match`, as in Rust. ---------------------------------------------------------------------


def what_was_sent(result: Any) -> object:
    match result:
        case Err(TrySendError.Full(value)):
            return "full", value
        case Err(TrySendError.Disconnected(value)):
            return "closed", value
        case Err(SendTimeoutError.Timeout(value)):
            return "late", value
        case Err(SendTimeoutError.Disconnected(value)):
            return "closed in time", value
        case Err(SendError(value)):
            return "gone", value
    return result.unwrap()


def what_came(result: Any) -> object:
    match result:
        case Err(TryRecvError.Empty):
            return "empty"
        case Err(TryRecvError.Disconnected):
            return "over"
        case Err(RecvTimeoutError.Timeout):
            return "nothing in time"
        case Err(RecvTimeoutError.Disconnected):
            return "over in time"
        case Err(RecvError()):
            return "no sender"
    return result.unwrap()


def test_what_sends_return_is_matched() -> None:
    tx, rx = mpmc.sync_channel(1)
    assert what_was_sent(tx.try_send(1)) is None
    assert what_was_sent(tx.try_send(2)) == ("full", 2)
    assert what_was_sent(tx.send_timeout(3, 0)) == ("late", 3)
    rx.drop()
    assert what_was_sent(tx.try_send(4)) == ("closed", 4)
    assert what_was_sent(tx.send_timeout(5, 0)) == ("closed in time", 5)
    assert what_was_sent(tx.send(6)) == ("gone", 6)


def test_what_receives_return_is_matched() -> None:
    tx, rx = mpmc.channel()
    assert what_came(rx.try_recv()) == "empty"
    assert what_came(rx.recv_timeout(0)) == "nothing in time"
    tx.send(7).unwrap()
    tx.drop()
    assert what_came(rx.recv()) == 7
    assert what_came(rx.try_recv()) == "over"
    assert what_came(rx.recv_timeout(0)) == "over in time"
    assert what_came(rx.recv()) == "no sender"


@pytest.mark.parametrize("bound", [0, 1])
def test_the_value_that_comes_back_is_the_one_that_was_sent(bound: int) -> None:
    message = (bound, "a")
    tx, rx = mpmc.sync_channel(bound)
    if bound:
        tx.send(0).unwrap()
    assert tx.try_send(message).unwrap_err().value is message
    assert tx.send_timeout(message, 0).unwrap_err().value is message
    rx.drop()
    assert tx.try_send(message).unwrap_err().value is message
    assert tx.send_timeout(message, 0).unwrap_err().value is message
    assert tx.send(message).unwrap_err().value is message


def test_an_exception_that_was_sent_comes_back_inside_the_error() -> None:
    tx, rx = mpmc.channel()
    del rx
    assert isinstance(tx.send(ValueError("sent")).unwrap_err().value, ValueError)


def test_wrong_calls() -> None:
    tx, rx = mpmc.sync_channel(1)
    wrong: Any = tx
    receiver: Any = rx
    sync_channel: Any = mpmc.sync_channel
    for call in (
        wrong.send,
        wrong.try_send,
        lambda: wrong.send(1, 2),
        lambda: wrong.send(value=1),
        lambda: wrong.send(1, timeout=2),
        lambda: wrong.send(1, stop=3),
        lambda: wrong.try_send(1, stop=None),
        lambda: wrong.send_timeout(1),
        lambda: wrong.send_timeout(1, "soon"),
        lambda: wrong.send_deadline(1, "soon"),
        lambda: receiver.recv(1),
        lambda: receiver.recv(timeout=1),
        lambda: receiver.recv(stop=1),
        receiver.recv_timeout,
        lambda: receiver.recv_timeout(None),
        lambda: receiver.recv_deadline(None),
        lambda: sync_channel("1"),
        lambda: sync_channel(1.5),
        mpmc.Sender,
        mpmc.Receiver,
    ):
        with pytest.raises(TypeError):
            call()
    for bad in (
        lambda: rx.recv_timeout(-1),
        lambda: rx.recv_timeout(float("nan")),
        lambda: rx.recv_deadline(float("nan")),
        lambda: tx.send_timeout(1, -1),
        lambda: tx.send_deadline(1, float("nan")),
        lambda: mpmc.sync_channel(-1),
    ):
        with pytest.raises(ValueError, match=r"must|holds"):
            bad()
    assert rx.is_empty()
