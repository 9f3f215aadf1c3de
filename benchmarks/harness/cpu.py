"""Who uses the CPUs: pinning, hogs that keep them busy, and what other programs took."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

# A hog ends by itself when the benchmark is gone, however that ended.
HOG = """
import os, time
parent, end = os.getppid(), time.monotonic() + 900
while os.getppid() == parent and time.monotonic() < end:
    for _ in range(1_000_000):
        pass
"""
HOGS = 2

QUIET_SHARE = 0.05
LOOK_SECONDS = 1.5


@contextmanager
def pinned(cpus: int) -> Generator[None, None, None]:
    """Keep this process and the children it starts on so many CPUs; 0 means all."""
    if not cpus:
        yield
        return
    if not hasattr(os, "sched_setaffinity"):
        raise RuntimeError("this OS cannot pin a process to a CPU")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:cpus])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def hogs(count: int) -> Generator[None, None, None]:
    """Run so many child processes that compute all the time."""
    running: list[subprocess.Popen[bytes]] = []
    try:
        running.extend(subprocess.Popen([sys.executable, "-c", HOG]) for _ in range(count))
        yield
    finally:
        for hog in running:
            hog.kill()
        for hog in running:
            hog.wait()


class Meter:
    """Tells which share of the CPU time went to programs that are not ours."""

    def __init__(self) -> None:
        self._begin = (monotonic(), _busy(), _own())

    def others(self) -> float | None:
        """Return the share since the meter was made, None where the OS does not say.

        Ours are this process and its children that have ended.
        """
        wall, busy, own = self._begin
        now = _busy()
        if busy is None or now is None:
            return None
        available = (monotonic() - wall) * (os.cpu_count() or 1)
        return max(0.0, ((now - busy) - (_own() - own)) / available)


def _busy() -> float | None:
    """Return the CPU seconds that all programs have used, and those a host took away."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    except OSError:
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, first.split()[1:9])
    return float(user + nice + system + irq + softirq + steal) / float(os.sysconf("SC_CLK_TCK"))


def _own() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


class Patience:
    """Waits for a quiet machine, for so many seconds in all.

    Args:
        seconds: What all waits together may take.
    """

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    def wait(self) -> None:
        """Wait until other programs leave the CPUs alone, or patience is at its end."""
        begin = monotonic()
        while True:
            meter = Meter()
            sleep(LOOK_SECONDS)
            others = meter.others()
            spent = monotonic() - begin
            if others is None or others <= QUIET_SHARE or spent >= self._left:
                break
        self._left = max(0.0, self._left - spent)
