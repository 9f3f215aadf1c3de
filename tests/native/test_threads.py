"""Native threads as threads: joined, detached, interrupted, forked, left at exit; no Python."""

from __future__ import annotations

import ctypes
import errno
import sys
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Err, Ok, UseAfterMoveError, _ffi, native, spawn

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE = 10_000  # milliseconds


@pytest.fixture
def flag(c: SimpleNamespace) -> Any:
    return c.ffi.new("int32_t *")


def test_the_thread_is_another_one(c: SimpleNamespace) -> None:
    assert native.spawn(c.lib.thread_number).join().unwrap() != c.lib.thread_number()


def test_a_native_thread_needs_no_gil(c: SimpleNamespace) -> None:
    """The main thread is in C and holds the GIL until the native thread has answered."""
    question, reply = (c.ffi.new("int32_t *") for _ in range(2))
    holds_gil = ctypes.PyDLL(str(c.file)).ask_and_wait
    holds_gil.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32]
    handle = native.spawn(c.lib.answer, question, reply, DEADLINE, dedicated=True)
    addresses = [int(c.ffi.cast("uintptr_t", flag)) for flag in (question, reply)]
    assert holds_gil(*addresses, DEADLINE) == 1
    assert handle.join() == Ok(1)


def test_a_busy_main_thread_does_not_hold_it_up(c: SimpleNamespace, flag: Any) -> None:
    handle = native.spawn(c.lib.set_flag, flag, dedicated=True)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(60)
    try:
        while not flag[0]:  # Python all the time: the test's own deadline ends a failure
            pass
    finally:
        sys.setswitchinterval(interval)
    assert handle.join() == Ok(None)


def test_python_sees_no_thread(c: SimpleNamespace, flag: Any) -> None:
    frames, threads = set(sys._current_frames()), set(threading.enumerate())
    handle = native.spawn(c.lib.wait_for_flag, flag, DEADLINE, dedicated=True)
    assert set(sys._current_frames()) == frames
    assert set(threading.enumerate()) == threads
    c.lib.set_flag(flag)
    assert handle.join() == Ok(1)


def test_no_thread_state_is_made(output_of: Callable[..., str]) -> None:
    """Asked of the C API, which counts idle states, too."""
    said = output_of("""
        import ctypes
        from pythread_rs import native
        api = ctypes.pythonapi
        for name in ("PyInterpreterState_Get", "PyInterpreterState_ThreadHead",
                     "PyThreadState_Next"):
            getattr(api, name).restype = ctypes.c_void_p
        api.PyInterpreterState_ThreadHead.argtypes = [ctypes.c_void_p]
        api.PyThreadState_Next.argtypes = [ctypes.c_void_p]
        def states():
            count, state = 0, api.PyInterpreterState_ThreadHead(api.PyInterpreterState_Get())
            while state:
                count, state = count + 1, api.PyThreadState_Next(state)
            return count
        flag = ffi.new("int32_t *")
        handles = [native.spawn(lib.wait_for_flag, flag, 10000) for _ in range(5)]
        print(states())
        lib.set_flag(flag)
        print([handle.join().unwrap() for handle in handles], states())
        """)
    assert said == "1\n[1, 1, 1, 1, 1] 1\n"


# -- Handles. --------------------------------------------------------------------------------------


def test_a_handle_is_like_any_other(c: SimpleNamespace, flag: Any) -> None:
    handle = native.spawn(c.lib.wait_for_flag, flag, DEADLINE, name="counter")
    assert handle.thread.name == "counter"
    assert not handle.is_finished()
    assert "running" in repr(handle)
    with pytest.raises(TimeoutError):
        handle.join(timeout=0.01)
    c.lib.set_flag(flag)
    assert handle.join(timeout=10) == Ok(1)
    with pytest.raises(UseAfterMoveError):
        handle.join()


def test_workers_are_shared_with_python(c: SimpleNamespace) -> None:
    native.spawn(c.lib.fail, 1, 0).join()
    before = _ffi.statistics()
    for number in range(50):
        assert native.spawn(c.lib.fail, number, 0).join() == Ok(number)
        assert spawn(abs, -number).join() == Ok(number)
    assert _ffi.statistics()["os_threads_created"] - before["os_threads_created"] <= 2


def test_options(c: SimpleNamespace) -> None:
    before = _ffi.statistics()["os_threads_created"]
    assert native.spawn(c.lib.fail, 1, 0, dedicated=True).join() == Ok(1)
    assert native.spawn(c.lib.fail, 1, 0, stack_size=2**20).join() == Ok(1)
    assert _ffi.statistics()["os_threads_created"] - before == 2
    with pytest.raises(ValueError, match="stack size"):
        native.spawn(c.lib.fail, 1, 0, stack_size=-1)
    with pytest.raises(ValueError, match="name"):
        native.spawn(c.lib.fail, 1, 0, name="a\0b")


def test_many_threads_at_once(c: SimpleNamespace, flag: Any) -> None:
    handles = [native.spawn(c.lib.wait_for_flag, flag, DEADLINE) for _ in range(100)]
    c.lib.set_flag(flag)
    assert [handle.join() for handle in handles] == [Ok(1)] * 100


def test_a_native_thread_from_a_thread(c: SimpleNamespace) -> None:
    fail = native.function(c.lib.fail)
    assert spawn(native.spawn, fail, 5, 0).join().unwrap().join() == Ok(5)


# -- Failures. -------------------------------------------------------------------------------------


def test_a_status_that_is_a_panic(c: SimpleNamespace) -> None:
    match native.spawn(c.lib.fail, -1, errno.ENOENT, errcheck="nonzero").join():
        case Err(native.NativeError() as error):
            assert (error.status, error.errno) == (-1, errno.ENOENT)
            assert str(error).startswith("the C function fail returned -1 (errno 2: No such file")
        case other:
            pytest.fail(f"not a panic: {other!r}")
    assert native.spawn(c.lib.fail, 0, errno.ENOENT, errcheck="nonzero").join() == Ok(0)
    assert native.spawn(c.lib.fail, 1, 0, errcheck="negative").join() == Ok(1)
    assert native.spawn(c.lib.fail, -1, 0, errcheck="negative").join().is_err()


def test_errcheck_of_the_users_own(c: SimpleNamespace) -> None:
    assert native.spawn(c.lib.fail, 3, 0, errcheck=lambda status: status == 3).join().is_err()
    assert native.spawn(c.lib.fail, 4, 0, errcheck=lambda status: status == 3).join() == Ok(4)

    def raises(status: int) -> bool:
        raise LookupError(status)

    error = native.spawn(c.lib.fail, 4, 0, errcheck=raises).join().unwrap_err()
    assert isinstance(error, LookupError)


def test_errchecks_that_are_refused(c: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match="'nonzero' or 'negative'"):
        native.spawn(c.lib.fail, 0, 0, errcheck="odd")
    with pytest.raises(TypeError, match="'nonzero' or 'negative'"):
        native.spawn(c.lib.fail, 0, 0, errcheck=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="returns nothing"):
        native.spawn(c.lib.set_flag, c.ffi.new("int32_t *"), errcheck="nonzero")


# -- The end of the process, its copies, and signals. ----------------------------------------------


@pytest.mark.parametrize("keeps", ["handles", "nothing"])
def test_exit_while_native_threads_run(output_of: Callable[..., str], keeps: str) -> None:
    said = output_of(
        """
        import sys
        from pythread_rs import native
        flag = ffi.new("int32_t *")
        handles = []
        write = native.function(lib.fill, "void(uint8_t *, size_t, int)")
        for _ in range(8):
            handle = native.spawn(lib.wait_for_flag, flag, 60000)
            busy = native.spawn(write, bytearray(10**8), 10**8, 1)
            if sys.argv[1] == "handles":
                handles += [handle, busy]
        print("end")
        """,
        keeps,
    )
    assert said == "end\n"


def test_threads_that_end_while_the_interpreter_does(output_of: Callable[..., str]) -> None:
    """Detached threads hand their buffers to a Python that is on its way out."""
    for _ in range(5):
        said = output_of("""
            from pythread_rs import native
            for number in range(64):
                native.spawn(lib.sum_bytes, bytearray(20000 * number), 20000 * number).detach()
            print("end")
            """)
        assert said == "end\n"


def test_a_join_at_exit_waits_for_a_native_thread(output_of: Callable[..., str]) -> None:
    said = output_of("""
        import atexit
        from pythread_rs import native
        flag = ffi.new("int32_t *")
        handle = native.spawn(lib.wait_for_flag, flag, 10000)
        def last():
            lib.set_flag(flag)
            print(handle.join())
        atexit.register(last)
        import pythread_rs._runtime  # whose own exit step is registered already
        """)
    assert said == "Ok(1)\n"


def test_the_child_of_a_fork(output_of: Callable[..., str]) -> None:
    said = output_of("""
        import os, warnings
        warnings.simplefilter("ignore")
        from pythread_rs import native
        flag = ffi.new("int32_t *")
        handle = native.spawn(lib.wait_for_flag, flag, 10000)
        child = os.fork()
        if child == 0:
            print(handle.is_finished(), handle.join().is_err())
            print(native.spawn(lib.fail, 3, 0).join(), flush=True)
            del handle
            os._exit(0)
        os.waitpid(child, 0)
        lib.set_flag(flag)
        print(handle.join())
        """)
    assert said == "True True\nOk(3)\nOk(1)\n"


def test_a_native_function_that_forks(c: SimpleNamespace) -> None:
    assert native.spawn(c.lib.forks).join() == Ok(7)


def test_ctrl_c_ends_a_join(output_of: Callable[..., str]) -> None:
    said = output_of("""
        import os, signal, threading
        from pythread_rs import native
        flag = ffi.new("int32_t *")
        handle = native.spawn(lib.wait_for_flag, flag, 10000)
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            handle.join()
        except KeyboardInterrupt:
            print("interrupted")
        lib.set_flag(flag)
        print(handle.join())
        """)
    assert said == "interrupted\nOk(1)\n"
