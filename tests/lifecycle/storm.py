"""Storms: many child processes that exit, are interrupted or fork, and a count of what fails.

    python tests/lifecycle/storm.py exit --runs 5000
    python tests/lifecycle/storm.py signal --kinds join,park --runs 1000
    python tests/lifecycle/storm.py fork --ways churn --seed 17 --runs 1
    python tests/lifecycle/storm.py pool --kinds drop --runs 1000

`--runs` is a number for each kind. The last line sums up; each failure before it says how to run
that child again. The exit status is 1 if anything failed.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHOWN_FAILURES = 3
SHOWN_CHARACTERS = 3000
# Up to 3.13 `take_gil` reads the state of a thread that comes back from a system call of CPython's
# own just when the interpreter frees it. In development mode what is freed is overwritten, so the
# thread dies, and faulthandler finds no state of it and says no more than this. docs/design.md,
# section 3, has the stack. It is counted, and one such end in a storm is no failure.
CPYTHONS_OWN = "Fatal Python error: Segmentation fault"
MOST_OF_CPYTHONS_OWN = 1
ENDED_BY_CPYTHON = "ended by CPython"
MARK = "~"  # what the children print, to be told from what Python prints


@dataclass(frozen=True)
class Way:
    """How a child is started, and what it must end with."""

    status: int = 0
    flags: tuple[str, ...] = ()
    stderr: str = ""  # a pattern for all of stderr, without white space


@dataclass(frozen=True)
class Storm:
    """A program, and the kinds and ways that it knows."""

    program: str
    kinds: tuple[str, ...]
    ways: dict[str, Way]
    batch: int = 1  # runs in one child
    noise: dict[str, str] = field(default_factory=dict[str, str])  # what a kind prints, as patterns


_REPORT = (
    r"thread '[^']*' \(\d+\) panicked at <unknown>:\nZeroDivisionError: [\w ]+\n"
    r"|note: run with `PYTHREAD_RS_BACKTRACE=1` environment variable to display a backtrace\n"
)
STORMS = {
    "exit": Storm(
        "exit_mix.py",
        kinds=(
            *("compute", "allocate", "collect", "raise", "print", "print_err", "log", "write"),
            *("sleep", "park", "queue", "join", "start", "starved", "churn", "spawn"),
            *("lock", "scope", "locals", "panic", "report", "daemon", "mix"),
            *("channel_recv", "channel_send", "channel", "pool"),
        ),
        ways={
            "end": Way(),
            "exit7": Way(7),
            "exception": Way(1, stderr=r"Traceback\(mostrecentcalllast\):.*RuntimeError:bye"),
            "process": Way(7),
            "process_thread": Way(7),
            "slow": Way(),
            "dev": Way(flags=("-X", "dev")),
        },
        noise={"log": "WARNING:root:", "report": _REPORT},
    ),
    "signal": Storm(
        "sigint.py",
        kinds=(
            *("join", "join_timeout", "park", "park_timeout", "sleep", "sleep_until", "scope"),
            *("join_stop", "park_stop", "sleep_stop"),
            *("recv", "recv_timeout", "for", "send", "send_timeout", "rendezvous"),
        ),
        ways={"main": Way(), "helper": Way(), "worker": Way(), "burst": Way()},
        batch=25,
    ),
    "fork": Storm(
        "fork_mix.py",
        kinds=("main", "thread", "dedicated", "scope", "nested"),
        ways={"quiet": Way(), "parked": Way(), "churn": Way(), "fresh": Way(), "locals": Way()},
        batch=10,
    ),
    "pool": Storm(
        "pool_mix.py",
        kinds=("drop", "shutdown", "cancel", "interrupt", "fork"),
        ways={"spawn": Way(), "submit": Way(), "mix": Way(), "nested": Way()},
        batch=10,
    ),
}


@dataclass(frozen=True)
class Child:
    """One process to run."""

    storm: Storm
    kind: str
    way: str
    seed: int
    rounds: int

    def command(self) -> list[str]:
        program = str(HERE / "programs" / self.storm.program)
        command = [sys.executable, "-X", "faulthandler", *self.storm.ways[self.way].flags, program]
        command += [self.kind, str(self.seed), self.way]
        return [*command, str(self.rounds)] if self.storm.batch > 1 else command

    def again(self, storm: str) -> str:
        arguments = f"--kinds {self.kind} --ways {self.way} --seed {self.seed} --runs {self.rounds}"
        return f"{sys.executable} {Path(__file__).resolve()} {storm} {arguments}"


@dataclass(frozen=True)
class Outcome:
    """What became of a child: `fault` is empty when all is well."""

    child: Child
    fault: str
    detail: str = ""
    times: tuple[float, ...] = ()  # milliseconds that the child measured


def run(child: Child, deadline: float) -> Outcome:
    """Run a child to its end; one that hangs must say where its threads are."""
    way = child.storm.ways[child.way]
    # What the child prints goes to a pipe in one half of the runs, nowhere in the other.
    measures = child.storm.batch > 1
    stdout = subprocess.PIPE if measures or child.seed % 2 == 0 else subprocess.DEVNULL
    with subprocess.Popen(
        child.command(), stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE
    ) as process:
        try:
            out, err = process.communicate(timeout=deadline)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # faulthandler writes all tracebacks
            try:
                _, err = process.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                _, err = process.communicate()
            return Outcome(child, "hangs", f"no end after {deadline:g} s\n{_text(err)}")
    said = _text(err)
    if _is_cpythons_own(child, process.returncode, said):
        return Outcome(child, ENDED_BY_CPYTHON)
    if process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        return Outcome(child, "crashes", f"killed by {name}\n{said}")
    if process.returncode != way.status:
        status = f"exit status {process.returncode} instead of {way.status}"
        return Outcome(child, "wrong", f"{status}\n{said}")
    if not re.fullmatch(way.stderr, _essence(said, child), re.DOTALL):
        return Outcome(child, "noisy", said)
    return Outcome(child, "", times=tuple(map(float, out.split())) if measures else ())


def _is_cpythons_own(child: Child, status: int, said: str) -> bool:
    return (
        child.way == "dev"
        and sys.version_info < (3, 14)
        and status == -signal.SIGSEGV
        and said.replace(MARK, "").strip() == CPYTHONS_OWN
    )


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")


def _essence(said: str, child: Child) -> str:
    """Take out what the child's threads print: it may stand in the middle of a line."""
    noise = child.storm.noise.get(child.kind)
    said = said.replace(MARK, "")
    return "".join(re.sub(noise, "", said).split() if noise else said.split())


def children(options: argparse.Namespace) -> list[Child]:
    """List the processes to run: the ways take turns, and each has a seed of its own."""
    storm = STORMS[options.storm]
    found: list[Child] = []
    for kind in options.kinds or storm.kinds:
        left = options.runs
        for number in range((options.runs + storm.batch - 1) // storm.batch):
            seed = options.seed + number
            ways = options.ways or list(storm.ways)
            way = ways[seed % len(ways)]
            found.append(Child(storm, kind, way, seed, min(left, storm.batch)))
            left -= storm.batch
    return found


def report(options: argparse.Namespace, outcomes: list[Outcome], seconds: float) -> bool:
    """Print the failures and the sum; return whether there was no failure."""
    failures = [outcome for outcome in outcomes if outcome.fault]
    own = sum(outcome.fault == ENDED_BY_CPYTHON for outcome in failures)
    if own <= MOST_OF_CPYTHONS_OWN:
        failures = [outcome for outcome in failures if outcome.fault != ENDED_BY_CPYTHON]
    for outcome in failures[:SHOWN_FAILURES]:
        child = outcome.child
        print(f"--- {child.kind}, {child.way}, seed {child.seed}: {outcome.fault}")
        print(outcome.detail[-SHOWN_CHARACTERS:].rstrip())
        print(f"again: {child.again(options.storm)}")
    if len(failures) > SHOWN_FAILURES:
        seeds = [f"{o.child.kind} {o.child.way} {o.child.seed}" for o in failures]
        print(f"--- all {len(failures)} failures (kind, way, seed): {', '.join(seeds)}")
    faults = Counter(outcome.fault for outcome in failures)
    counts = ", ".join(f"{faults[name]} {name}" for name in ("crashes", "hangs", "wrong", "noisy"))
    counts += f", {own} {ENDED_BY_CPYTHON}" if own else ""
    total = sum(outcome.child.rounds for outcome in outcomes)
    seeds_used = f"seeds from {options.seed}"
    print(f"{options.storm}: {total} runs on {platform.python_version()}, {counts}", end="")
    print(f"; {seeds_used}, {seconds:.0f} s{_latency(outcomes)}")
    return not failures


def _latency(outcomes: list[Outcome]) -> str:
    times = sorted(time for outcome in outcomes for time in outcome.times)
    if not times:
        return ""
    middle, late = times[len(times) // 2], sum(time > 100 for time in times)
    return f"; median {middle:.2f} ms, longest {times[-1]:.1f} ms, {late} above 100 ms"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("storm", choices=STORMS)
    parser.add_argument("--runs", type=int, default=100, help="runs of each kind (%(default)s)")
    parser.add_argument("--kinds", type=lambda text: text.split(","), help="all, if not given")
    parser.add_argument("--ways", type=lambda text: text.split(","), help="all, if not given")
    parser.add_argument("--seed", type=int, default=0, help="of the first run (%(default)s)")
    parser.add_argument("--jobs", type=int, default=3, help="children at a time (%(default)s)")
    parser.add_argument("--deadline", type=float, default=60.0, help="seconds (%(default)s)")
    options = parser.parse_args(arguments)
    storm = STORMS[options.storm]
    for names, known in ((options.kinds, storm.kinds), (options.ways, storm.ways)):
        if unknown := set(names or ()) - set(known):
            parser.error(f"{options.storm} knows no {', '.join(unknown)}, only {', '.join(known)}")
    return options


def main() -> int:
    options = parse()
    os.environ.pop("PYTHREAD_RS_BACKTRACE", None)  # it changes what a child prints
    os.environ.pop("PYTHONUNBUFFERED", None)  # streams without a buffer have no lock to lose
    began = time.monotonic()
    with ThreadPoolExecutor(options.jobs) as pool:
        outcomes = list(pool.map(lambda child: run(child, options.deadline), children(options)))
    return 0 if report(options, outcomes, time.monotonic() - began) else 1


if __name__ == "__main__":
    sys.exit(main())
