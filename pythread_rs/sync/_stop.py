"""StopToken: cooperative cancellation."""

from typing import NoReturn, Self, final

from pythread_rs import _ffi

__all__ = ["StopToken", "Stopped"]


class Stopped(Exception):  # noqa: N818 - a request that was followed, as KeyboardInterrupt
    """A stop token was stopped: raised by `raise_if_stopped` and by waits that got `stop=token`.

    Not in Rust's std.

    >>> issubclass(Stopped, Exception)
    True
    """

    __module__ = "pythread_rs.sync"


@final
class StopToken(_ffi.StopTokenBase):
    """A flag that asks threads to end, and ends their waits.

    Nothing is forced: a thread looks at the token where it can end well, by `is_stopped` or
    `raise_if_stopped`, and gives it to what it waits for as `stop=token`. Such a wait raises
    `Stopped` as soon as the token is stopped; what can be done without waiting is done all the
    same.

    One token serves any number of threads, and none owns it: a captured token stays with its
    variable when a closure is moved, so that the one who started the threads can stop them.

    Thread safety: every method, from any thread.

    Not in Rust's std; modelled on the `CancellationToken` of tokio-util and the `stop_token` of
    C++.

    >>> from pythread_rs import spawn
    >>> token = StopToken()
    >>> handle = spawn(token.wait)
    >>> token.stop()
    >>> handle.join()
    Ok(True)
    """

    __module__ = "pythread_rs.sync"
    __slots__ = ("__weakref__",)
    __thread_send__ = "sync"

    def clone(self) -> Self:
        """Return this token: a second name is all that a second user needs.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `Clone` of the tokens of other libraries.

        >>> token = StopToken()
        >>> token.clone() is token
        True
        """
        return self

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a StopToken means nothing in another process: it cannot be pickled")
