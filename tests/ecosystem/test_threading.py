"""What `threading` and `logging` say about our threads, while they run and afterwards."""

from __future__ import annotations

import gc
import logging
import threading
import weakref
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Self

import pytest

from pythread_rs import Builder, Ok

if TYPE_CHECKING:
    from collections.abc import Callable

    from pythread_rs import JoinHandle

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 10.0
STAYS = 0.02  # seconds: a wait that has to be seen timing out


class Running:
    """A thread that runs until it is told to end, and its object in `threading`.

    It is no fixture, because pytest keeps what fixtures gave until the check for leaks is over.
    """

    def __init__(self, name: str | None = None) -> None:
        shown: SimpleQueue[threading.Thread] = SimpleQueue()
        self._go = threading.Event()
        self.handle: JoinHandle[str] = Builder(name=name).spawn_unchecked(self._run, shown)
        self.thread: Any = shown.get(timeout=SECONDS)

    def _run(self, shown: SimpleQueue[threading.Thread]) -> str:
        shown.put(threading.current_thread())
        assert self._go.wait(SECONDS)
        return "result"

    def end(self) -> None:
        self._go.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self.thread.join(SECONDS)  # the test may have joined the handle


# -- While it runs. --------------------------------------------------------------------------------


def test_the_current_thread_is_a_thread_with_our_name_and_numbers() -> None:
    def look() -> list[bool]:
        thread = threading.current_thread()
        return [
            isinstance(thread, threading.Thread),
            thread.name == "named",
            thread.ident == threading.get_ident(),
            thread.native_id == threading.get_native_id(),
            thread.daemon,
            thread.is_alive(),
            thread in threading.enumerate(),
            thread is threading.current_thread(),
            thread is not threading.main_thread(),
        ]

    assert Builder(name="named").spawn(look).join() == Ok([True] * 9)


def test_a_thread_without_a_name_gets_one_from_its_id() -> None:
    handle = spawn(lambda: threading.current_thread().name)
    assert handle.join() == Ok(f"pythread_rs-{handle.thread.id.number}")


def test_the_main_thread_is_still_the_main_one() -> None:
    main = threading.current_thread()
    assert spawn(threading.main_thread).join() == Ok(main)
    assert threading.main_thread() is main is threading.current_thread()


def test_the_others_see_it() -> None:
    with Running("worker one") as running:
        thread = running.thread
        assert thread in threading.enumerate()
        assert thread.is_alive()
        assert repr(thread) == f"<NativeThread(worker one, started daemon {thread.ident})>"


def test_each_one_is_counted() -> None:
    before = threading.active_count()
    some = [Running() for _ in range(5)]
    assert threading.active_count() == before + 5
    assert len({one.thread.ident for one in some}) == 5
    for one in some:
        one.end()
    assert all(one.handle.join() == Ok("result") for one in some)
    assert threading.active_count() == before


def test_a_thread_can_rename_itself() -> None:
    def rename() -> str:
        threading.current_thread().name = "another"
        return threading.current_thread().name

    assert spawn(rename).join() == Ok("another")
    assert spawn(lambda: threading.current_thread().name).join() != Ok("another")


def test_it_cannot_be_started_run_or_made_a_non_daemon() -> None:
    with Running() as running:

        def make_non_daemon() -> None:
            running.thread.daemon = False

        for refused in (running.thread.start, running.thread.run, make_non_daemon):
            with pytest.raises(RuntimeError):
                refused()
        with pytest.raises(TypeError, match="spawn"):
            type(running.thread)()


def test_it_can_start_threads_of_threading() -> None:
    def start() -> tuple[str, bool]:
        seen: list[str] = []
        inner = threading.Thread(target=lambda: seen.append(threading.current_thread().name))
        inner.name = "inner"
        inner.start()
        inner.join(SECONDS)
        return seen[0], inner in threading.enumerate()

    assert spawn(start).join() == Ok(("inner", False))


# -- join of the object. ---------------------------------------------------------------------------


def test_its_join_waits_and_leaves_the_result() -> None:
    with Running() as running:
        running.thread.join(STAYS)
        assert running.thread.is_alive()
        running.end()
        running.thread.join(SECONDS)
        assert not running.thread.is_alive()
        assert running.handle.join() == Ok("result")


def test_its_join_works_without_a_time_after_ours_and_from_others() -> None:
    with Running() as running:
        waiting = [spawn(running.thread.join), spawn(running.thread.join, SECONDS)]
        running.end()
        assert running.handle.join() == Ok("result")
        assert [handle.join() for handle in waiting] == [Ok(None)] * 2
        running.thread.join()


def test_it_cannot_join_itself() -> None:
    handle = spawn(lambda: threading.current_thread().join())
    assert "cannot join current thread" in str(handle.join().unwrap_err())


@pytest.mark.parametrize("timeout", [0, -1, 1e-9])
def test_its_join_with_a_short_time_comes_back(timeout: float) -> None:
    with Running() as running:
        running.thread.join(timeout)
        assert running.thread.is_alive()


# -- Afterwards. -----------------------------------------------------------------------------------


def test_it_is_forgotten_before_join_returns() -> None:
    before = threading.enumerate()
    one = Running("gone")
    one.end()
    one.handle.join().unwrap()
    assert threading.enumerate() == before
    assert not one.thread.is_alive()
    assert repr(one.thread) == f"<NativeThread(gone, stopped daemon {one.thread.ident})>"


def test_a_panic_is_forgotten_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    unseen: list[object] = []
    monkeypatch.setattr(threading, "excepthook", unseen.append)
    before = threading.enumerate()
    assert Builder(name="panics").spawn(int, "x").join().is_err()
    assert threading.enumerate() == before
    assert unseen == [], "a panic has a hook of its own"


def test_nothing_keeps_its_object() -> None:
    reference = spawn(lambda: weakref.ref(threading.current_thread())).join().unwrap()
    gc.collect()
    assert reference() is None


def test_its_object_keeps_no_result() -> None:
    """Whoever keeps it for its name must not keep what nobody wants."""
    shown: SimpleQueue[threading.Thread] = SimpleQueue()
    results: list[weakref.ref[set[int]]] = []

    def work() -> set[int]:
        shown.put(threading.current_thread())
        result = {1, 2, 3}
        results.append(weakref.ref(result))
        return result

    spawn(work).detach()
    kept = shown.get(timeout=SECONDS)
    kept.join(SECONDS)
    assert not kept.is_alive()
    assert results[0]() is None


def test_a_foreign_callback_after_it_makes_no_dummy() -> None:
    """The thread state lives on in the parked worker: nobody may take it for a thread."""
    spawn(int).join().unwrap()
    assert not [t for t in threading.enumerate() if isinstance(t, threading._DummyThread)]


# -- The view of debuggers. ------------------------------------------------------------------------


def has(attribute: str) -> bool:
    return hasattr(threading.Thread(), attribute)


def is_ended(thread: Any) -> dict[str, bool]:
    """Ask as pydevd asks on this Python."""
    asks: dict[str, Callable[[], bool]] = {
        "_is_stopped": lambda: bool(thread._is_stopped),
        "_handle": lambda: bool(thread._handle.is_done()),
        "_os_thread_handle": lambda: bool(thread._os_thread_handle.is_done()),
    }
    return {name: ask() for name, ask in asks.items() if has(name)}


def test_the_private_parts_that_debuggers_read_are_there() -> None:
    with Running() as running:
        while_it_ran = is_ended(running.thread)
        assert while_it_ran
        assert not any(while_it_ran.values())
        assert running.thread._started.is_set()
        running.end()
        running.handle.join().unwrap()
        assert all(is_ended(running.thread).values())


# -- logging. --------------------------------------------------------------------------------------


def test_log_records_name_the_thread(caplog: pytest.LogCaptureFixture) -> None:
    def log() -> int:
        logging.getLogger(__name__).warning("hello")
        return threading.get_ident()

    ident = Builder(name="talker").spawn(log).join().unwrap()
    ((record, *rest),) = [caplog.records]
    assert (record.threadName, record.thread, rest) == ("talker", ident, [])


def test_the_next_thread_on_the_same_worker_has_its_own_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("first", "second"):
        Builder(name=name).spawn(logging.getLogger(__name__).warning, "hello").join().unwrap()
    assert [record.threadName for record in caplog.records] == ["first", "second"]


# -- Others that ask `threading`. ------------------------------------------------------------------


def test_locks_conditions_and_timers_work_inside() -> None:
    def use() -> list[object]:
        reentrant = threading.RLock()
        with reentrant, reentrant:
            owner = reentrant._is_owned()  # type: ignore[attr-defined]
        rang = threading.Event()
        timer = threading.Timer(0.001, rang.set)
        timer.start()
        timer.join(SECONDS)
        condition = threading.Condition()
        with condition:
            woken = condition.wait(0.001)
        return [owner, rang.is_set(), woken]

    assert spawn(use).join() == Ok([True, True, False])


def test_a_semaphore_passes_between_their_threads_and_ours() -> None:
    semaphore = threading.Semaphore(0)
    handle = spawn(semaphore.acquire, timeout=SECONDS)
    thread = threading.Thread(target=semaphore.release)
    thread.start()
    assert handle.join() == Ok(True)
    thread.join(SECONDS)
