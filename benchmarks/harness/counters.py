"""A second count of the threads: what the native layer itself says it did."""

from __future__ import annotations

from harness.report import Check
from pythread_rs import _ffi


class Counters:
    """Remembers the counters of the native layer and compares them later."""

    def __init__(self) -> None:
        self._before = _ffi.statistics()

    def delta(self, name: str) -> int:
        """Return by how much a counter has grown."""
        return _ffi.statistics()[name] - self._before[name]

    def check(self, expected: int) -> Check:
        """Compare the spawns that were counted with those that a script made.

        Args:
            expected: All spawns since the beginning, warm-up included.
        """
        spawned = self.delta("spawned")
        created, reused = self.delta("os_threads_created"), self.delta("os_threads_reused")
        return Check(
            f"native counters: {spawned:,} spawns of {expected:,} expected with warm-up, "
            f"on OS threads: {created:,} new, {reused:,} reused; {self.delta('live')} still live",
            spawned == expected and created + reused == spawned and self.delta("live") == 0,
        )
