"""Run the suites that the command line asks for, and print a table."""

from __future__ import annotations

import argparse
import resource
import shlex
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.matrix._commands import kill_group, running
from tests.matrix._interpreters import DEBUG_BUILD, IN_CHROOT, VERSIONS
from tests.matrix._suite import Result, test


def print_report(results: list[Result]) -> None:
    """Print the ends of the logs of what failed, the table, and what was not run."""
    for result in results:
        if result.failed:
            print(f"\n---- {result.version}: the end of its log ----")
            print("\n".join(result.log.splitlines()[-80:]))
    row = "{:<14} {:<15} {:>7} {:>7} {:>8} {:>8}  {}"
    print("\n" + row.format("version", "where", "passed", "failed", "skipped", "seconds", ""))
    for result in results:
        if result.reason:
            continue
        counts = [result.counts.get(name, "-") for name in ("passed", "failed", "skipped")]
        verdict = "FAILED" if result.failed else "ok"
        print(row.format(result.version, result.where, *counts, f"{result.seconds:.0f}", verdict))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{used.ru_utime:.0f} + {used.ru_stime:.0f} s of CPU in all")
    for result in results:
        if result.reason:
            print(f"NOT RUN: {result.version}: {result.reason}")


def parsed_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.matrix", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=VERSIONS, help="this version only; may be repeated"
    )
    parser.add_argument(
        "--except",
        action="append",
        choices=VERSIONS,
        default=[],
        dest="left_out",
        help="not this version, because it has been tested already; may be repeated",
    )
    parser.add_argument("--pytest-args", default="", help="arguments for pytest, as in a shell")
    parser.add_argument("--jobs", type=int, choices=(1, 2), default=1, help="runs at a time")
    parser.add_argument(
        "--gil-debug", action="store_true", help=f"run the suite on {DEBUG_BUILD} too"
    )
    parser.add_argument(
        "--refleak",
        action="store_true",
        help=f"check on {DEBUG_BUILD} that threads leak no references",
    )
    parser.add_argument("--logs", type=Path, help="keep the logs in this folder")
    return parser.parse_args()


def in_good_order(versions: list[str]) -> list[str]:
    """Begin with one from the chroot: if that has to be made, others can run meanwhile."""
    inside = [version for version in versions if version in IN_CHROOT]
    return inside[:1] + [version for version in versions if version not in inside] + inside[1:]


def main() -> int:
    """Do what the command line says."""
    arguments = parsed_arguments()
    wanted = [v for v in arguments.only or VERSIONS if v not in arguments.left_out]
    todo = [(version, "suite") for version in in_good_order(wanted)]
    todo += [(DEBUG_BUILD, "suite")] if arguments.gil_debug else []
    todo += [(DEBUG_BUILD, "leaks")] if arguments.refleak else []
    pytest_arguments = shlex.split(arguments.pytest_args)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.jobs) as pool:
        logs = arguments.logs or Path(folder)
        logs.mkdir(parents=True, exist_ok=True)
        started = [pool.submit(test, *one, pytest_arguments, logs) for one in todo]
        try:
            results = [future.result() for future in started]
        finally:  # nothing is left to stop, unless this was interrupted
            pool.shutdown(wait=False, cancel_futures=True)
            for leader in list(running):
                kill_group(leader)
    print_report(results)
    was_run = [result for result in results if not result.reason]
    return 1 if not was_run or any(result.failed for result in was_run) else 0


if __name__ == "__main__":
    sys.exit(main())
