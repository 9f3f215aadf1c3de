"""What a C type is to a native call: a letter, and for a pointer what it points to."""

from typing import Any, Final, NamedTuple

from pythread_rs import _ffi

__all__ = ["NULLABLE", "WRITES", "CType", "from_cffi", "pointer_to"]

NULLABLE: Final = 1
WRITES: Final = 2

_INTEGERS: Final = {
    (1, True): "b",
    (1, False): "B",
    (2, True): "h",
    (2, False): "H",
    (4, True): "i",
    (4, False): "I",
    (8, True): "q",
    (8, False): "Q",
}
_BYTES: Final = ("char", "unsigned char", "signed char")
_NOT_IN_REGISTERS: Final = ("long double", "complex", "_Complex")


class CType(NamedTuple):
    """The type of one parameter or result.

    `code` is a letter of the module struct, P for any pointer, v for void. What a pointer points
    to is `item`: i, u or f with `size` bytes, or v for anything.
    """

    code: str
    item: str
    size: int
    flags: int
    text: str


def integer(size: int, signed: bool, text: str) -> CType:
    """Describe an integer type."""
    return CType(_INTEGERS[size, signed], "v", 0, 0, text)


def pointer_to(item: CType | None, text: str, flags: int = 0) -> CType:
    """Describe a pointer; `item` is None for what buffers have no letter for."""
    if item is None or item.code in "vP":
        return CType("P", "v", 0, flags, text)
    kind = "f" if item.code in "fd" else "i" if item.code in "bhiq" else "u"
    size = {"b": 1, "?": 1, "h": 2, "i": 4, "f": 4, "q": 8, "d": 8}[item.code.lower()]
    return CType("P", kind, size, flags, text)


def from_cffi(ctype: Any, what: str) -> CType:
    """Describe a type of cffi.

    Raises:
        TypeError: values of the type do not travel in registers.
    """
    text: str = ctype.cname
    if ctype.kind == "void":
        return CType("v", "v", 0, 0, "void")
    if ctype.kind in ("function", "array", "pointer"):
        return pointer_to(_item(ctype), text)
    if ctype.kind == "enum":
        return integer(_ffi.c_size(ctype), _ffi.c_is_signed(ctype), text)
    if ctype.kind != "primitive" or any(word in text for word in _NOT_IN_REGISTERS):
        raise TypeError(f"{what}: a native call cannot pass {text!r} by value: use a pointer")
    return _primitive(ctype)


def _primitive(ctype: Any) -> CType:
    text: str = ctype.cname
    if text in ("float", "double"):
        return CType(text[0], "v", 0, 0, text)
    if text == "_Bool":
        return CType("?", "v", 0, 0, text)
    if text == "char":  # whose sign is the compiler's business
        return integer(1, True, text)
    return integer(_ffi.c_size(ctype), _ffi.c_is_signed(ctype), text)


def _item(ctype: Any) -> CType | None:
    """Describe what a pointer points to; bytes and what has no letter may be anything."""
    if ctype.kind == "function" or ctype.item.kind not in ("primitive", "enum"):
        return None
    if ctype.item.cname in _BYTES or any(word in ctype.item.cname for word in _NOT_IN_REGISTERS):
        return None
    return from_cffi(ctype.item, "")
