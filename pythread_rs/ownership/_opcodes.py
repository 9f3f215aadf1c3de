"""Bytecode instructions that need no code: how many values they take and what they do to them."""

from __future__ import annotations

import sys

__all__ = ["ESCAPING", "FALLTHROUGH", "INERT", "NULL_FIRST", "READING"]

# Up to 3.12 the NULL of a call lies below the callable; since 3.13 it lies above.
NULL_FIRST = sys.version_info < (3, 13)

FALLTHROUGH = frozenset(
    [
        "NOP",
        "RESUME",
        "CACHE",
        "EXTENDED_ARG",
        "MAKE_CELL",
        "COPY_FREE_VARS",
        "PRECALL",
        "NOT_TAKEN",
        "SETUP_ANNOTATIONS",
        "JUMP_FORWARD",
        "JUMP_BACKWARD",
        "JUMP_BACKWARD_NO_INTERRUPT",
        "LIST_TO_TUPLE",
        "ASYNC_GEN_WRAP",
        "CONVERT_VALUE",
    ]
)

# Takes so many values, does nothing to them, gives so many that lead nowhere.
INERT = {
    "POP_TOP": (1, 0),
    "POP_ITER": (2 if sys.version_info >= (3, 15) else 1, 0),
    "POP_EXCEPT": (1, 0),
    "POP_JUMP_IF_NONE": (1, 0),
    "POP_JUMP_IF_NOT_NONE": (1, 0),
    "POP_JUMP_FORWARD_IF_NONE": (1, 0),
    "POP_JUMP_FORWARD_IF_NOT_NONE": (1, 0),
    "POP_JUMP_BACKWARD_IF_NONE": (1, 0),
    "POP_JUMP_BACKWARD_IF_NOT_NONE": (1, 0),
    "PUSH_EXC_INFO": (0, 1),
    "CHECK_EXC_MATCH": (1, 1),
    "CHECK_EG_MATCH": (2, 2),
    "LOAD_CLOSURE": (0, 1),
    "LOAD_SMALL_INT": (0, 1),
    "LOAD_COMMON_CONSTANT": (0, 1),
    "LOAD_ASSERTION_ERROR": (0, 1),
    "LOAD_BUILD_CLASS": (0, 1),
    "LOAD_LOCALS": (0, 1),
    "IMPORT_NAME": (2, 1),
    "IMPORT_FROM": (0, 1),
    "IS_OP": (2, 1),
    "RETURN_GENERATOR": (0, 1),
    "END_SEND": (3 if sys.version_info >= (3, 15) else 2, 1),
    "CLEANUP_THROW": (3, 2),
}

# Takes so many values and does this to each; gives so many that lead nowhere.
READING = {
    "TO_BOOL": (1, "truth", 1),
    "UNARY_NOT": (1, "truth", 1),
    "UNARY_POSITIVE": (1, "arith", 1),
    "UNARY_NEGATIVE": (1, "arith", 1),
    "UNARY_INVERT": (1, "arith", 1),
    "COMPARE_OP": (2, "compare", 1),
    "CONTAINS_OP": (2, "contains", 1),
    "DELETE_ATTR": (1, "mutate", 0),
} | dict.fromkeys(
    (
        "POP_JUMP_IF_FALSE",
        "POP_JUMP_IF_TRUE",
        *tuple(
            f"POP_JUMP_{way}_IF_{what}"
            for way in ("FORWARD", "BACKWARD")
            for what in ("TRUE", "FALSE")
        ),
    ),
    (1, "truth", 0),
)

# Takes so many values, which go where nobody follows them; gives so many that lead nowhere.
ESCAPING = {
    "BEFORE_ASYNC_WITH": (1, 2),
    "GET_AITER": (1, 1),
    "GET_AWAITABLE": (1, 1),
    "GET_YIELD_FROM_ITER": (1, 1),
    "MATCH_CLASS": (3, 1),
}
