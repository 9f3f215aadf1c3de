"""What a native thread gets: pointers become addresses, buffers are owned or lent."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from pythread_rs import _ffi
from pythread_rs.native import _ctypes
from pythread_rs.native._function import Function
from pythread_rs.native._types import CType, from_cffi
from pythread_rs.ownership import Own
from pythread_rs.ownership._wrappers import AssumeSend, Frozen, Shared

__all__ = ["Closure", "Given", "borrowed", "owned"]

# [function, args, kwargs], as the check of ownership wants it: nobody else holds any of the three.
Closure = list[Any]
Check = Callable[[Closure], Any]

# The function of a closure whose own captures are nothing to look at.
CALLS_C: Final = _ffi.native_loop
# What `NativeSignature.needs` says of the usual arguments.
_NOTHING: Final = 0
_OWNERSHIP: Final = 1
_UNWRAPPED: Final = (Own, AssumeSend, Shared, Frozen)


class Given(NamedTuple):
    """The arguments for C, what must stay alive with them, and what undoes the move."""

    args: tuple[Any, ...]
    owner: tuple[Any, ...]
    moved: Any


def owned(function: Function, closure: Closure, check: Check) -> Given:
    """Check that the thread may own, or borrow, its arguments.

    Raises:
        TypeError: a pointer points to something else than the parameter does.
        OwnershipError: the thread may not have all of them. Nothing has changed.
    """
    signature = function._signature
    needs = signature.native.needs(closure[1]) if signature.pointers else _NOTHING
    if needs == _NOTHING:
        return Given(closure[1], (function._owner,), None)
    if needs == _OWNERSHIP:
        moved = check(closure)
        return Given(closure[1], (function._owner,), moved)
    addresses, pointers = _take_pointers(function, closure)
    moved = check(closure)
    return Given(_filled(closure[1], addresses), (function._owner, *pointers), moved)


def borrowed(function: Function, args: tuple[Any, ...], first: int) -> tuple[Any, ...]:
    """Take the arguments of a call for whose end the caller waits."""
    closure: Closure = [CALLS_C, (None,) * first + args, {}]
    addresses, _ = _take_pointers(function, closure)
    return _filled(closure[1], addresses)[first:]


def _take_pointers(function: Function, closure: Closure) -> tuple[dict[int, int], list[Any]]:
    """Take the pointers of cffi and ctypes out: what they point to is not Python's."""
    addresses: dict[int, int] = {}
    pointers: list[Any] = []
    parameters = function._signature.parameters
    for index in function._signature.pointers:
        if index >= len(closure[1]):
            break  # C says how many it wants
        address = _address(closure[1][index], parameters[index], index + 1)
        if address is not None:
            addresses[index] = address
            pointers.append(closure[1][index])
    if addresses:
        kept = [None if n in addresses else arg for n, arg in enumerate(closure[1])]
        closure[1] = tuple(kept)
        del kept
    return addresses, pointers


def _address(argument: Any, wanted: CType, number: int) -> int | None:
    if isinstance(argument, int):
        raise TypeError(f"argument {number}: {wanted.text} takes a buffer or a pointer, not an int")
    if _ffi.is_c_data(argument):
        return _cffi_address(argument, wanted, number)
    if _ctypes.is_pointer(argument):
        return _ctypes.address_of(argument, wanted, number)
    if argument is not None and not isinstance(argument, _UNWRAPPED):
        _check_buffer(argument, wanted, number)
    return None


def _check_buffer(argument: Any, wanted: CType, number: int) -> None:
    """Refuse what is none before anybody asks who owns it."""
    if not _ffi.is_buffer(argument):
        kind = type(argument).__name__
        raise TypeError(f"argument {number}: {wanted.text} takes a buffer or a pointer, not {kind}")


def _cffi_address(argument: Any, wanted: CType, number: int) -> int:
    ctype = _ffi.c_type(argument)
    if ctype.kind not in ("pointer", "array", "function"):
        raise TypeError(f"argument {number}: {wanted.text} takes a pointer, not {argument!r}")
    if repr(argument).endswith("RELEASED>"):
        raise ValueError(f"argument {number}: {argument!r} was released")
    found = from_cffi(ctype, "")
    if "v" not in (found.item, wanted.item) and found[1:3] != wanted[1:3]:
        raise TypeError(f"argument {number}: {wanted.text} takes no {argument!r}")
    return _ffi.c_address(argument)


def _filled(args: tuple[Any, ...], addresses: dict[int, int]) -> tuple[Any, ...]:
    """Put the addresses back, and unwrap what a wrapper holds."""
    if not addresses and not any(isinstance(arg, _UNWRAPPED) for arg in args):
        return args
    return tuple(addresses[n] if n in addresses else _inner(arg) for n, arg in enumerate(args))


def _inner(argument: Any) -> Any:
    return argument.value if type(argument) in (Own, AssumeSend, Shared) else argument
