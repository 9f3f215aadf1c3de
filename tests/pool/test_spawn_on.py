"""`spawn_on`: closures on threads, processes, interpreters and Dask workers of somebody else."""

from __future__ import annotations

import asyncio
import functools
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import (
    Builder,
    Err,
    JoinError,
    JoinHandle,
    Ok,
    SpawnError,
    UseAfterMoveError,
    current,
    move,
    spawn,
)
from pythread_rs.ownership import BorrowError, CaptureError, NotSendError
from pythread_rs.pool import RemoteTraceback, spawn_on
from pythread_rs.sync import Mutex, Stopped, StopToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = 15.0  # a deadline; nothing should come near it
PROGRAMS = Path(__file__).parent / "programs"
# Run by each worker at its start: a closure that needs the package would fail there.
HIDE: tuple[Any, ...] = (exec, ("import sys; sys.modules['pythread_rs'] = None",))

any_spawn_on: Any = spawn_on


class Noisy:
    """An object that tells of its end."""

    def __init__(self, gone: threading.Event) -> None:
        self.gone = gone

    def __del__(self) -> None:
        self.gone.set()


def capturing(value: Any) -> Callable[[], Any]:
    """Return a closure that owns `value`."""
    return lambda: value


def process_pool(method: str) -> ProcessPoolExecutor:
    context = multiprocessing.get_context(method)
    return ProcessPoolExecutor(1, context, initializer=HIDE[0], initargs=HIDE[1])


def interpreter_pool() -> Executor:
    from concurrent import futures

    pool: Any = futures.InterpreterPoolExecutor  # type: ignore[attr-defined,unused-ignore]
    made: Executor = pool(1, initializer=HIDE[0], initargs=HIDE[1])
    return made


def made(kind: str) -> Executor:
    if kind == "thread":
        return ThreadPoolExecutor(1)
    pytest.importorskip("cloudpickle")
    if kind == "interpreter":
        if sys.version_info < (3, 14):
            pytest.skip("InterpreterPoolExecutor is new in 3.14")
        return interpreter_pool()
    if kind not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {kind} on this platform")
    return process_pool(kind)


KINDS = ["thread", "spawn", "forkserver", "interpreter"]


@pytest.fixture(scope="module", params=KINDS)
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    """An executor of each kind, with its threads started: they are no test's leak."""
    with made(request.param) as executor:
        # The record that the package keeps of a thread is no test's leak either.
        if request.param == "thread":
            executor.submit(current).result(SECONDS)
        else:
            executor.submit(int).result(SECONDS)
        yield executor


@pytest.fixture(scope="module")
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        executor.submit(current).result(SECONDS)
        yield executor


@pytest.fixture(autouse=True)
def quiet(capfd: pytest.CaptureFixture[str]) -> None:
    """Panics on threads of this process say so on stderr."""


# ---- on every kind ------------------------------------------------------------------------------


def test_a_moved_closure_comes_back_as_ok(executor: Executor) -> None:
    source = capturing([1, 2, 3])
    handle = spawn_on(executor, move(source))
    with pytest.raises(NameError):
        source()
    assert type(handle) is JoinHandle
    assert handle.join(SECONDS) == Ok([1, 2, 3])
    assert "join, .." in repr(handle)


def test_arguments_go_along(executor: Executor) -> None:
    assert spawn_on(executor, int, "12", base=8).join(SECONDS) == Ok(10)


def test_a_panic_comes_back_as_the_exception(executor: Executor) -> None:
    class Trouble(Exception):
        pass

    def fail() -> None:
        raise Trouble("here")

    match spawn_on(executor, move(lambda: fail())).join(SECONDS):
        case Err(Trouble() as trouble):
            assert str(trouble) == "here"
        case other:
            pytest.fail(repr(other))
    in_process = isinstance(executor, ThreadPoolExecutor) and "Inter" not in type(executor).__name__
    if in_process:
        assert trouble.__traceback__ is not None
    else:
        assert isinstance(trouble.__cause__, RemoteTraceback)
        assert "in fail" in str(trouble.__cause__)
        assert "<spawn_on>" not in str(trouble.__cause__)


def test_what_asks_a_process_to_end_is_a_panic_too(executor: Executor) -> None:
    match spawn_on(executor, sys.exit, 3).join(SECONDS):
        case Err(SystemExit() as end):
            assert end.code == 3
        case other:
            pytest.fail(repr(other))


def test_a_timeout_leaves_the_handle_as_it_was(executor: Executor) -> None:
    handle = spawn_on(executor, time.sleep, 0.1)
    with pytest.raises(TimeoutError):
        handle.join(0.001)
    assert not handle.is_finished()
    assert "running, .." in repr(handle)
    assert handle.join(SECONDS) == Ok(None)
    assert handle.is_finished()
    with pytest.raises(UseAfterMoveError, match="join"):
        handle.join()


def test_of_several_joiners_one_gets_the_result(executor: Executor) -> None:
    handle = spawn_on(executor, time.sleep, 0.1)

    def join() -> object:
        try:
            return handle.join(SECONDS)
        except UseAfterMoveError:
            return "late"

    joiners = [Builder().spawn_unchecked(join) for _ in range(3)]
    got = [joiner.join(SECONDS).unwrap() for joiner in joiners]
    assert sorted(map(str, got)) == ["Ok(None)", "late", "late"]


def test_it_is_awaited(executor: Executor) -> None:
    async def main() -> None:
        handle = spawn_on(executor, time.sleep, 0.05)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(handle, 0.001)
        async with asyncio.timeout(SECONDS):
            assert await handle == Ok(None)
            got = await asyncio.gather(*[spawn_on(executor, pow, 2, n) for n in range(3)])
        assert got == [Ok(1), Ok(2), Ok(4)]
        with pytest.raises(UseAfterMoveError):
            await handle

    asyncio.run(main(), debug=True)


def test_detached_and_dropped_closures_run(executor: Executor, tmp_path: Path) -> None:
    def leave_mark(path: str) -> None:
        import pathlib

        pathlib.Path(path).touch()

    detached = spawn_on(executor, leave_mark, str(tmp_path / "detached"))
    detached.detach()
    spawn_on(executor, leave_mark, str(tmp_path / "dropped"))
    deadline = time.monotonic() + SECONDS
    while len(list(tmp_path.iterdir())) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    while not detached.is_finished():
        assert time.monotonic() < deadline
    with pytest.raises(UseAfterMoveError, match="detach"):
        detached.join()


def test_a_cancelled_closure_is_a_join_error(executor: Executor) -> None:
    pytest.importorskip("cloudpickle")  # nobody knows what an executor of another kind does
    submitted: list[Future[Any]] = []

    class Between(Executor):
        """Passes everything on, and remembers the futures."""

        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            submitted.append(executor.submit(fn, *args, **kwargs))
            return submitted[-1]

    first = [spawn_on(executor, time.sleep, 0.05) for _ in range(4)]  # more than any queue holds
    handle = spawn_on(Between(), int)
    assert submitted[0].cancel()
    match handle.join(SECONDS):
        case Err(JoinError() as error):
            assert isinstance(error.__cause__, CancelledError)
        case other:
            pytest.fail(repr(other))
    assert all(one.join(SECONDS).is_ok() for one in first)


# ---- what is refused ----------------------------------------------------------------------------


def test_ownership_is_checked_before_anything_is_sent(executor: Executor) -> None:
    data = [1]
    with pytest.raises(CaptureError):
        spawn_on(executor, lambda: data)
    with pytest.raises(BorrowError):
        spawn_on(executor, functools.partial(len, data))
    assert data == [1]


def test_misuse_is_a_type_error(threads: ThreadPoolExecutor) -> None:
    with pytest.raises(TypeError, match=r"takes a concurrent\.futures\.Executor, not int"):
        any_spawn_on(1, int)
    with pytest.raises(TypeError, match="takes a callable, not int"):
        any_spawn_on(threads, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_closed_executor_gives_the_values_back(kind: str) -> None:
    executor = made(kind)
    executor.shutdown()
    source = capturing([1, 2])
    moved = move(source)
    with pytest.raises(SpawnError, match="takes no work") as refused:
        spawn_on(executor, moved)
    assert isinstance(refused.value.__cause__, RuntimeError)
    assert source() == [1, 2]


class Copying(Executor):
    """An executor of a kind that nobody knows: it runs at once whatever it gets."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_what_cannot_be_pickled_is_given_back() -> None:
    pytest.importorskip("cloudpickle")
    source = capturing([threading.Lock()])
    moved = move(source)
    with pytest.raises(TypeError, match="pickle") as refused:
        spawn_on(Copying(), moved)
    assert "spawn_on sends the closure" in refused.value.__notes__[-1]
    assert len(source()) == 1


def test_cloudpickle_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    source = capturing([1])
    moved = move(source)
    with pytest.raises(ModuleNotFoundError, match="cloudpickle to ship a closure to a Copying"):
        spawn_on(Copying(), moved)
    assert spawn(moved).join(SECONDS) == Ok([1])  # it was not touched


def test_threads_need_no_cloudpickle(
    threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    assert spawn_on(threads, int).join(SECONDS) == Ok(0)


# ---- threads of this process --------------------------------------------------------------------


def test_a_thread_gets_the_very_object(threads: ThreadPoolExecutor) -> None:
    lock = threading.Lock()
    assert spawn_on(threads, move(lambda: id(lock))).join(SECONDS) == Ok(id(lock))


def test_a_panic_on_a_thread_is_reported_and_lets_go(
    threads: ThreadPoolExecutor, capfd: pytest.CaptureFixture[str]
) -> None:
    gone = threading.Event()

    def start() -> JoinHandle[None]:
        things = [Noisy(gone)]

        def fail() -> None:
            raise ValueError(len(things))

        return spawn_on(threads, move(fail))

    result = start().join(SECONDS)
    assert isinstance(result.err(), ValueError)
    assert gone.is_set()
    assert "panicked" in capfd.readouterr().err


def test_a_closure_is_gone_when_its_result_is_there(threads: ThreadPoolExecutor) -> None:
    gone = threading.Event()

    def start() -> JoinHandle[int]:
        things = [Noisy(gone)]
        return spawn_on(threads, move(lambda: len(things)))

    result = start().join(SECONDS)
    assert gone.is_set()
    assert result == Ok(1)


def test_a_guard_cannot_leave_its_thread(threads: ThreadPoolExecutor) -> None:
    def lock() -> object:
        return Mutex(0).lock().unwrap()

    assert isinstance(spawn_on(threads, lock).join(SECONDS).err(), NotSendError)


# ---- what is shipped ----------------------------------------------------------------------------


def test_the_worker_needs_cloudpickle_and_nothing_else(tmp_path: Path) -> None:
    """A bare interpreter runs what an executor would pickle, without this package on its path."""
    cloudpickle = pytest.importorskip("cloudpickle")
    pickled: list[bytes] = []

    class Keeping(Copying):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            pickled.append(pickle.dumps(fn))
            return super().submit(fn, *args, **kwargs)

    handle = spawn_on(Keeping(), move(capturing([1, 2, 3])))
    assert handle.join() == Ok([1, 2, 3])
    assert b"pythread_rs" not in pickled[0].replace(__file__.encode(), b"")
    file = tmp_path / "shipped"
    file.write_bytes(pickled[0])
    # cloudpickle alone: its neighbours may include this package.
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "cloudpickle").symlink_to(Path(cloudpickle.__file__).parent)
    program = (
        "import pickle, sys; sys.path.append(sys.argv[1])\n"
        "kind, content, text = pickle.load(open(sys.argv[2], 'rb'))()\n"
        "print(kind, pickle.loads(content), any('pythread' in name for name in sys.modules))"
    )
    command = [sys.executable, "-I", "-S", "-c", program, str(tmp_path / "path"), str(file)]
    child = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (child.stdout, child.stderr) == ("value [1, 2, 3] False\n", "")


def test_equal_closures_are_not_one_pickle() -> None:
    """Dask would run them once."""
    pytest.importorskip("cloudpickle")
    pickled: set[bytes] = set()

    class Keeping(Copying):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            pickled.add(pickle.dumps(fn))
            return super().submit(fn, *args, **kwargs)

    assert [spawn_on(Keeping(), int).join() for _ in range(3)] == [Ok(0)] * 3
    assert len(pickled) == 3


def test_a_result_that_cannot_travel_is_a_join_error() -> None:
    pytest.importorskip("cloudpickle")

    def generator() -> object:
        return (n for n in [1])

    def guard() -> None:
        raise ValueError(threading.Lock())

    class OneWay:
        def __reduce__(self) -> tuple[Any, ...]:
            return int, ("x",)

    lost = spawn_on(Copying(), generator).join().err()
    assert isinstance(lost, JoinError)
    assert "returned a builtins.generator, which cannot be sent back" in str(lost)
    lost = spawn_on(Copying(), guard).join().err()
    assert isinstance(lost, JoinError)
    assert "ended by a builtins.ValueError, which cannot be sent back" in str(lost)
    assert "in guard" in str(lost.__cause__)
    lost = spawn_on(Copying(), OneWay).join().err()
    assert isinstance(lost, JoinError)
    assert "cannot be read here: ValueError" in str(lost)


def test_a_worker_that_dies_is_a_join_error() -> None:
    with made("spawn") as executor:
        handle = spawn_on(executor, os._exit, 1)
        match handle.join(SECONDS):
            case Err(JoinError() as error):
                assert isinstance(error.__cause__, BrokenExecutor)
            case other:
                pytest.fail(repr(other))
        with pytest.raises(SpawnError) as refused:
            spawn_on(executor, int)
        assert isinstance(refused.value.__cause__, BrokenExecutor)


# ---- Dask ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_dask_cluster_of_two_processes() -> None:
    pytest.importorskip("distributed")
    child = subprocess.run(
        [sys.executable, str(PROGRAMS / "on_dask.py")],
        capture_output=True,
        text=True,
        timeout=80,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    assert json.loads(child.stdout) == {
        "workers": 2,
        "package on a worker": False,
        "moved": 6,
        "panic": ["1 and 2", 2],
        "traceback": True,
        "timeout": False,
        "after the timeout": "Ok(None)",
        "twice": "refused",
        "runs": 3,
        "awaited": [1, 2, 4, 8],
        "marks": [True, True],
        "lost": "KilledWorker",
        "shut down": "refused",
        "cancelled": "JoinError",
    }


def test_a_stop_token_ends_a_join() -> None:
    token, end = StopToken(), threading.Event()
    with ThreadPoolExecutor(1) as executor:
        handle = any_spawn_on(executor, end.wait, SECONDS)
        stopper = spawn(token.stop)
        with pytest.raises(Stopped):
            handle.join(stop=token)
        with pytest.raises(Stopped):
            handle.join(0, stop=token)
        with pytest.raises(TimeoutError):
            handle.join(0.001, stop=StopToken())
        end.set()
        assert handle.join(SECONDS, stop=StopToken()) == Ok(True)
        assert stopper.join(SECONDS) == Ok(None)
