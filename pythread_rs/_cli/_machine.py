"""Facts about this machine, this Python and this process, for `demo --json` and `info`."""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
import zlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pythread_rs import _ffi, available_parallelism
from pythread_rs._version import __version__

Fact = str | int | float | None


def package_version(name: str) -> str | None:
    """Return the version of an installed distribution, None when it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def gil_state() -> str:
    """Say in words whether this process has a GIL.

    >>> gil_state() in ("on", "on (free-threaded build)", "off")
    True
    """
    is_enabled = getattr(sys, "_is_gil_enabled", None)
    if is_enabled is not None and not is_enabled():
        return "off"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "on (free-threaded build)"
    return "on"


def processor_name() -> str | None:
    """Return the processor's model as Linux tells it, None elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return None


def versions() -> dict[str, Fact]:
    """Return the versions of everything that takes part."""
    return {
        "pythread_rs": __version__,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "gil": gil_state(),
        "compiler": platform.python_compiler(),
        "cffi": package_version("cffi"),
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        "os_backend": _ffi.backend(),
    }


def machine() -> dict[str, Fact]:
    """Return what is known of the machine."""
    return {
        "system": platform.platform(),
        "architecture": platform.machine(),
        "processor": processor_name(),
        "cpu_count": os.cpu_count(),
        "available_parallelism": available_parallelism(),
        "load_1_min": _load(),
    }


def _load() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None
