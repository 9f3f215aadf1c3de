"""Function: the address and the types of a C function, wherever it comes from."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NoReturn, cast, final

from pythread_rs import _ffi
from pythread_rs.native import _ctypes
from pythread_rs.native._signature import Signature, from_text, make
from pythread_rs.native._types import from_cffi

__all__ = ["Function", "function", "resolve"]


@final
class Function:
    """A C function that native threads can run: made by `function`.

    Thread safety: immutable.

    Mirrors an `extern "C" fn` pointer.

    >>> import ctypes
    >>> function(ctypes.cdll.LoadLibrary(None).labs, "long(long)").signature
    'long(long)'
    """

    __slots__ = ("_address", "_name", "_owner", "_signature")
    __thread_send__ = "copy"

    _address: int
    _name: str
    _owner: object  # what keeps the code in memory
    _signature: Signature

    def __init__(self) -> None:
        raise TypeError("a Function is made by native.function")

    @property
    def address(self) -> int:
        """Where the function begins."""
        return self._address

    @property
    def signature(self) -> str:
        """Its types, as C writes them."""
        return str(self._signature)

    def __repr__(self) -> str:
        return f"Function {{ {self._name or hex(self._address)}: {self._signature} }}"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an address means nothing in another process: it cannot be pickled")


def _new(address: int, signature: Signature, owner: object, name: str) -> Function:
    if address == 0:
        raise ValueError(f"the C function {name}".rstrip() + " is NULL")
    made = object.__new__(Function)
    made._address = address
    made._signature = signature
    made._owner = owner
    made._name = name
    return made if _ffi.is_c_function(owner) else _still_there(made)


def _still_there(function: Function) -> Function:
    """Refuse an address where nothing is, as that of a library that was closed.

    What a module in API mode has stays as long as the module: there it is not looked at.
    """
    if _ffi.is_c_function(function._owner) or _ffi.is_mapped(function._address):
        return function
    raise ValueError(
        f"there is nothing at the address {function._address:#x} of {function!r}: its library was "
        "closed, or it is no address"
    )


def function(target: object, signature: str | None = None) -> Function:
    """Name a C function for `spawn` and `par_for`.

    Args:
        target: an address, or a function as `spawn` takes it.
        signature: its types, such as `"double(int64_t, const double *)"`. An address needs them;
            other functions know their own, which these replace. A pointer that is `const` takes
            read-only buffers, one that is `_Nullable` takes None.

    Returns:
        The function. It keeps `target` alive; of an address, the caller must know that it stays.

    Raises:
        TypeError: `target` is no C function, or its types are not known, or do not travel in
            registers: structs by value, long double, variable arguments.
        ValueError: the function is NULL, or its library was closed.

    Blocks: no.
    Thread safety: any thread.

    Mirrors `std::mem::transmute` from an address to an `extern "C" fn`.

    >>> import ctypes
    >>> labs = function(ctypes.cdll.LoadLibrary(None).labs, "long(long)")
    >>> spawn(labs, -5).join()
    Ok(5)
    """
    if signature is None:
        return resolve(target)
    types = from_text(signature)
    if isinstance(target, int) and not isinstance(target, bool):
        if not 0 <= target < 1 << 64:
            raise ValueError(f"{target!r} is no address")
        return _new(target, types, None, "")
    address, owner, name = _place(target)
    return _new(address, types, owner, name)


def resolve(target: Any) -> Function:
    """Find the address and the types of a C function.

    Raises:
        TypeError: it is none, or its types are not known.
        ValueError: it is NULL, or its library was closed.
    """
    if type(target) is Function:
        return _still_there(target)
    if _ffi.is_c_data(target):
        return _new(_ffi.c_address(target), _cffi_signature(_ffi.c_type(target)), target, "")
    if _ffi.is_c_function(target):
        return _from_api_mode(target)
    if _ctypes.is_function(target):
        address, _, name = _place(target)
        return _new(address, _ctypes.signature_of(target), target, name)
    inner = getattr(target, "ctypes", None)
    if isinstance(getattr(target, "address", None), int) and _ctypes.is_function(inner):
        name = str(getattr(target, "native_name", ""))
        return _new(target.address, _ctypes.signature_of(inner), target, name)
    capsule = _capsule_in(target)
    if capsule is not None:
        return _from_capsule(capsule, target)
    raise TypeError(
        f"{target!r:.100} is no C function: a native thread runs functions of cffi, ctypes, numba "
        "(@cfunc), PyCapsules whose name is a signature, and native.function(address, signature)"
    )


def _place(target: Any) -> tuple[int, object, str]:
    """Return the address of a function whose types may not be known, its owner and name."""
    if _ctypes.is_function(target):
        return _ctypes.address_of(target, None, 0), target, str(getattr(target, "__name__", ""))
    if _ffi.is_c_data(target):
        return _ffi.c_address(target), target, ""
    capsule = _capsule_in(target)
    if capsule is not None:
        return _ffi.native_capsule(capsule)[0], target, ""
    found = resolve(target)
    return found._address, found._owner, found._name


@lru_cache(maxsize=256)
def _from_api_mode(target: Any) -> Function:
    signature = _cffi_signature(_ffi.c_type(target))
    return _new(_ffi.c_address(target), signature, target, target.__name__)


@lru_cache(maxsize=256)
def _cffi_signature(ctype: Any) -> Signature:
    text = ctype.cname
    if ctype.kind == "pointer" and ctype.item.kind == "function":
        ctype = ctype.item
    if ctype.kind != "function":
        raise TypeError(f"<cdata {text!r}> is no function")
    if ctype.ellipsis:
        raise TypeError(f"a function with variable arguments cannot be called natively: {text!r}")
    types = tuple(from_cffi(one, repr(text)) for one in ctype.args)
    return make(from_cffi(ctype.result, repr(text)), types)


def _capsule_in(target: object) -> object | None:
    """Find the PyCapsule in a LowLevelCallable of scipy, which is a tuple, or in itself."""
    if type(target).__name__ == "LowLevelCallable":
        target = next(iter(cast("Any", target)))
    return target if type(target).__name__ == "PyCapsule" else None


def _from_capsule(capsule: object, owner: object) -> Function:
    address, name = _ffi.native_capsule(capsule)
    if name is None:
        raise TypeError("this PyCapsule has no name: native.function(capsule, signature) gives one")
    return _new(address, from_text(name), owner, "")
