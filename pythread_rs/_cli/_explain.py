"""`python -m pythread_rs explain E0382`: the long explanation of an error of ownership."""

from __future__ import annotations

import argparse

from pythread_rs._cli import CommandError
from pythread_rs.ownership._explain import CODES, explanation, title


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("code", nargs="?", help="such as E0382; without it, all codes are listed")


def run(arguments: argparse.Namespace) -> int:
    """Print the explanation, or the list of the codes.

    Raises:
        CommandError: There is no such code.
    """
    if arguments.code is None:
        print(known_codes())
        return 0
    try:
        text = explanation(arguments.code)
    except LookupError:
        raise CommandError(
            f"there is no explanation of {arguments.code!r}; these have one:\n{known_codes()}"
        ) from None
    print(text, end="")
    return 0


def known_codes() -> str:
    """List all codes with what they mean, one a line."""
    return "\n".join(f"{code}: {title(code)}" for code in CODES)
