"""par_for: a C function over an index range, on the workers of a pool."""

import operator
from typing import Final

from pythread_rs import _ffi
from pythread_rs.native._arguments import borrowed
from pythread_rs.native._errors import NativeError
from pythread_rs.native._function import Function, resolve
from pythread_rs.native._spawn import failure_test

__all__ = ["par_for"]

_CHECKS: Final = {None: 0, "nonzero": 1, "negative": 2}
_MOST: Final = 2**62
_RANGE: Final = 2  # parameters of the function that are the block


def par_for(
    fn: object, n: int, /, *args: object, grain: int | None = None, errcheck: str | None = None
) -> None:
    """Call the C function `fn(begin, end, *args)` for blocks of `range(n)`, on all CPUs.

    The calling thread and workers of the current pool (the one whose worker calls, else the
    global one) each have a part of the range, and whoever has finished steals half of what another
    one has left: each index once, in no order, on at most as many threads as the pool has. They
    hold no GIL meanwhile. Blocks grow until one takes about 50 us. The function takes a block and
    not one index, so that its own loop is as quick as C is. Buffers are lent to all blocks at the
    same time: that no two write to one place is up to the function.

    Args:
        fn: as for `spawn`; its first two parameters are int64_t or as wide.
        n: how many indices.
        *args: what follows the block in each call.
        grain: blocks begin at multiples of it, and only the last one may be shorter; None is 1.
        errcheck: "nonzero" or "negative": the first such result is raised, no more blocks begin.

    Raises:
        TypeError, OverflowError, BufferError: as `spawn`.
        SpawnError: the global pool is made now, and the OS refuses a thread.
        ValueError: `n` is negative, or `grain` is less than 1, or `fn` is NULL.
        NativeError: what `errcheck` asks for, when the blocks under way have ended.
        KeyboardInterrupt: Ctrl-C on the main thread: no more blocks begin, those under way end.

    Blocks: until all blocks have ended, without the GIL.
    Thread safety: any thread. All that the blocks did happens before the return.

    Mirrors rayon's `par_iter().for_each()` over a range.

    >>> kernel = function(address_of_kernel, "void(int64_t, int64_t, double *)")  # doctest: +SKIP
    >>> par_for(kernel, len(numbers), numbers)  # doctest: +SKIP
    """
    function = resolve(fn)
    count, least = _size(n, "n", 0), 1 if grain is None else _size(grain, "grain", 1)
    check = _check(errcheck, function)
    _check_range(function)
    values = borrowed(function, args, _RANGE)
    pool = _ffi.current_pool() or _global_pool()
    signature, address = function._signature.native, function._address
    failure = _ffi.native_loop(pool, signature, address, values, count, least, check)
    if failure is not None:
        raise NativeError(*failure, function._name)


def _global_pool() -> _ffi.PoolBase:
    from pythread_rs.pool import global_pool  # most who use native functions need no pool

    return global_pool()._core


def _size(value: int, name: str, least: int) -> int:
    whole = operator.index(value)
    if not least <= whole <= _MOST:
        raise ValueError(f"{name} is at least {least} and at most {_MOST}, not {value!r}")
    return whole


def _check(errcheck: str | None, function: Function) -> int:
    if errcheck is not None:
        failure_test(errcheck, function)
        if errcheck not in _CHECKS or function._signature.result.code in "fd":
            raise TypeError(
                "errcheck of par_for is 'nonzero' or 'negative', of an integer: blocks run "
                "without Python, which could not call a function"
            )
    return _CHECKS[errcheck]


def _check_range(function: Function) -> None:
    codes = [parameter.code for parameter in function._signature.parameters[:_RANGE]]
    if len(codes) < _RANGE or any(code not in "qQ" for code in codes):
        raise TypeError(
            f"par_for calls fn(begin, end, ...) with two int64_t, which {function!r} does not take"
        )
