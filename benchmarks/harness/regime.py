"""The regimes: what else happens on the machine while a shape is measured."""

from __future__ import annotations

from dataclasses import dataclass

from harness.cpu import HOGS

SHAPES = (
    "spawn_join",
    "spawn_call",
    "burst",
    "scope8",
    "is_finished",
    "ownership",
    "channels",
    "atomics",
    "barriers",
    "pool",
    "import_time",
    "many_parked",
    "sequential_100k",
)
LATENCY_SHAPES = SHAPES[:4]
# Their bars are about memory, which other programs do not disturb.
MEMORY_SHAPES = SHAPES[-2:]


@dataclass(frozen=True, slots=True)
class Regime:
    """One way to load or bind the machine.

    Args:
        name: Its key in the JSON file.
        title: What is different, in one line.
        shapes: What is measured in it.
        cpus: How many CPUs the benchmark may use; 0 for all.
        hogs: How many other processes compute all the time.
        pause: Seconds of sleep before each timed call.
        part: One run takes one such part of the samples that a run for the bars takes.
    """

    name: str
    title: str
    shapes: tuple[str, ...]
    cpus: int = 0
    hogs: int = 0
    pause: float = 0.0
    part: int = 4

    @property
    def option(self) -> str:
        """Its switch on the command line."""
        return f"--{self.name.replace('_', '-')}"


BARS = Regime("bars", "all CPUs, calls in a row", SHAPES, part=1)
REGIMES = (
    BARS,
    Regime("one_cpu", "everything pinned to one CPU", LATENCY_SHAPES, cpus=1),
    Regime("busy", f"{HOGS} other processes that compute all the time", LATENCY_SHAPES, hogs=HOGS),
    Regime("spaced", "2 ms of sleep before each call", LATENCY_SHAPES, pause=0.002),
)
