"""Once: a function that is called once, whoever comes first."""

from datetime import timedelta
from typing import NoReturn, Self, final

from pythread_rs import _ffi
from pythread_rs.result import Err, Ok, Result
from pythread_rs.sync._refusals import NotCopied
from pythread_rs.sync._stop import StopToken
from pythread_rs.sync._timeout import WaitTimeoutError

__all__ = ["Once", "OncePoisonedError", "OnceState"]

_FOREVER = -1


class OncePoisonedError(RuntimeError):
    """The function of a `Once` or a `LazyLock` raised, so that what it was to make is not there.

    Mirrors the panic of `std::sync::Once::call_once` and of `std::sync::LazyLock::force`.

    >>> issubclass(OncePoisonedError, RuntimeError)
    True
    """

    __module__ = "pythread_rs.sync"


@final
class OnceState:
    """What `Once.call_once_force` gives to its function.

    Thread safety: immutable.

    Mirrors `std::sync::OnceState`.

    >>> Once().call_once_force(print)
    OnceState { poisoned: false }
    """

    __module__ = "pythread_rs.sync"
    __slots__ = ("_poisoned",)
    __thread_send__ = "copy"

    _poisoned: bool

    def __init__(self) -> None:
        raise TypeError("an OnceState comes from Once.call_once_force")

    def is_poisoned(self) -> bool:
        """Tell whether the function of an earlier call raised.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `std::sync::OnceState::is_poisoned`.

        >>> Once().call_once_force(lambda state: print(state.is_poisoned()))
        False
        """
        return self._poisoned

    def __repr__(self) -> str:
        return f"OnceState {{ poisoned: {str(self._poisoned).lower()} }}"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("an OnceState means nothing elsewhere: it cannot be pickled")


def _state(*, poisoned: bool) -> OnceState:
    state = object.__new__(OnceState)
    state._poisoned = poisoned
    return state


_ffi.set_once_states(_state(poisoned=False), _state(poisoned=True))


@final
class Once(NotCopied, _ffi.OnceBase):
    """A function that is called once, by the first of any number of threads.

    If it raises, the `Once` is poisoned: `call_once` and `wait` raise from then on, until a
    `call_once_force` succeeds. In the child of a fork, a function that another thread was in has
    failed.

    A captured `Once` stays with its variable when a closure is moved, and as a module's variable
    it may be used in spawned functions.

    Thread safety: every method, from any thread.

    Mirrors `std::sync::Once`.

    >>> start = Once()
    >>> for _ in range(3):
    ...     start.call_once(lambda: print("started"))
    started
    """

    __module__ = "pythread_rs.sync"
    __slots__ = ("__weakref__",)
    __thread_send__ = "sync"

    def wait(self, *, stop: StopToken | None = None) -> None:
        """Wait until a function has been called and has ended.

        Args:
            stop: a `StopToken` that ends the wait.

        Raises:
            OncePoisonedError: the function raised, before this call or during it.
            DeadlockError: called by the function itself.
            Stopped: `stop` was stopped.
            KeyboardInterrupt: Ctrl-C on the main thread.
            RuntimeError: the interpreter is exiting.

        Blocks: yes, without the GIL.
        Thread safety: any thread. What the function did happens before this returns.

        Mirrors `std::sync::Once::wait`.

        >>> once = Once()
        >>> once.call_once(list)
        >>> once.wait()
        """
        self._wait(False, _FOREVER, stop)

    def wait_force(self, *, stop: StopToken | None = None) -> None:
        """Wait until a function has been called and has not raised.

        Args:
            stop: a `StopToken` that ends the wait.

        Raises:
            DeadlockError: called by the function itself.
            Stopped: `stop` was stopped.
            KeyboardInterrupt: Ctrl-C on the main thread.
            RuntimeError: the interpreter is exiting.

        Blocks: yes, without the GIL.
        Thread safety: as `wait`.

        Mirrors `std::sync::Once::wait_force`.

        >>> once = Once()
        >>> once.call_once(list)
        >>> once.wait_force()
        """
        self._wait(True, _FOREVER, stop)

    def wait_timeout(
        self, timeout: float | timedelta, *, stop: StopToken | None = None
    ) -> Result[None, WaitTimeoutError]:
        """Wait as `wait` does, but at most `timeout`.

        Args:
            timeout: seconds, or a timedelta; at least 0.
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(None)`, or `Err(WaitTimeoutError)` when the time is over.

        Raises:
            ValueError: `timeout` is negative or NaN.
            OncePoisonedError, DeadlockError, Stopped, KeyboardInterrupt, RuntimeError: as `wait`.

        Blocks: at most `timeout`, without the GIL.
        Thread safety: as `wait`.

        Not in Rust, which waits for ever.

        >>> Once().wait_timeout(0.001)
        Err(WaitTimeoutError('timed out waiting on Once'))
        """
        return _outcome(self._wait(False, _ffi.nanoseconds(timeout), stop))

    def wait_force_timeout(
        self, timeout: float | timedelta, *, stop: StopToken | None = None
    ) -> Result[None, WaitTimeoutError]:
        """Wait as `wait_force` does, but at most `timeout`.

        Args:
            timeout: seconds, or a timedelta; at least 0.
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(None)`, or `Err(WaitTimeoutError)` when the time is over.

        Raises:
            ValueError: `timeout` is negative or NaN.
            DeadlockError, Stopped, KeyboardInterrupt, RuntimeError: as `wait_force`.

        Blocks: at most `timeout`, without the GIL.
        Thread safety: as `wait`.

        Not in Rust, which waits for ever.

        >>> Once().wait_force_timeout(0.001)
        Err(WaitTimeoutError('timed out waiting on Once'))
        """
        return _outcome(self._wait(True, _ffi.nanoseconds(timeout), stop))


def _outcome(completed: bool) -> Result[None, WaitTimeoutError]:
    return Ok(None) if completed else Err(WaitTimeoutError("timed out waiting on Once"))
