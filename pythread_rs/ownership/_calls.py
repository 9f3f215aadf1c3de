"""What calls do to their arguments: builtins and methods that are known to read."""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "BUILTINS",
    "COUNTING",
    "FRESH",
    "HANDING_OVER",
    "PAIRING",
    "SEEING_EVERYTHING",
    "Builtin",
]


class Builtin(NamedTuple):
    """What a builtin does to each argument, what to what an argument yields, and what it gives.

    `gives` is "none" (nothing that leads back), "text", "box" (a fresh object that holds what the
    arguments yield), "pairs" (one that holds tuples of that) or "items" (one of the arguments or
    of what they yield).
    """

    does: tuple[str, ...]
    to_items: tuple[str, ...] = ()
    gives: str = "none"


_ITERATE = Builtin(("iter",), (), "box")
_PAIR_UP = Builtin(("iter",), (), "pairs")
_SET = Builtin(("iter",), ("hash", "compare"), "box")
_NUMBER = Builtin(("arith",))
_LOOK = Builtin(())
_SHOW = Builtin(("format",), (), "text")
_CHOOSE = Builtin(("iter", "compare"), ("compare",), "items")

BUILTINS: dict[str, Builtin] = {
    "len": Builtin(("len",)),
    "sum": Builtin(("iter",), ("arith",), "box"),
    "min": _CHOOSE,
    "max": _CHOOSE,
    "sorted": Builtin(("iter",), ("compare",), "box"),
    "any": Builtin(("iter",), ("truth",)),
    "all": Builtin(("iter",), ("truth",)),
    "dict": Builtin(("iter", "mapping"), ("hash", "compare", "iter"), "box"),
    "set": _SET,
    "frozenset": _SET,
    "print": _SHOW,
    "repr": _SHOW,
    "str": _SHOW,
    "format": _SHOW,
    "ascii": _SHOW,
    "next": Builtin(("next",), (), "items"),
    "bool": Builtin(("truth",)),
    "hash": Builtin(("hash",)),
}
BUILTINS.update(
    dict.fromkeys(
        ("list", "tuple", "range", "reversed", "iter", "bytes", "bytearray"),
        _ITERATE,
    )
)
BUILTINS.update(dict.fromkeys(("enumerate", "zip"), _PAIR_UP))
BUILTINS.update(
    dict.fromkeys(
        (
            "abs",
            "round",
            "divmod",
            "pow",
            "int",
            "float",
            "complex",
            "chr",
            "ord",
            "hex",
            "bin",
            "oct",
        ),
        _NUMBER,
    )
)
BUILTINS.update(dict.fromkeys(("isinstance", "issubclass", "id", "type", "callable"), _LOOK))

# Functions of this package that take a closure or a value over; the value answers for itself then.
HANDING_OVER = frozenset({"move", "take", "shared"})

# With these, code reaches variables that it does not name.
SEEING_EVERYTHING = frozenset({"exec", "eval", "locals", "vars", "globals"})

# Methods whose result leads to nothing: a number, a truth value, a text.
COUNTING = frozenset(
    [
        "count",
        "index",
        "find",
        "rfind",
        "rindex",
        "startswith",
        "endswith",
        "isdisjoint",
        "issubset",
        "issuperset",
        "hex",
        "decode",
        "tobytes",
        "isalpha",
        "isdigit",
        "isspace",
        "islower",
        "isupper",
        "isalnum",
        "bit_length",
        "is_integer",
    ]
)
# Methods whose result is a fresh object that holds what the receiver holds.
FRESH = frozenset(
    [
        "copy",
        "keys",
        "values",
        "union",
        "intersection",
        "difference",
        "symmetric_difference",
        "tolist",
        "split",
        "rsplit",
        "splitlines",
        "partition",
        "rpartition",
        "elements",
    ]
)
# The same with tuples.
PAIRING = frozenset({"items", "most_common"})
