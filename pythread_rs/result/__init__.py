"""`Result`, the outcome of another thread: `Ok(value)` or `Err(error)`; Rust's `std::result`.

`handle.join()`, and every other call whose outcome depends on another thread, returns one:

    match handle.join():
        case Ok(value):
            print(value)
        case Err(ValueError() as error):
            print(f"a bad value: {error}")
        case Err(panic):
            print(f"the thread panicked: {panic!r}")

`Result[T, E]` is the union `Ok[T] | Err[E]`, for annotations. At run time ask
`isinstance(x, (Ok, Err))`; `isinstance(x, Result)` is a TypeError, as for any generic union.
The methods `result.is_ok()` and `result.is_err()` answer a question; the functions `is_ok(result)`
and `is_err(result)`, `isinstance` and `match` also narrow the type for mypy and pyright.

A result has no truth value and is no context manager: `if result:` and `with result:` raise a
TypeError that names the right spelling. pyright reports `if result:`; mypy does with its error code
`truthy-bool`.

Errors:

    Exception
     +-- UnwrapError               `unwrap`, `expect` and relatives on the wrong variant
     +-- TypeError                 misuse: `if result:`, `with result:`, a function that should
     |                             have returned a result
     +-- AttributeError            setting an attribute, `Ok(...).error`, `Err(...).value`
     +-- Warning
          +-- RuntimeWarning
               +-- UnusedResultWarning   an `Err` of a `join` was dropped unread; only when the
                                         environment variable PYTHREAD_RS_MUST_USE is 1

Rust and Python:

    Rust                                  here
    ------------------------------------  -------------------------------------------------------
    Result<T, E>, Ok(v), Err(e)           Result[T, E], Ok(v), Err(e)
    Ok(v) => .., Err(e) => ..             case Ok(v):, case Err(e):
    is_ok, is_err                         the same; also functions, which narrow the type
    is_ok_and, is_err_and                 the same
    ok, err                               the same; None stands for Option's None
    map, map_err, inspect, inspect_err    the same
    map_or, map_or_else                   the same; as in Rust, the default comes first
    and, or                               and_, or_
    and_then, or_else                     the same
    unwrap, expect                        the same; raise UnwrapError from the error
    unwrap_err, expect_err                the same; raise UnwrapError
    unwrap_or, unwrap_or_else             the same
    unwrap_or_default()                   unwrap_or_default(int): the type is passed
    flatten                               the same
    transpose                             the same; Ok(None) gives None, all else stays as it is
    iter, into_iter                       iter, or a `for` loop over the result
    {:?}                                  repr
    ==, Hash, Clone                       ==, hash, copy and pickle
    <, Ord                                nothing
    result?                               result.unwrap_or_raise(), or unwrap_or_raise(MyError)
    #[must_use]                           PYTHREAD_RS_MUST_USE=1, for the Err of a join
    as_ref, as_mut, copied, cloned        nothing: Python passes references already
"""

from __future__ import annotations

from pythread_rs._ffi import set_results as _set_results

from ._err import Err
from ._errors import UnusedResultWarning, UnwrapError
from ._ok import Ok
from ._result import Result, is_err, is_ok

__all__ = [
    "Err",
    "Ok",
    "Result",
    "UnusedResultWarning",
    "UnwrapError",
    "is_err",
    "is_ok",
]

# The C types make results too, without a call of the class.
_set_results(Ok, Err)
