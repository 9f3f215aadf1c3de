"""Arguments that several commands have: numbers, and files that are written at the end."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path

from pythread_rs._cli import CommandError


def whole_number(text: str) -> int:
    """Convert an argument that counts something."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


def positive(text: str) -> float:
    """Convert an argument that scales something."""
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"must be more than 0, not {number}")
    return number


def check_writable(path: str) -> None:
    """Refuse a file that cannot be written before the jobs run, not after.

    Raises:
        CommandError: The file is a folder, may not be written, or its folder does not exist.
    """
    target = Path(path)
    folder = target.parent
    if target.is_dir():
        raise CommandError(f"cannot write {path!r}: it is a folder")
    if not folder.is_dir():
        raise CommandError(f"cannot write {path!r}: there is no folder {str(folder)!r}")
    if not os.access(target if target.exists() else folder, os.W_OK):
        raise CommandError(f"cannot write {path!r}: no permission")
