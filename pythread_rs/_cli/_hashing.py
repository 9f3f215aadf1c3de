"""SHA-256 and zlib over every file of a directory tree, serially and on N threads."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pythread_rs import Err, Ok
from pythread_rs._cli._progress import Progress
from pythread_rs._cli._rivals import PYTHREAD_RS, SERIAL, THREADING, Run, compare
from pythread_rs._cli._section import Section, timed_section
from pythread_rs._cli._table import count
from pythread_rs._cli._tree import MAX_FILES, FileEntry, Tree, blocks, divide

# Each way comes first, second and last once, so that none profits from its place.
PLAN = (
    *(SERIAL, THREADING, PYTHREAD_RS),
    *(THREADING, PYTHREAD_RS, SERIAL),
    *(PYTHREAD_RS, SERIAL, THREADING),
)
BUDGET_SECONDS = 11.0
# No evidence behind the number: a hundred starts of a `threading.Thread`.
TOO_SHORT_SECONDS = 0.01


class FileResult(NamedTuple):
    """What was computed from one file; `error` says why there is nothing else."""

    path: str
    sha256: str = ""
    packed_bytes: int = 0
    packed_crc32: int = 0
    error: str = ""


def hash_file(entry: FileEntry) -> FileResult:
    """Compute the SHA-256 of a file, and the length and CRC of what zlib makes of it."""
    digest = hashlib.sha256()
    packer = zlib.compressobj()
    length = crc = 0
    try:
        for block in blocks(entry):
            digest.update(block)
            packed = packer.compress(block)
            length += len(packed)
            crc = zlib.crc32(packed, crc)
    except OSError as error:
        return FileResult(entry.path, error=error.strerror or str(error))
    packed = packer.flush()
    return FileResult(entry.path, digest.hexdigest(), length + len(packed), zlib.crc32(packed, crc))


def hash_files(entries: tuple[FileEntry, ...]) -> list[FileResult]:
    """Do the files of one thread."""
    return [hash_file(entry) for entry in entries]


def collect(run: Run[list[FileResult]]) -> tuple[dict[str, FileResult], list[str]]:
    """Join the lists of a run's threads; return path -> result, and a line per failed thread."""
    results: dict[str, FileResult] = {}
    failures: list[str] = []
    for outcome in run.outcomes:
        match outcome:
            case Ok(part):
                results.update((result.path, result) for result in part)
            case Err(error):
                failures.append(f"{run.way}: a thread ended with {error!r}")
    return results, failures


def find_differences(
    files: Sequence[FileEntry],
    expected: Mapping[str, FileResult],
    actual: Mapping[str, FileResult],
    way: str,
) -> tuple[list[str], list[str]]:
    """Compare the results of two runs file by file.

    Returns:
        The differences, and the paths of the files that changed or vanished since the scan: their
        results say nothing about the threads, so they are no differences.
    """
    differences: list[str] = []
    changed: list[str] = []
    for entry in files:
        ours, theirs = actual.get(entry.path), expected.get(entry.path)
        if ours == theirs and ours is not None and not ours.error:
            continue
        if entry.has_changed():
            changed.append(entry.path)
        else:
            differences.append(f"{way}: {entry.path}: {_describe(ours)}, not {_describe(theirs)}")
    return differences, changed


def _describe(result: FileResult | None) -> str:
    if result is None:
        return "no result"
    if result.error:
        return result.error
    return f"sha256 {result.sha256[:16]}... packed {result.packed_bytes} {result.packed_crc32:08x}"


def _notes(tree: Tree, threads: int, max_mib: int, changed: set[str]) -> list[str]:
    notes = [
        f"{count(threads, 'thread')}, the files divided among them by size. Reading, hashing and "
        "packing release the GIL."
    ]
    if not tree.is_whole:
        notes.append(f"Not the whole tree: limited to {max_mib} MiB and {MAX_FILES} files.")
    if tree.unreadable:
        notes.append(f"Skipped because unreadable: {tree.unreadable}.")
    if changed:
        notes.append(
            f"Changed or vanished meanwhile, so not compared: {count(len(changed), 'file')}, "
            f"for example {min(changed)!r}."
        )
    return notes


def measure_hashing(tree: Tree, threads: int, max_mib: int, progress: Progress) -> Section:
    """Do all files of the tree in the three ways and compare the results file by file."""
    parts = divide(tree.files, threads)
    jobs = {SERIAL: [tree.files], THREADING: parts, PYTHREAD_RS: parts}
    runs = compare(hash_files, jobs, PLAN, budget=BUDGET_SECONDS, progress=progress)

    expected, differences = collect(runs[0])
    changed: set[str] = set()
    for run in runs:
        results, failures = collect(run)
        found, vanished = find_differences(tree.files, expected, results, run.way)
        differences += failures + found
        changed.update(vanished)
    notes = _notes(tree, len(parts), max_mib, changed)
    if min(run.seconds for run in runs) < TOO_SHORT_SECONDS:
        notes.append(
            "So little work says more about the starts of the threads: try a larger folder."
        )
    mib = tree.total_bytes / (1 << 20)
    return timed_section(
        "files",
        f"SHA-256 and zlib of {count(len(tree.files), 'file')}, {mib:.1f} MiB, in {tree.root}; "
        "results compared file by file",
        runs,
        notes=notes,
        differences=differences,
        extra={"MiB/s": lambda seconds: f"{mib / seconds:.1f}"},
    )
