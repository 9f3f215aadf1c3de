"""spawn: threads that run a C function, with no GIL and no Python thread state."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pythread_rs import _ffi
from pythread_rs._runtime._errors import spawn_error
from pythread_rs.native._arguments import CALLS_C, Closure, Given, owned
from pythread_rs.native._errors import NativeError
from pythread_rs.native._function import Function, resolve
from pythread_rs.thread._handle import JoinHandle, ScopedJoinHandle, new_join_handle
from pythread_rs.thread._spawn import _checked_name, _checked_size
from pythread_rs.thread._thread import Thread, new_thread

if TYPE_CHECKING:
    from pythread_rs.thread import Scope

__all__ = ["Errcheck", "spawn", "spawn_scoped"]

Errcheck = Callable[[Any], object] | str | None
Judge = Callable[[Any, int], BaseException | None]

_FAILURES: Final[dict[str, Callable[[Any], bool]]] = {
    "nonzero": lambda status: status != 0,
    "negative": lambda status: status < 0,
}


def spawn(
    fn: object,
    /,
    *args: object,
    errcheck: Errcheck = None,
    name: str | None = None,
    stack_size: int | None = None,
    dedicated: bool = False,
) -> JoinHandle[int | float | None]:
    """Run the C function `fn(*args)` on a thread of its own, with no GIL and no Python.

    A buffer becomes a pointer. A writable one is moved to the thread, which must be its only
    holder; a read-only one may be shared. Its owner refuses to resize it until the thread has
    ended, also when nobody joins it. A pointer of cffi or ctypes is taken as it is: what it
    points to stays alive if the pointer owns it, and who else uses it is up to the caller.

    Args:
        fn: a function of cffi (`lib.f`, `ffi.addressof(lib, "f")`, any function pointer) or of
            ctypes with its `argtypes`, a `@cfunc` of numba, a LowLevelCallable of scipy, a
            PyCapsule whose name is a signature, or a `native.function`.
        *args: ints that fit their C types, floats, buffers, pointers; None where NULL is allowed.
        errcheck: what is a failure, which makes it a panic: "nonzero", "negative", or a function
            that gets the result, on the joining thread, and returns something true.
        name: for the OS, which may cut it.
        stack_size: bytes; such a thread is always a fresh OS thread. None is 8 MiB.
        dedicated: always a fresh OS thread that ends with the call.

    Returns:
        The handle that owns the thread. Its `join` gives an int, a float, or None for void; an
        address for a pointer.

    Raises:
        TypeError: `fn` is no C function, or an argument does not go with its parameter.
        ValueError: `fn` is NULL, or of a library that was closed.
        OverflowError: a number does not fit its parameter.
        BufferError: a buffer is not C-contiguous.
        OwnershipError: the thread may not own a buffer. Nothing has been moved.
        SpawnError: the OS refuses one more thread, or the interpreter is exiting.

    Blocks: no.
    Thread safety: any thread. What happened before the call happens before `fn` runs.

    Mirrors `std::thread::spawn` of a call to an `extern "C"` function.

    >>> import ctypes
    >>> labs = ctypes.cdll.LoadLibrary(None).labs
    >>> labs.argtypes, labs.restype = [ctypes.c_long], ctypes.c_long
    >>> spawn(labs, -7).join()
    Ok(7)
    """
    function = resolve(fn)
    closure: Closure = [CALLS_C, args, {}]
    del args
    judge = _judge(errcheck, function)
    thread = new_thread(None if name is None else _checked_name(name))
    packet = _ffi.Packet()
    handle: JoinHandle[int | float | None] = new_join_handle(packet, thread)
    size = 0 if stack_size is None else max(_checked_size(stack_size), 1)
    given = owned(function, closure, _ffi.own)
    _start(packet, function, given, closure, judge, thread, size, dedicated)
    return handle


def _start(
    packet: _ffi.Packet,
    function: Function,
    given: Given,
    closure: Closure,
    judge: Judge | None,
    thread: Thread,
    stack_size: int,
    dedicated: bool,
) -> None:
    refused: tuple[int, int] | None = (0, 0)
    signature = function._signature.native
    try:
        refused = packet.start_native(
            signature,
            function._address,
            given.args,
            given.owner,
            judge,
            thread.name,
            stack_size,
            dedicated,
        )
    finally:
        if refused is not None and given.moved is not None:
            given.moved._give_back(closure)
    if refused is not None:
        raise spawn_error(refused[0], refused[1], stack_size)


def spawn_scoped(
    scope: Scope,
    fn: object,
    /,
    *args: object,
    errcheck: Errcheck = None,
    name: str | None = None,
    stack_size: int | None = None,
    dedicated: bool = False,
) -> ScopedJoinHandle[int | float | None]:
    r"""Run the C function `fn(*args)` on a thread of `scope`: buffers are lent, not moved.

    Args:
        scope: an open scope.
        fn: as for `spawn`.
        *args: as for `spawn`, but buffers may be used again when the scope has ended.
        errcheck: as for `spawn`. A panic that nobody joins leaves the scope.
        name: as for `spawn`.
        stack_size: as for `spawn`.
        dedicated: as for `spawn`.

    Returns:
        A handle; whether it is joined or dropped, the scope waits for the thread.

    Raises:
        RuntimeError: the scope is not open.
        TypeError, ValueError, OverflowError, BufferError, OwnershipError, SpawnError: as `spawn`.

    Blocks: no.
    Thread safety: as `Scope.spawn`.

    Mirrors `std::thread::Scope::spawn` of a call to an `extern "C"` function.

    >>> import ctypes
    >>> from pythread_rs import scope
    >>> memset = function(ctypes.memset, "void *(void *, int, size_t)")
    >>> data = bytearray(4)
    >>> with scope() as s:
    ...     _ = spawn_scoped(s, memset, data, 7, 4)
    >>> data
    bytearray(b'\x07\x07\x07\x07')
    """
    function = resolve(fn)
    closure: Closure = [CALLS_C, args, {}]
    del args
    judge = _judge(errcheck, function)
    thread = new_thread(None if name is None else _checked_name(name))
    size = 0 if stack_size is None else max(_checked_size(stack_size), 1)

    def start(packet: _ffi.Packet, lend: Callable[[Closure], Any]) -> None:
        given = owned(function, closure, lend)
        _start(packet, function, given, closure, judge, thread, size, dedicated)

    return scope._spawn_native(thread, start)


def _judge(errcheck: Errcheck, function: Function) -> Judge | None:
    if errcheck is None:
        return None
    fails = failure_test(errcheck, function)
    return partial(_judged, fails, function._name)


def failure_test(errcheck: Errcheck, function: Function) -> Callable[[Any], object]:
    """Check what `errcheck=` got.

    Raises:
        TypeError: it is neither a function nor a known word, or the function returns nothing.
        ValueError: an unknown word.
    """
    if function._signature.result.code == "v":
        raise TypeError(f"errcheck: {function!r} returns nothing")
    if callable(errcheck):
        return errcheck
    if not isinstance(errcheck, str):
        kind = type(errcheck).__name__
        raise TypeError(f"errcheck is a function, 'nonzero' or 'negative', not {kind}")
    if errcheck not in _FAILURES:
        raise ValueError(f"errcheck is a function, 'nonzero' or 'negative', not {errcheck!r}")
    return _FAILURES[errcheck]


def _judged(
    fails: Callable[[Any], object], name: str, value: Any, errno: int
) -> BaseException | None:
    """Say what panic a result is; what a user's function raises is one, too."""
    try:
        return NativeError(value, errno, name) if fails(value) else None
    except Exception as error:
        return error
