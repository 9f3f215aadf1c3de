"""Where and with what a measurement was made."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pythread_rs
from harness import rust
from pythread_rs import __version__, _ffi

ROOT = Path(__file__).resolve().parents[2]
MEASURED = ["csrc", "pythread_rs", "setup.py"]


def facts() -> dict[str, str]:
    """Return what a reader must know of the machine and the programs, in reading order."""
    kernel = re.match(r"[\d.]+", platform.release())
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "pythread_rs": __version__,
        "python": platform.python_version(),
        "gil": "on" if getattr(sys, "_is_gil_enabled", bool)() or not _can_lack_gil() else "off",
        "compiler": platform.python_compiler(),
        "rustc": rust.version() or "none",
        "cpu": _processor(),
        "cpus": str(os.cpu_count()),
        "kernel": f"{platform.system()} {kernel.group() if kernel else platform.release()}",
        "virtual": "yes" if _is_virtual() else "no or unknown",
        "waits by": _ffi.backend(),
    }


def commit() -> str:
    """Name the commit of the measured code, and say whether the files differ from it."""
    name = _git("rev-parse", "--short", "HEAD")
    if name is None:
        return "unknown"
    changed = _git("status", "--porcelain", "--", *MEASURED)
    return f"{name} with uncommitted changes" if changed else name


def fingerprint() -> str:
    """Hash the files of the package in use, so that a change under way does not go unnoticed."""
    digest = sha256()
    folder = Path(pythread_rs.__file__).parent
    for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.so"), *folder.rglob("*.pyd")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _git(*arguments: str) -> str | None:
    try:
        told = subprocess.run(
            ["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return told.stdout.strip()


def _can_lack_gil() -> bool:
    return hasattr(sys, "_is_gil_enabled")


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", _cpuinfo(), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def _is_virtual() -> bool:
    return re.search(r"^flags\s*:.*\bhypervisor\b", _cpuinfo(), re.MULTILINE) is not None


def resident() -> int | None:
    """Return the bytes of this process that are in memory, None where the OS does not say.

    The rollup is exact; `statm` lags behind by a batch of pages for each CPU.
    """
    try:
        rollup = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"^Rss:\s+(\d+) kB$", rollup, re.MULTILINE)
    return int(found.group(1)) * 1024 if found else None


def os_threads() -> int | None:
    """Count the OS threads of this process, None where the OS does not say."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return None
