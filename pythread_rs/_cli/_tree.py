"""The files of a directory tree: found, bounded in number and size, and divided among threads."""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pythread_rs._cli import CommandError

BLOCK_BYTES = 1 << 20
MAX_FILES = 10_000
# A file that no longer fits is left out, and smaller ones behind it are still taken. After this
# many the rest of the tree is not worth the walk. No evidence behind the number.
MAX_LEFT_OUT = 100


class FileEntry(NamedTuple):
    """A file as the scan saw it; what it grows by later is not read."""

    path: str
    size: int
    mtime_ns: int

    def has_changed(self) -> bool:
        """Say whether the file has vanished or been written to since the scan."""
        try:
            now = os.stat(self.path)
        except OSError:
            return True
        return (now.st_size, now.st_mtime_ns) != (self.size, self.mtime_ns)


@dataclass(frozen=True, slots=True)
class Tree:
    """What the scan of a directory tree found.

    `unreadable` counts files and folders; `is_whole` is False when a limit kept files out.
    """

    root: str
    files: tuple[FileEntry, ...]
    unreadable: int
    is_whole: bool

    @property
    def total_bytes(self) -> int:
        """The size of all files together."""
        return sum(entry.size for entry in self.files)


def blocks(entry: FileEntry) -> Iterator[bytes]:
    """Read a file as far as it went at the scan.

    Raises:
        OSError: It cannot be opened or read, or it has become shorter.
    """
    left = entry.size
    with open(entry.path, "rb", buffering=0) as file:
        while left:
            block = file.read(min(left, BLOCK_BYTES))
            if not block:
                raise OSError(f"{left} bytes shorter than at the scan")
            left -= len(block)
            yield block


def readable_folder(root: str) -> None:
    """Refuse a folder that cannot be listed.

    Raises:
        CommandError: It cannot.
    """
    try:
        os.listdir(root)
    except OSError as error:
        raise CommandError(f"cannot read the folder {root!r}: {error.strerror}") from error


def scan(root: str, *, max_bytes: int, max_files: int = MAX_FILES) -> Tree:
    """Find the regular files below a folder, in the order of their names, until a limit is met.

    Each file is read once, which finds those that cannot be read and gives every way that is
    measured later the same warm file cache. Symbolic links are not followed.

    Raises:
        CommandError: The folder itself cannot be read, or there is no readable file in it.
    """
    readable_folder(root)
    failed_folders: list[OSError] = []
    files: list[FileEntry] = []
    unreadable = total = left_out = 0
    for path in _walk(root, failed_folders):
        try:
            status = os.lstat(path)
            if not stat.S_ISREG(status.st_mode):
                continue
            if total + status.st_size > max_bytes or len(files) >= max_files:
                left_out += 1
                if left_out > MAX_LEFT_OUT:
                    break
                continue
            entry = FileEntry(path, status.st_size, status.st_mtime_ns)
            for _ in blocks(entry):
                pass
        except OSError:
            unreadable += 1
            continue
        files.append(entry)
        total += entry.size
    if not files:
        raise CommandError(_nothing_to_do(root, unreadable, left_out, max_bytes))
    return Tree(root, tuple(files), unreadable + len(failed_folders), is_whole=not left_out)


def _walk(root: str, failed_folders: list[OSError]) -> Iterator[str]:
    for folder, subfolders, names in os.walk(root, onerror=failed_folders.append):
        subfolders.sort()
        for name in sorted(names):
            yield os.path.join(folder, name)


def _nothing_to_do(root: str, unreadable: int, left_out: int, max_bytes: int) -> str:
    reason = f"no readable file in {root!r}"
    if unreadable:
        reason += f"; {unreadable} could not be read"
    if left_out:
        reason += f"; {left_out} are larger than {max_bytes >> 20} MiB (see --max-mib)"
    return reason


def divide(files: Sequence[FileEntry], parts: int) -> list[tuple[FileEntry, ...]]:
    """Divide files into at most `parts` groups of about the same number of bytes.

    The largest file goes first, always to the group that has least. Tuples, because several
    threads may hold them at once.
    """
    groups: list[list[FileEntry]] = [[] for _ in range(min(parts, len(files)))]
    loads = [(0, number) for number in range(len(groups))]
    for entry in sorted(files, key=lambda entry: (-entry.size, entry.path)):
        load, number = loads[0]
        groups[number].append(entry)
        # One byte more than its size, so that empty files are spread as well.
        heapq.heapreplace(loads, (load + entry.size + 1, number))
    return [tuple(group) for group in groups]
