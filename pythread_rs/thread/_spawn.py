"""spawn and Builder: the ways to start a thread."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar, final

from pythread_rs import _ffi
from pythread_rs._runtime import SpawnHook, current_info, start
from pythread_rs.thread._handle import JoinHandle, ScopedJoinHandle, new_join_handle
from pythread_rs.thread._thread import new_thread

if TYPE_CHECKING:
    from pythread_rs.thread._scope import Scope

__all__ = ["Builder", "add_spawn_hook", "spawn"]

P = ParamSpec("P")
T = TypeVar("T")


def spawn(f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> JoinHandle[T]:
    """Run `f(*args, **kwargs)` on a thread of its own.

    An exception that leaves `f` is a panic: it ends that thread only, is reported by the panic
    hook, and comes out of `join` as `Err`.

    The thread must own all that it uses, or share it safely; anything else is refused before it
    starts.

    Args:
        f: any callable that captures nothing, or a closure in `move(...)`.
        *args: its positional arguments: Copy, Sync, or held by nobody who uses them later.
        **kwargs: its keyword arguments.

    Returns:
        The handle that owns the thread. Dropping it detaches the thread.

    Raises:
        TypeError: `f` is not callable.
        OwnershipError: the thread may not own all that it would use. Nothing has been moved.
        SpawnError: the OS refuses one more thread, or the interpreter is exiting. Nothing leaks.

    Blocks: no; under the GIL it may step back for threads that were started just before.
    Thread safety: any thread. What happened before the call happens before `f` runs.

    Mirrors `std::thread::spawn`.

    >>> from pythread_rs import move
    >>> def start():
    ...     data = [1, 2, 3, 4, 5]
    ...     return spawn(move(lambda: sum(data)))
    >>> start().join()
    Ok(15)
    >>> spawn(sum, [1, 2, 3]).join()
    Ok(6)
    """
    closure = [f, args, kwargs]
    del f, args, kwargs
    thread = new_thread(None)
    packet = _ffi.Packet()
    handle: JoinHandle[T] = new_join_handle(packet, thread)  # nothing can fail behind the start
    start(closure, thread, packet)
    return handle


@final
class Builder:
    """Options of a thread, given as keyword arguments or one by one as in Rust.

    A Builder is immutable: each method returns a new one, and one may serve for many threads.

    Args:
        name: the thread's name, for panic messages, `threading`, debuggers and the OS (which
            may cut it). No NUL and no surrogate.
        stack_size: bytes, rounded up to what the platform and Python need; such a thread is
            always a fresh OS thread. None is 8 MiB.
        dedicated: always a fresh OS thread that ends with its closure, for work that changes
            what the OS keeps per thread (affinity, priority, C thread-locals).
        no_hooks: do not run or inherit spawn hooks.

    Raises:
        TypeError: an option has the wrong type.
        ValueError: an option has an impossible value.

    Blocks: no; `spawn` and `spawn_scoped` as the functions that they stand for.
    Thread safety: immutable.

    Mirrors `std::thread::Builder`.

    >>> handle = Builder(name="worker").spawn(sum, [1, 2])
    >>> handle.thread.name, handle.join()
    ('worker', Ok(3))
    >>> Builder().name("other").stack_size(2**20)
    Builder { name: Some("other"), stack_size: Some(1048576), dedicated: false, no_hooks: false }
    """

    __slots__ = ("_dedicated", "_name", "_no_hooks", "_stack_size")
    __thread_send__ = "copy"

    def __init__(
        self,
        *,
        name: str | None = None,
        stack_size: int | None = None,
        dedicated: bool = False,
        no_hooks: bool = False,
    ) -> None:
        self._name = None if name is None else _checked_name(name)
        self._stack_size = None if stack_size is None else _checked_size(stack_size)
        self._dedicated = bool(dedicated)
        self._no_hooks = bool(no_hooks)

    def name(self, name: str) -> Builder:
        """Return a Builder with this `name` (Rust: `Builder::name`)."""
        return self._with(name=name)

    def stack_size(self, size: int) -> Builder:
        """Return a Builder with a stack of `size` bytes (Rust: `Builder::stack_size`)."""
        return self._with(stack_size=size)

    def dedicated(self, dedicated: bool = True) -> Builder:
        """Return a Builder for a fresh OS thread that ends with its closure."""
        return self._with(dedicated=dedicated)

    def no_hooks(self) -> Builder:
        """Return a Builder that ignores spawn hooks (Rust: `Builder::no_hooks`, nightly)."""
        return self._with(no_hooks=True)

    def spawn(self, f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> JoinHandle[T]:
        """Run `f(*args, **kwargs)` on a thread with these options.

        Args, Returns, Raises, Blocks, Thread safety: as `spawn`.

        Mirrors `std::thread::Builder::spawn`.
        """
        closure = [f, args, kwargs]
        del f, args, kwargs
        thread = new_thread(self._name)
        packet = _ffi.Packet()
        handle: JoinHandle[T] = new_join_handle(packet, thread)
        start(closure, thread, packet, **self._options())
        return handle

    def spawn_unchecked(
        self, f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> JoinHandle[T]:
        """Run `f(*args, **kwargs)` on a thread with these options, whatever it shares.

        Nothing is refused: `f` may capture what others use, and arguments may be held by anybody.
        That no two threads use one mutable value at the same time is up to the caller.

        Args, Returns, Blocks, Thread safety: as `spawn`.

        Raises:
            TypeError: `f` is not callable.
            SpawnError: as `spawn`.

        Mirrors `std::thread::Builder::spawn_unchecked`.

        >>> seen = []
        >>> Builder().spawn_unchecked(lambda: seen.append(1)).join(), seen
        (Ok(None), [1])
        """
        closure = [f, args, kwargs]
        thread = new_thread(self._name)
        packet = _ffi.Packet()
        handle: JoinHandle[T] = new_join_handle(packet, thread)
        start(closure, thread, packet, checked=False, **self._options())
        return handle

    def spawn_scoped(
        self, scope: Scope, f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> ScopedJoinHandle[T]:
        """Run `f(*args, **kwargs)` on a thread of `scope` with these options.

        Args, Returns, Raises, Blocks, Thread safety: as `Scope.spawn`.

        Mirrors `std::thread::Builder::spawn_scoped`.
        """
        closure = [f, args, kwargs]
        del f, args, kwargs
        return scope._spawn(closure, new_thread(self._name), self._options())

    def _options(self) -> dict[str, Any]:
        # 0 is legal in Rust and means the least possible; 0 means the default further down.
        size = 0 if self._stack_size is None else max(self._stack_size, 1)
        return {"stack_size": size, "dedicated": self._dedicated, "hooked": not self._no_hooks}

    def _with(self, **changes: Any) -> Builder:
        options: dict[str, Any] = {
            "name": self._name,
            "stack_size": self._stack_size,
            "dedicated": self._dedicated,
            "no_hooks": self._no_hooks,
        }
        return Builder(**(options | changes))

    def __repr__(self) -> str:
        from pythread_rs.thread._thread import debug_name

        size = "None" if self._stack_size is None else f"Some({self._stack_size})"
        return (
            f"Builder {{ name: {debug_name(self._name)}, stack_size: {size}, "
            f"dedicated: {str(self._dedicated).lower()}, "
            f"no_hooks: {str(self._no_hooks).lower()} }}"
        )

    def __bool__(self) -> NoReturn:
        raise TypeError("a Builder starts nothing by itself: call its `spawn`")


def _checked_name(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a thread name is a str, not {type(name).__name__}")
    if "\0" in name:
        raise ValueError(f"thread name may not contain interior null bytes: {name!r}")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"thread name may not contain lone surrogates: {name!r}") from None
    return name


def _checked_size(size: int) -> int:
    if isinstance(size, bool) or not isinstance(size, int):
        raise TypeError(f"a stack size is an int in bytes, not {type(size).__name__}")
    if size < 0:
        raise ValueError(f"a stack size must be at least 0 bytes, not {size}")
    if size > sys.maxsize:
        raise ValueError(f"a stack size of {size} bytes does not fit the address space")
    return size


def add_spawn_hook(hook: SpawnHook) -> None:
    """Run `hook(thread)` in this thread at each spawn from now on; threads inherit it.

    The hook gets the `Thread` that is about to start. It may return a function without
    arguments, which the new thread calls before its closure. The hook added last runs first; a
    hook cannot be removed.

    Args:
        hook: called on the spawning thread. What it raises comes out of `spawn`, and no thread
            starts. What the returned function raises is a panic of the new thread, which must
            own what that function uses, as with `spawn`.

    Raises:
        TypeError: `hook` is not callable.

    Blocks: no.
    Thread safety: acts on the calling thread and the threads it spawns later.

    Mirrors `std::thread::add_spawn_hook` (nightly).

    >>> from pythread_rs import move, thread_local
    >>> level = thread_local(lambda: 0)
    >>> def hook(thread):
    ...     inherited = level.get() + 1
    ...     return move(lambda: level.set(inherited))
    >>> def parent():
    ...     add_spawn_hook(hook)
    ...     return spawn(level.get).join()
    >>> spawn(parent).join()
    Ok(Ok(1))
    """
    if not callable(hook):
        raise TypeError(f"a spawn hook is a callable, not {type(hook).__name__}")
    info = current_info()
    info.hooks = (hook, *info.hooks)
