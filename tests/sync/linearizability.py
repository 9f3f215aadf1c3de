"""Judge what concurrent calls of one channel returned: is there an order that explains it?

A history is what a few threads called and were told, each call with the moment before it and
the moment after it. It is linearizable when the calls can be put into one order that

- keeps two calls in their order when one had returned before the other was invoked, and
- makes a channel that does one call at a time say exactly what these calls were told.

The search is Wing and Gong's, with the memory of states that Lowe added: take a call that may
come first, as no other had returned before it began; try it on the model; go on with the rest;
come back when nothing fits. A set of calls that are done, together with the state of the model,
is looked at once only.

In a rendezvous, a message is sent and received in one and the same step, so a send and a recv
must overlap. The model names such pairs, and the search takes both calls at once.

To judge another object, write its model: three methods, see `Model`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

State = TypeVar("State")

OK: Final = "ok"
WOULD_BLOCK: Final = "would_block"  # Full, or Empty
DISCONNECTED: Final = "disconnected"
TIMEOUT: Final = "timeout"


class Call(NamedTuple):
    """One call of a history."""

    thread: int
    operation: str
    argument: object
    result: object  # one of the words above; what was received; another model's own
    invoked: int  # readings of one clock, which never gives the same twice
    returned: int


class Model(Protocol[State]):
    """What one object does when it is asked one call at a time. States are hashable."""

    def start(self) -> State:
        """Return the state of a new object."""
        ...

    def step(self, state: State, call: Call) -> Iterator[State]:
        """Yield the states after this call, if it can return in `state` what it returned."""
        ...

    def joint(self, state: State, one: Call, other: Call) -> Iterator[State]:
        """Yield the states after two calls that can only be done together."""
        ...


class ChannelState(NamedTuple):
    """A channel between two calls."""

    queue: tuple[object, ...]
    senders: int
    receivers: int


class Channel:
    """The model of a channel, in the words of Rust's mpsc.

    Args:
        capacity: None is without limit, 0 is a rendezvous.
        senders: How many there are at first.
        receivers: How many there are at first.

    Its operations are `send`, `try_send`, `send_timeout`, `recv`, `try_recv`, `recv_timeout`,
    `put_back` (a message that was received becomes the next one again), `clone_sender`,
    `clone_receiver`, `drop_sender` and `drop_receiver`.
    """

    def __init__(self, capacity: int | None, senders: int = 1, receivers: int = 1) -> None:
        self.capacity = capacity
        self.first = ChannelState((), senders, receivers)

    def start(self) -> ChannelState:
        return self.first

    def is_full(self, state: ChannelState) -> bool:
        return self.capacity is not None and len(state.queue) >= self.capacity

    def step(self, state: ChannelState, call: Call) -> Iterator[ChannelState]:
        kind = call.operation.split("_")
        if "send" in kind:
            after = self._send(state, call)
        elif "recv" in kind:
            after = self._recv(state, call)
        else:
            after = self._other(state, call)
        if after is not None:
            yield after

    def _send(self, state: ChannelState, call: Call) -> ChannelState | None:
        if call.result == OK:
            if self.is_full(state) or state.receivers == 0:
                return None
            return state._replace(queue=(*state.queue, call.argument))
        return self._refusal(state, call, state.receivers == 0, self.is_full(state))

    def _recv(self, state: ChannelState, call: Call) -> ChannelState | None:
        if call.result not in {WOULD_BLOCK, DISCONNECTED, TIMEOUT}:
            is_next = state.queue[:1] == (call.result,)
            return state._replace(queue=state.queue[1:]) if is_next else None
        is_empty = not state.queue
        return self._refusal(state, call, is_empty and state.senders == 0, is_empty)

    def _refusal(
        self, state: ChannelState, call: Call, is_disconnected: bool, must_wait: bool
    ) -> ChannelState | None:
        """A call that changed nothing. What timed out had to wait at some moment at least."""
        if call.result == DISCONNECTED:
            is_right = is_disconnected
        elif call.result == WOULD_BLOCK:
            is_right = call.operation.startswith("try_") and must_wait and not is_disconnected
        else:
            is_right = call.operation.endswith("_timeout") and must_wait and not is_disconnected
        return state if is_right else None

    def _other(self, state: ChannelState, call: Call) -> ChannelState | None:
        if call.operation == "put_back":
            if (call.result == OK) != (state.receivers > 0):
                return None
            return (
                state._replace(queue=(call.argument, *state.queue)) if call.result == OK else state
            )
        change, end = call.operation.split("_")
        by = {"clone": 1, "drop": -1}[change]
        if end == "sender":
            return state._replace(senders=state.senders + by)
        left = state.receivers + by
        return ChannelState(() if left == 0 else state.queue, state.senders, left)

    def joint(self, state: ChannelState, one: Call, other: Call) -> Iterator[ChannelState]:
        """In a rendezvous: `one` sends what `other` receives."""
        if self.capacity != 0 or state.queue or state.senders == 0 or state.receivers == 0:
            return
        if "send" not in one.operation.split("_") or "recv" not in other.operation.split("_"):
            return
        # Two that only try never meet: one of them has to be waiting.
        if one.operation == "try_send" and other.operation == "try_recv":
            return
        if one.result == OK and other.result == one.argument:
            yield state


def find_order(history: Sequence[Call], model: Model[State]) -> list[Call] | None:
    """Return the calls of a history in an order that explains it, or None if there is none.

    Args:
        history: All calls, each of which has returned.
        model: What the object should do.
    """
    calls = sorted(history, key=lambda call: call.invoked)
    everything = (1 << len(calls)) - 1
    seen: set[tuple[int, State]] = set()
    order: list[tuple[Call, ...]] = []
    branches = [_next_steps(calls, 0, model, model.start())]
    while branches:
        step = next(branches[-1], None)
        if step is None:
            branches.pop()
            if order:
                order.pop()
            continue
        done, state, taken = step
        if (done, state) in seen:
            continue
        seen.add((done, state))
        order.append(taken)
        if done == everything:
            return [call for taken in order for call in taken]
        branches.append(_next_steps(calls, done, model, state))
    return None if calls else []


def is_linearizable(history: Sequence[Call], model: Model[State]) -> bool:
    """Tell whether some order of the calls explains what they returned."""
    return find_order(history, model) is not None


def _next_steps(
    calls: Sequence[Call], done: int, model: Model[State], state: State
) -> Iterator[tuple[int, State, tuple[Call, ...]]]:
    """Yield each step that may come next: who is done then, the state, and who took it."""
    candidates = _may_be_next(calls, done)
    for index in candidates:
        for after in model.step(state, calls[index]):
            yield done | 1 << index, after, (calls[index],)
    for first in candidates:
        for second in candidates:
            if first != second:
                for after in model.joint(state, calls[first], calls[second]):
                    both = 1 << first | 1 << second
                    yield done | both, after, (calls[first], calls[second])


def _may_be_next(calls: Sequence[Call], done: int) -> list[int]:
    """List who began before any of those that are not done returned. `calls` are as they began."""
    candidates: list[int] = []
    first_return: int | None = None
    for index, call in enumerate(calls):
        if done >> index & 1:
            continue
        if first_return is not None and call.invoked > first_return:
            break
        candidates.append(index)
        first_return = call.returned if first_return is None else min(first_return, call.returned)
    return candidates


def parse(line: str) -> tuple[list[Call], Channel]:
    """Read one line of tests/c/test_channel_histories.c."""
    data = json.loads(line)
    calls = [Call(*call) for call in data["calls"]]
    return calls, Channel(data["capacity"], data["senders"], data["receivers"])


def describe(history: Iterable[Call]) -> str:
    """Draw a history for a failed test, a line a call, in the order of their beginnings."""
    lines = [
        f"{call.invoked:4}-{call.returned:<4} thread {call.thread}: "
        f"{call.operation}({call.argument!r}) -> {call.result!r}"
        for call in sorted(history, key=lambda call: call.invoked)
    ]
    return "\n".join(lines)
