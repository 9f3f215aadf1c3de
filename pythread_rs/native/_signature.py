"""Signatures written as in C: "double(int64_t, const double *)"."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from pythread_rs import _ffi
from pythread_rs.native._types import NULLABLE, WRITES, CType, from_cffi, pointer_to

__all__ = ["Signature", "from_text", "make"]

_WHOLE: Final = re.compile(r"\s*(?P<result>[^()]*?)\s*\(\s*(?P<parameters>[^()]*?)\s*\)\s*;?\s*")
_NOT_TYPES: Final = re.compile(r"\b(volatile|restrict|__restrict|register|extern|_Nonnull)\b")
_WORDS: Final = re.compile(r"[A-Za-z_]\w*|\S")
_FIRST: Final = {"struct", "union", "enum"}
_BASIC: Final = {"void", "char", "short", "int", "long", "signed", "unsigned", "float", "double"}
_BASIC_WORDS: Final = _BASIC | {"_Bool", "_Complex"}
_ALIASES: Final = {"bool": "_Bool"}


class Signature(NamedTuple):
    """The types of a function: for Python, and, made of them, for C."""

    result: CType
    parameters: tuple[CType, ...]
    pointers: tuple[int, ...]  # which parameters are
    native: _ffi.NativeSignature

    def __str__(self) -> str:
        return f"{self.result.text}({', '.join(p.text for p in self.parameters)})"


def make(result: CType, parameters: tuple[CType, ...]) -> Signature:
    """Put types together.

    Raises:
        TypeError: a parameter is void, or there are too many.
    """
    for number, parameter in enumerate(parameters, 1):
        if parameter.code == "v":
            raise TypeError(f"parameter {number} of a C function cannot be void")
    pointers = tuple(n for n, parameter in enumerate(parameters) if parameter.code == "P")
    native = _ffi.NativeSignature(result.code, parameters)
    return Signature(result, parameters, pointers, native)


@lru_cache(maxsize=256)
def from_text(text: str) -> Signature:
    """Read a signature as C writes it, with or without names of parameters.

    Raises:
        TypeError: it is none, or a value would not travel in registers.
    """
    match = _WHOLE.fullmatch(text)
    if match is None:
        raise TypeError(
            f"not a signature: {text!r} (wanted is 'double(int64_t, const double *)'; a function "
            "as a parameter is written void *)"
        )
    parameters = match["parameters"]
    types = [] if parameters in ("", "void") else parameters.split(",")
    return make(
        _type(match["result"], text, named=False),
        tuple(_type(one, text, named=True) for one in types),
    )


def _type(text: str, whole: str, *, named: bool) -> CType:
    """Read one type, with a name behind it if it may have one."""
    words = _WORDS.findall(_NOT_TYPES.sub(" ", text))
    if "..." in text:
        raise TypeError(f"a function with variable arguments cannot be called natively: {whole!r}")
    stars = words.count("*") + words.count("[")
    base, rest = _split(words)
    if not base or not _is_fine(rest, named=named):
        raise TypeError(f"not a type: {text.strip()!r} in the signature {whole!r}")
    if stars == 0:
        return _value(base, whole)
    const = "const" in words[: words.index("*") if "*" in words else len(words)]
    flags = (0 if const else WRITES) | (NULLABLE if "_Nullable" in words else 0)
    written = f"{'const ' if const else ''}{base} {'*' * stars}"
    return pointer_to(_pointed(base) if stars == 1 else None, written, flags)


def _split(words: list[str]) -> tuple[str, list[str]]:
    """Part the words of the type itself from what follows it."""
    words = [word for word in words if word not in ("const", "_Nullable")]
    end = 0
    if words and words[0] in _FIRST:
        end = 2
    else:
        while end < len(words) and words[end] in _BASIC_WORDS:
            end += 1
        end = end or int(bool(words) and words[0].isidentifier())
    return " ".join(words[:end]), words[end:]


def _is_fine(rest: list[str], *, named: bool) -> bool:
    """Tell whether stars, at most one name, and brackets follow a type."""
    pattern = r"(\* )*" + (r"([A-Za-z_]\w* )?(\[ (\d )*\] )*" if named else "")
    return re.fullmatch(pattern, "".join(f"{word} " for word in rest)) is not None


def _value(base: str, whole: str) -> CType:
    try:
        return from_cffi(_ffi.c_type(_ALIASES.get(base, base)), repr(whole))
    except ValueError:
        raise TypeError(f"unknown type {base!r} in the signature {whole!r}") from None


def _pointed(base: str) -> CType | None:
    """Describe what a pointer points to; a type that nobody knows may be anything."""
    try:
        pointer = from_cffi(_ffi.c_type(f"{_ALIASES.get(base, base)} *"), "")
    except ValueError:
        return None
    if pointer.item == "v":
        return None
    code = {"f": {4: "f", 8: "d"}, "i": {1: "b", 2: "h", 4: "i", 8: "q"}}
    code["u"] = {size: letter.upper() for size, letter in code["i"].items()}
    return CType(code[pointer.item][pointer.size], "v", 0, 0, base)
