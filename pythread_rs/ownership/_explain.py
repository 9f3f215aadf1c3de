"""The long explanations of the error codes, one text each in the folder `explain`."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

__all__ = ["CODES", "explanation", "title"]

CODES: Final = (
    "E0133",
    "E0277",
    "E0373",
    "E0382",
    "E0499",
    "E0502",
    "E0505",
    "E0506",
    "E0507",
    "E0594",
)


def explanation(code: str) -> str:
    """Return the explanation of an error code, as Markdown.

    Args:
        code: Such as `"E0382"`, in upper or lower case.

    Raises:
        LookupError: There is no such code.

    >>> explanation("e0382").splitlines()[0]
    '# E0382: use of a moved value'
    """
    name = code.strip().upper()
    if name not in CODES:
        raise LookupError(f"{code} is not one of {', '.join(CODES)}")
    return files("pythread_rs.ownership").joinpath("explain", f"{name}.md").read_text("utf-8")


def title(code: str) -> str:
    """Return what a code means, in a few words."""
    return explanation(code).split("\n", 1)[0].partition(": ")[2]
