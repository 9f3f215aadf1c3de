"""import_time: what `import pythread_rs` adds to the life of a fresh interpreter."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter

from harness.batches import Batch, Rival, interleave
from harness.peer import clean_environment
from harness.report import OURS, Bar, Check, Report, Row
from harness.shape import Options, main

ROUNDS = 40
CPU_ROUNDS = 20
BAR = Bar("value", 30e-3)

BARE = "bare python -c pass"
EXECUTOR = "concurrent.futures.thread"
PROGRAMS = {
    BARE: "pass",
    OURS: "import pythread_rs",
    "threading": "import threading",
    EXECUTOR: "import concurrent.futures.thread",
}
CACHED = """
import os, sys, pythread_rs
ours = [m for name, m in sys.modules.items() if name.partition(".")[0] == "pythread_rs"]
paths = [m.__cached__ for m in ours if getattr(m, "__cached__", None)]
print(len(paths), sum(map(os.path.exists, paths)))
"""
# The second way leaves out the process around the import, and -X importtime itself costs time.
AGREE_WITHIN = 3.0


def python(*arguments: str, folder: str) -> subprocess.CompletedProcess[str]:
    """Run a fresh interpreter, which may write and read cached bytecode."""
    return subprocess.run(
        [sys.executable, *arguments],
        env=clean_environment(),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )


def fresh(name: str, code: str, folder: str) -> Rival:
    """Make a rival of an interpreter that runs this code and ends."""

    def run(count: int) -> Batch:
        batch = Batch()
        for _ in range(count):
            begin = perf_counter()
            python("-c", code, folder=folder)
            batch.seconds.append(perf_counter() - begin)
        return batch

    return Rival(name, run)


def measure(options: Options) -> Report:
    """Time whole interpreters by turns and take the differences of the medians."""
    with TemporaryDirectory() as folder:
        rivals = [fresh(name, code, folder) for name, code in PROGRAMS.items()]
        batches = interleave(rivals, rounds=options.rounds(ROUNDS), size=1)
        cached = python("-c", CACHED, folder=folder).stdout.split()
        traced = [traced_import(folder) for _ in range(5)]
        used = cpu_over_bare(folder, options.rounds(CPU_ROUNDS))
    over = {name: over_bare(name, batches) for name in PROGRAMS if name != BARE}
    ours = over[OURS].value or 0.0
    again = median(traced)
    return Report(
        shape="import_time",
        title="wall time that an import adds to a fresh interpreter, its end included",
        rows=[over[OURS], *(row for name, row in over.items() if name != OURS), bare(batches)],
        checks=[
            Check(f"{cached[1]} of {cached[0]} modules had cached bytecode", len(set(cached)) == 1),
            Check(
                f"-X importtime says {again * 1e3:.1f} ms for the import alone",
                again / AGREE_WITHIN <= ours <= again * AGREE_WITHIN,
            ),
        ],
        notes=[
            "p10 and p90 are of the whole interpreter less the median of the bare one",
            f"CPU time, which other programs change less: {used * 1e3:.1f} ms more than bare",
        ],
    )


def cpu_over_bare(folder: str, rounds: int) -> float:
    """Return the user and system time of an import, medians of interpreters by turns."""
    seconds: dict[str, list[float]] = {OURS: [], BARE: []}
    for _ in range(rounds):
        for name, samples in seconds.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            python("-c", PROGRAMS[name], folder=folder)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            user = after.ru_utime - before.ru_utime
            samples.append(user + after.ru_stime - before.ru_stime)
    return median(seconds[OURS]) - median(seconds[BARE])


def bare(batches: dict[str, Batch]) -> Row:
    """Summarise the interpreter that imports nothing."""
    samples = batches[BARE].seconds
    tenths = quantiles(samples, n=10, method="inclusive")
    return Row(BARE, median(samples), "s", tenths[0], tenths[-1], len(samples))


def over_bare(name: str, batches: dict[str, Batch]) -> Row:
    """Summarise one import: median less the median of the bare interpreter."""
    base = median(batches[BARE].seconds)
    samples = batches[name].seconds
    tenths = quantiles(samples, n=10, method="inclusive")
    return Row(
        label=name if name == OURS else f"import {name}",
        value=median(samples) - base,
        p10=tenths[0] - base,
        p90=tenths[-1] - base,
        samples=len(samples),
        bar=BAR if name == OURS else None,
    )


def traced_import(folder: str) -> float:
    """Return the seconds that `-X importtime` gives for the whole import."""
    told = python("-X", "importtime", "-c", "import pythread_rs", folder=folder).stderr
    found = re.search(r"\|\s*(\d+) \| pythread_rs$", told, re.MULTILINE)
    if found is None:
        raise AssertionError("-X importtime did not name pythread_rs")
    return int(found.group(1)) / 1e6


if __name__ == "__main__":
    main(measure, __doc__)
