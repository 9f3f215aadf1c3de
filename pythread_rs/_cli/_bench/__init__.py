"""`python -m pythread_rs bench`: the package and its rivals in one run, with a report."""

from __future__ import annotations

import argparse
import sys
import sysconfig
from time import perf_counter
from typing import TYPE_CHECKING

from pythread_rs import available_parallelism
from pythread_rs._cli import CommandError
from pythread_rs._cli._arguments import check_writable, positive, whole_number

if TYPE_CHECKING:
    from pythread_rs._cli._bench._plan import Outcome

EXIT_SAME = 0
EXIT_DIFFERENT = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("--quick", action="store_true", help="small sizes: about a minute")
    parser.add_argument("--json", metavar="FILE", help="write all samples to this file")
    parser.add_argument(
        "--html", metavar="FILE", help="write a report with plots (they need matplotlib)"
    )
    parser.add_argument(
        "--only", metavar="NAMES", help="run these experiments, with commas between them"
    )
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
        default=available_parallelism(),
        help="workers of each pool (default: the available parallelism, %(default)s)",
    )
    # For tests of the command: sizes, rounds and seconds are multiplied by it.
    parser.add_argument("--scale", type=positive, default=1.0, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print the tables, write the files.

    Returns:
        0 when all ways gave the same results, else 1.

    Raises:
        CommandError: A folder, a file or an experiment's name cannot be used.
        KeyboardInterrupt: Ctrl-C; what was measured until then is printed and written first.
    """
    # Nothing of this is loaded for the other commands.
    from pythread_rs._cli._bench import _plan, _report
    from pythread_rs._cli._bench._meter import Meter
    from pythread_rs._cli._progress import Progress
    from pythread_rs._cli._tree import readable_folder

    names = _plan.chosen(arguments.only)
    for path in (arguments.json, arguments.html):
        if path is not None:
            check_writable(path)
    if arguments.json is not None and arguments.json == arguments.html:
        raise CommandError(f"--json and --html would both write {arguments.json!r}")
    readable_folder(arguments.dir)
    facts = _report.facts()
    if arguments.html is not None and (lack := _report.plots_lack()):
        print(lack, file=sys.stderr)

    progress, outcome = Progress(sys.stderr), _plan.Outcome()
    meter, start = Meter(), perf_counter()
    try:
        _plan.run_all(names, arguments, progress, outcome)
    except KeyboardInterrupt:
        outcome.is_interrupted = True
    outcome.others = meter.others()
    progress.clear()
    report = _report.Report(facts, arguments, outcome, perf_counter() - start)
    print(report.text())
    report.write()
    if outcome.is_interrupted:
        raise KeyboardInterrupt
    return status(outcome)


def status(outcome: Outcome) -> int:
    """Return the exit status of a run that came to its end."""
    return EXIT_DIFFERENT if outcome.wrong else EXIT_SAME
