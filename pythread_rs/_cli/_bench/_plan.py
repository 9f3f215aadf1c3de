"""The list of experiments, and the run through them."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from pythread_rs._cli import CommandError
from pythread_rs._cli._bench import _forking, _images, _mapping, _memory, _starting, _tiny
from pythread_rs._cli._bench._model import Experiment
from pythread_rs._cli._bench._stage import Stage
from pythread_rs._cli._bench._turns import Plan, Way, take_turns
from pythread_rs._cli._progress import Progress

Prepare = Callable[[Stage, Plan, argparse.Namespace], tuple[Experiment, list[Way]]]
Simple = Callable[[Stage, Plan], tuple[Experiment, list[Way]]]

# Rounds at most, seconds, and samples in a turn of what takes microseconds. A quick run is to take
# about a minute on two CPUs, a full one less than fifteen.
QUICK = {"rounds": 12, "budget": 3.0, "calls": 40}
FULL = {"rounds": 60, "budget": 35.0, "calls": 50}


def simple(prepare: Simple) -> Prepare:
    """Make a preparation of one that has no use for the command line's arguments."""
    return lambda stage, plan, _: prepare(stage, plan)


# In the order in which they run: latencies first, while the machine is cool.
EXPERIMENTS: dict[str, Prepare] = {
    "spawn_join": simple(_starting.spawn_join),
    "burst": simple(_starting.burst),
    "native_call": simple(_starting.native_call),
    "tiny_tasks": simple(_tiny.tasks),
    "tiny_items": simple(_tiny.items),
    "fork_join": simple(_forking.fork_join),
    "merge_sort": simple(_forking.merge_sort),
    "primes": simple(_mapping.primes),
    "mandelbrot": simple(_images.mandelbrot),
    "scaling": simple(_images.scaling),
    "files": _mapping.files,
    "matrices": simple(_mapping.matrices),
    "memory": simple(_memory.memory),
}


@dataclass(slots=True)
class Outcome:
    """What a run has found so far.

    Args:
        experiments: Those that ran; the last one may be incomplete after Ctrl-C.
        skipped: Experiment -> why it did not run.
        missing: Rival -> why it took part in none.
        is_interrupted: Whether Ctrl-C ended the run.
        others: The share of all CPU time that other programs took meanwhile, None if unknown.
    """

    experiments: list[Experiment] = field(default_factory=list[Experiment])
    skipped: dict[str, str] = field(default_factory=dict[str, str])
    missing: dict[str, str] = field(default_factory=dict[str, str])
    is_interrupted: bool = False
    others: float | None = None

    @property
    def wrong(self) -> int:
        """How many results were not those of the serial way."""
        return sum(experiment.wrong for experiment in self.experiments)

    @property
    def compared(self) -> int:
        """How many results were compared with those of the serial way."""
        return sum(experiment.compared for experiment in self.experiments)


def plan_of(arguments: argparse.Namespace) -> Plan:
    """Say how long to measure."""
    known = QUICK if arguments.quick else FULL
    scale = arguments.scale
    return Plan(
        rounds=max(1, round(known["rounds"] * min(1.0, scale))),
        budget=known["budget"] * scale,
        calls=max(1, round(known["calls"] * min(1.0, scale))),
        scale=scale,
        is_quick=arguments.quick,
    )


def chosen(only: str | None) -> list[str]:
    """Read the value of `--only`.

    Raises:
        CommandError: It names something else than experiments.
    """
    if only is None:
        return list(EXPERIMENTS)
    names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = [name for name in names if name not in EXPERIMENTS]
    if unknown or not names:
        known = ", ".join(EXPERIMENTS)
        raise CommandError(
            f"--only: no experiment {', '.join(map(repr, unknown or [only]))}; of: {known}"
        )
    return [name for name in EXPERIMENTS if name in names]


@contextmanager
def what_is_there_left_alone() -> Generator[None]:
    """Keep the collections before each turn short: they need not look at imported modules."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def run_all(
    names: Sequence[str], arguments: argparse.Namespace, progress: Progress, outcome: Outcome
) -> None:
    """Run the experiments and put what they find into the outcome.

    Raises:
        KeyboardInterrupt: Ctrl-C; the outcome has what was measured until then.
    """
    _mapping.calm_blas()
    plan = plan_of(arguments)
    progress.begin_job("rivals")
    with what_is_there_left_alone(), Stage(arguments.threads, progress.show) as stage:
        outcome.missing |= stage.missing
        for number, name in enumerate(names, 1):
            progress.begin_job(f"[{number}/{len(names)}] {name}")
            progress.show("preparing")
            try:
                experiment, ways = EXPERIMENTS[name](stage, plan, arguments)
            except ImportError as error:
                outcome.skipped[name] = f"{error.name or error} is not installed"
                continue
            except OSError as error:
                outcome.skipped[name] = f"not on this system: {error}"
                continue
            except CommandError as error:
                outcome.skipped[name] = str(error)
                continue
            outcome.experiments.append(experiment)
            take_turns(experiment, ways, plan, progress.show)
        progress.show("ending the rivals")
