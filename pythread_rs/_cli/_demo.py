"""`python -m pythread_rs demo`: real work, serially, on `threading` and on `pythread_rs`."""

from __future__ import annotations

import argparse
import json
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from pythread_rs import available_parallelism
from pythread_rs._cli._arguments import check_writable, whole_number
from pythread_rs._cli._hashing import measure_hashing
from pythread_rs._cli._kitchen import measure_kitchen
from pythread_rs._cli._latency import measure_latency
from pythread_rs._cli._machine import Fact, machine, versions
from pythread_rs._cli._progress import Progress
from pythread_rs._cli._section import Section
from pythread_rs._cli._table import count
from pythread_rs._cli._tree import Tree, scan

JSON_SCHEMA = 1
# Three rounds of three ways over this much take about 10 s on two cores.
DEFAULT_MAX_MIB = 64
# Others use half of the machine or more. No evidence behind the number.
BUSY_LOAD_PER_CORE = 0.5

EXIT_SAME = 0
EXIT_DIFFERENT = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "--dir",
        metavar="TREE",
        default=sysconfig.get_paths()["stdlib"],
        help="hash and pack the files of this folder (default: Python's own library)",
    )
    parser.add_argument(
        "--threads",
        metavar="N",
        type=whole_number,
        help="number of threads for the files (default: the available parallelism)",
    )
    parser.add_argument(
        "--max-mib",
        metavar="N",
        type=whole_number,
        default=DEFAULT_MAX_MIB,
        help="take at most this much from the folder (default: %(default)s)",
    )
    parser.add_argument("--json", metavar="FILE", help="write all figures to this file as well")


def run(arguments: argparse.Namespace) -> int:
    """Do the three jobs, print the tables and write the JSON file.

    Returns:
        0 when all ways gave the same results, else 1.

    Raises:
        CommandError: A folder or file cannot be used.
        OSError: The machine refuses a thread, a socket or a file.
    """
    start = perf_counter()
    threads = arguments.threads or available_parallelism()
    if arguments.json is not None:
        check_writable(arguments.json)
    facts = {"versions": versions(), "machine": machine()}
    progress = Progress(sys.stderr)

    # The scan comes first, because it finds out whether the folder is usable at all.
    progress.begin_job(f"scanning {arguments.dir}")
    with progress.step("reading"):
        tree = scan(arguments.dir, max_bytes=arguments.max_mib << 20)
    sections = do_jobs(tree, threads, arguments.max_mib, progress)

    seconds = perf_counter() - start
    print(report(facts, threads, sections, seconds))
    if arguments.json is not None:
        settings = {"dir": tree.root, "threads": threads, "max_mib": arguments.max_mib}
        text = json.dumps(document(facts, settings, sections, seconds), indent=2)
        Path(arguments.json).write_text(text + "\n", encoding="utf-8")
    return EXIT_DIFFERENT if any(section.differences for section in sections) else EXIT_SAME


def do_jobs(tree: Tree, threads: int, max_mib: int, progress: Progress) -> list[Section]:
    """Measure the three jobs, one after the other."""
    progress.begin_job("[1/3] kitchen counter")
    kitchen = measure_kitchen(progress)
    progress.begin_job("[2/3] files")
    hashing = measure_hashing(tree, threads, max_mib, progress)
    progress.begin_job("[3/3] spawn and join")
    return [kitchen, hashing, measure_latency(progress)]


def report(
    facts: Mapping[str, Mapping[str, Fact]],
    threads: int,
    sections: Sequence[Section],
    seconds: float,
) -> str:
    """Write the whole output of the command."""
    known, load = facts["versions"], facts["machine"]["load_1_min"]
    cores = available_parallelism()
    lines = [
        f"pythread_rs {known['pythread_rs']} on {known['implementation']} {known['python']}, "
        f"GIL {known['gil']}, {count(cores, 'core')}, {count(threads, 'thread')}",
        *(f"\n{section.text()}" for section in sections),
    ]
    differing = sum(len(section.differences) for section in sections)
    outcome = f"results that differ: {differing}" if differing else "all results are the same"
    lines.append(f"\nDone in {seconds:.1f} s; {outcome}.")
    lines.append("Each time is the median of its runs; a last column below 1.00 beats threading.")
    if isinstance(load, float) and load > cores * BUSY_LOAD_PER_CORE:
        lines.append(f"The machine was busy (load {load} at the start): the times say little.")
    return "\n".join(lines)


def document(
    facts: Mapping[str, Mapping[str, Fact]],
    settings: Mapping[str, Fact],
    sections: Sequence[Section],
    seconds: float,
) -> dict[str, object]:
    """Make the content of the JSON file; `schema` changes when a key changes its meaning."""
    return {
        "schema": JSON_SCHEMA,
        "command": "demo",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **facts,
        "arguments": settings,
        "figures": [asdict(figure) for section in sections for figure in section.figures],
        "notes": [note for section in sections for note in (section.title, *section.notes)],
        "differences": [line for section in sections for line in section.differences],
        "seconds": round(seconds, 3),
    }
