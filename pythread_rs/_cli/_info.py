"""`python -m pythread_rs info`: what this package finds on this machine, for a bug report."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from pythread_rs import Err, Ok, SpawnError, _ffi, spawn
from pythread_rs._cli._environment import environment
from pythread_rs._cli._machine import Fact, machine, versions

EXIT_WORKS = 0
EXIT_BROKEN = 1

# Kernel limits that a refused thread runs into, by the name that they are shown under.
KERNEL_LIMITS = {
    "kernel threads-max": "/proc/sys/kernel/threads-max",
    "kernel pid_max": "/proc/sys/kernel/pid_max",
    "kernel max_map_count": "/proc/sys/vm/max_map_count",
    "cgroup pids.max": "/sys/fs/cgroup/pids.max",
}

SELF_TEST = "self test"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def run(arguments: argparse.Namespace) -> int:
    """Print the facts.

    Returns:
        0, or 1 when a thread could not be started and joined.
    """
    facts = collect()
    if arguments.json:
        print(json.dumps({"schema": 1, "command": "info", **facts}, indent=2))
    else:
        print(text(facts))
    return EXIT_WORKS if facts["workers"][SELF_TEST] == "ok" else EXIT_BROKEN


def collect() -> dict[str, dict[str, Fact]]:
    """Gather all facts by topic. One thread is started, so that the counts show a living layer."""
    return {
        "versions": versions(),
        "machine": machine(),
        "limits": limits(),
        "workers": {SELF_TEST: self_test(), **_ffi.statistics()},
        "environment": environment(),
    }


def self_test() -> str:
    """Start a thread and join it; return "ok" or what went wrong."""
    try:
        result = spawn(abs, -1).join()
    except SpawnError as error:
        return f"no thread could be started: {error}"
    match result:
        case Ok(1):
            return "ok"
        case Ok(value):
            return f"a thread returned {value!r} instead of 1"
        case Err(payload):
            return f"a thread panicked: {payload!r}"


def limits() -> dict[str, Fact]:
    """Return what bounds the number of threads and their stacks, None where it cannot be read."""
    facts: dict[str, Fact] = {}
    if sys.platform != "win32":
        import resource

        for name in ("RLIMIT_NPROC", "RLIMIT_AS", "RLIMIT_STACK"):
            number = getattr(resource, name, None)
            facts[name] = None if number is None else _limit_text(resource.getrlimit(number)[0])
    for name, path in KERNEL_LIMITS.items():
        try:
            facts[name] = Path(path).read_text(encoding="ascii").strip()
        except OSError:
            facts[name] = None
    return facts


def _limit_text(value: int) -> str:
    # RLIM_INFINITY is -1 on Linux and a huge number on macOS.
    return "unlimited" if value < 0 or value >= (1 << 63) - 1 else str(value)


def text(facts: Mapping[str, Mapping[str, Fact]]) -> str:
    """Write the facts as one small table for each topic."""
    return "\n\n".join("\n  ".join([topic, *_lines(entries)]) for topic, entries in facts.items())


def _lines(entries: Mapping[str, Fact]) -> list[str]:
    if not entries:
        return ["(none)"]
    width = max(map(len, entries))
    return [
        f"{name.ljust(width)}  {'not known' if value is None else value}"
        for name, value in entries.items()
    ]
