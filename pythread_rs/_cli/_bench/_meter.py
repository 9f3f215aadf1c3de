"""Which share of the CPU time went to other programs while the benchmark ran."""

from __future__ import annotations

import os
from pathlib import Path
from time import monotonic


class Meter:
    """Measures from its making on; ours are this process and its children that have ended."""

    __slots__ = ("_begin",)

    def __init__(self) -> None:
        self._begin = (monotonic(), busy(), own())

    def others(self) -> float | None:
        """Return the share of all CPU time, None where the OS does not say."""
        wall, before, ours = self._begin
        now = busy()
        if before is None or now is None:
            return None
        available = (monotonic() - wall) * (os.cpu_count() or 1)
        return max(0.0, min(1.0, ((now - before) - (own() - ours)) / available))


def busy() -> float | None:
    """Return the CPU seconds that all programs have used, and those that a host took away."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    except OSError:
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, first.split()[1:9])
    return float(user + nice + system + irq + softirq + steal) / float(os.sysconf("SC_CLK_TCK"))


def own() -> float:
    """Return the CPU seconds of this process and of its children that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
