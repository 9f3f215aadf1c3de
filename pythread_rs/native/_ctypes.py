"""Functions and pointers of ctypes, which is looked at only when the program has imported it."""

import sys
from functools import cache
from typing import Any, Final

from pythread_rs.native._signature import Signature, make
from pythread_rs.native._types import NULLABLE, CType, integer, pointer_to

__all__ = ["address_of", "is_function", "is_pointer", "signature_of"]

_NEEDS_GIL: Final = 4  # FUNCFLAG_PYTHONAPI
_FLOATS: Final = {"f": "float", "d": "double"}
_POINTERS: Final = ("P", "z", "Z")
_SIGNED: Final = "bhilqc"
_UNSIGNED: Final = "BHILQu"


def _module() -> Any:
    return sys.modules.get("ctypes")


def is_function(value: object) -> bool:
    """Tell whether a value is a function pointer of ctypes."""
    ctypes = _module()
    return ctypes is not None and isinstance(value, ctypes._CFuncPtr)


def signature_of(function: Any) -> Signature:
    """Read `argtypes` and `restype`.

    Raises:
        TypeError: they are not set, or not types that travel in registers.
    """
    if function._flags_ & _NEEDS_GIL:
        raise TypeError(f"{function!r} is a function of Python's own: it needs the GIL")
    if function.argtypes is None:
        raise TypeError(f"{function!r}: set its argtypes first, a native call needs the types")
    result = function.restype
    described = CType("v", "v", 0, 0, "void") if result is None else _describe(result)
    return make(described, tuple(_describe(one) for one in function.argtypes))


def _describe(cls: Any) -> CType:
    ctypes = _module()
    name = getattr(cls, "__name__", repr(cls))
    if not isinstance(cls, type):
        raise TypeError(f"{name} is no type of ctypes that a native call knows")
    if issubclass(cls, ctypes._CFuncPtr):
        return pointer_to(None, name, NULLABLE)
    if issubclass(cls, (ctypes._Pointer, ctypes.Array)):
        return pointer_to(_item(cls), name, NULLABLE)
    code = _letter(cls) if issubclass(cls, ctypes._SimpleCData) else None
    if code in _POINTERS:
        return pointer_to(None, name, NULLABLE)
    if code in _FLOATS:
        return CType(str(code), "v", 0, 0, name)
    if code == "?":
        return CType("?", "v", 0, 0, name)
    if isinstance(code, str) and code in _SIGNED + _UNSIGNED:
        return integer(ctypes.sizeof(cls), code in _SIGNED, name)
    raise TypeError(f"a native call cannot pass {name!r} by value: use a pointer")


def _item(pointer: Any) -> CType | None:
    item = _letter(pointer)
    simple = isinstance(item, type) and issubclass(item, _module()._SimpleCData)
    if not simple or _letter(item) in "cBbgOvXu" or _letter(item) in _POINTERS:
        return None
    return _describe(item)


def is_pointer(value: Any) -> bool:
    """Tell whether a value of ctypes is, or refers to, an address."""
    ctypes = _module()
    if ctypes is None:
        return False
    if isinstance(value, ctypes._SimpleCData):
        return _letter(value) in _POINTERS
    return isinstance(value, (ctypes._Pointer, ctypes.Array, ctypes._CFuncPtr, _reference()))


@cache
def _reference() -> type[Any]:
    """Return the class of what `byref` gives, which has no public name."""
    ctypes = _module()
    reference: type[Any] = ctypes.byref(ctypes.c_int()).__class__
    return reference


def _letter(value: Any) -> Any:
    return value._type_


def address_of(value: Any, wanted: CType | None, number: int) -> int:
    """Return the address that a value of ctypes stands for, 0 for NULL.

    Raises:
        TypeError: it points to something else than the parameter does.
    """
    ctypes = _module()
    if wanted is not None and isinstance(value, (ctypes._Pointer, ctypes.Array)):
        found = _item(type(value))
        there = pointer_to(found, type(value).__name__)
        if "v" not in (there.item, wanted.item) and there[1:3] != wanted[1:3]:
            raise TypeError(
                f"argument {number}: {wanted.text} takes no {type(value).__name__} of ctypes"
            )
    return ctypes.cast(value, ctypes.c_void_p).value or 0
