"""Run the benchmarks and print what they found beside the bars.

    python benchmarks/run.py                      all shapes, on the Python that runs this
    python benchmarks/run.py spawn_join burst     some of them
    python benchmarks/run.py --one-cpu --busy --spaced      other regimes, which have no bars
    python benchmarks/run.py --all-pythons PY1 PY2 --write-readme

The last line measures every regime on every Python named and rewrites the tables in README.md.
The exit status is 1 when a check of the figures fails; a missed bar is a finding, not a failure.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Any

from harness.cpu import Meter, Patience, hogs, pinned
from harness.machine import facts, fingerprint
from harness.peer import clean_environment
from harness.readme import summary_table, write_readme
from harness.regime import BARS, MEMORY_SHAPES, REGIMES, SHAPES, Regime
from harness.report import Report, report_from_json
from harness.tables import markdown, text

HERE = Path(__file__).resolve().parent
SHAPE_DEADLINE = 900.0
QUICK_PART = 8

# A run in which other programs took more of the CPUs is repeated, so often at most.
DISTURBED_SHARE = 0.10
MOST_TRIES_PER_RUN = 2
AFTER_FAILURE = 5.0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=f"of {', '.join(SHAPES)}")
    parser.add_argument("--quick", action="store_true", help="an eighth of the samples, one run")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="runs of each shape")
    for regime in REGIMES[1:]:
        parser.add_argument(regime.option, action="store_true", help=regime.title)
    parser.add_argument("--everything", action="store_true", help="the bars and all regimes")
    parser.add_argument(
        "--wait",
        type=float,
        default=120.0,
        metavar="S",
        help="wait so long, in all, for a quiet machine",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--all-pythons", nargs="+", metavar="PY", help="interpreters to measure on")
    parser.add_argument(
        "--read",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="take figures of --json, do not measure",
    )
    parser.add_argument("--write-readme", action="store_true", help="rewrite README.md's tables")
    chosen = parser.parse_args()
    unknown = set(chosen.shapes) - set(SHAPES)
    if unknown:
        parser.error(f"no such shape: {', '.join(sorted(unknown))}")
    return chosen


def chosen_regimes(chosen: argparse.Namespace) -> list[Regime]:
    """Return the regimes that the command line asks for; the bars when it asks for none."""
    if chosen.everything:
        return list(REGIMES)
    asked = [regime for regime in REGIMES[1:] if getattr(chosen, regime.name)]
    return asked or [BARS]


def run_once(shape: str, regime: Regime, *, quick: bool) -> Report:
    """Run one shape's script in a process of its own."""
    part = regime.part * (QUICK_PART if quick else 1)
    meter = Meter()
    told = subprocess.run(
        [
            sys.executable,
            str(HERE / f"{shape}.py"),
            "--json",
            f"--pause={regime.pause}",
            f"--part={part}",
        ],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=SHAPE_DEADLINE,
    )
    report = report_from_json(json.loads(told.stdout))
    report.others = None if regime.hogs else meter.others()
    return report


def run_shape(shape: str, regime: Regime, chosen: argparse.Namespace, patience: Patience) -> Report:
    """Run a shape several times and return the median run by its key figure."""
    repeat = 1 if chosen.quick else chosen.repeat
    wants_quiet = not (chosen.quick or regime.hogs or shape in MEMORY_SHAPES)
    tries = repeat * MOST_TRIES_PER_RUN if wants_quiet else repeat
    failed = False
    good: list[Report] = []
    disturbed: list[Report] = []
    while len(good) < repeat and len(good) + len(disturbed) < tries:
        if wants_quiet:
            patience.wait()
        try:
            report = run_once(shape, regime, quick=chosen.quick)
        except subprocess.CalledProcessError as error:
            # Other programs may have used up the system's processes; twice is no accident.
            if failed:
                raise
            failed = True
            print(f"{shape} ended with exit status {error.returncode}: once more", flush=True)
            sleep(AFTER_FAILURE)
            continue
        quiet = report.others is None or report.others <= DISTURBED_SHARE
        (good if quiet else disturbed).append(report)
    disturbed.sort(key=lambda report: report.others or 0.0)
    filled = disturbed[: repeat - len(good)]
    runs = sorted([*good, *filled], key=lambda report: report.key)
    median = runs[len(runs) // 2]
    median.keys = [report.key for report in runs]
    median.disturbed = len(filled)
    return median


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """Measure on this Python, print as it goes, and return everything."""
    result: dict[str, Any] = {"schema": 1, "facts": facts(), "load": os.getloadavg()[0]}
    result["regimes"] = {}
    code, patience = fingerprint(), Patience(chosen.wait)
    for regime in chosen_regimes(chosen):
        shapes = [s for s in regime.shapes if not chosen.shapes or s in chosen.shapes]
        with pinned(regime.cpus), hogs(regime.hogs):
            reports: list[dict[str, Any]] = []
            for shape in shapes:
                report = run_shape(shape, regime, chosen, patience)
                reports.append(report.to_json())
                show(report, regime, as_markdown=chosen.markdown)
        result["regimes"][regime.name] = reports
    result["code"], result["changed"] = code, fingerprint() != code
    if result["changed"]:
        print("The code changed while it was measured: the figures are of no one version.")
    if chosen.markdown and BARS.name in result["regimes"]:
        print("\n".join(summary_table([result])))
    return result


def show(report: Report, regime: Regime, *, as_markdown: bool) -> None:
    """Print one report."""
    write = markdown if as_markdown else text
    if regime is not BARS:
        print(f"[{regime.title}: not the bars]")
    print(write(report, with_bar=regime is BARS), end="\n\n", flush=True)


def measure_all(chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure every regime on each Python named, one after the other."""
    results: list[dict[str, Any]] = []
    with TemporaryDirectory() as folder:
        for number, python in enumerate(chosen.all_pythons):
            file = Path(folder) / f"{number}.json"
            command = [python, __file__, "--everything", "--json", str(file), *chosen.shapes]
            command += [f"--repeat={chosen.repeat}", f"--wait={chosen.wait}"]
            command += ["--quick"] if chosen.quick else []
            status = subprocess.run(command, env=clean_environment(), check=False).returncode
            # A check that fails stands in the results; without these there is nothing to show.
            if not file.exists():
                raise RuntimeError(f"measuring on {python} ended with exit status {status}")
            results += read(file)
    return results


def read(file: Path) -> list[dict[str, Any]]:
    """Return the results, one for each Python, that an earlier run wrote to a file."""
    results: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return results


def obtain(chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """Read the results, or measure them."""
    if chosen.read:
        return [result for file in chosen.read for result in read(file)]
    return measure_all(chosen) if chosen.all_pythons else [measure(chosen)]


def main() -> int:
    """Measure, print, write files.

    Returns:
        1 when a check of the figures failed, else 0. A missed bar is no failure of the program.
    """
    chosen = arguments()
    results = obtain(chosen)
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    if chosen.write_readme:
        write_readme(HERE / "README.md", results)
    checks = [
        check
        for result in results
        for reports in result["regimes"].values()
        for report in reports
        for check in report["checks"]
    ]
    return 0 if all(check["holds"] for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
