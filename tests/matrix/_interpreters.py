"""Where each Python is, and what its processes see of the environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.matrix._chroot import SUITE, Chroot, chroot
from tests.matrix._commands import CannotRunError

VERSIONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
IN_CHROOT = ("3.14", "3.15", "3.14-dbg")
DEBUG_BUILD = "3.14-dbg"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PASSED_ON = re.compile(
    r"(?i)(PIP_\w+|(https?|no|all|ftp)_proxy|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|LANG|LC_\w+|TZ|CI|PYTEST_TIMEOUT|PYTHREAD_RS_(STORMS|STRESS|WERROR))"
)


@dataclass(frozen=True)
class Interpreter:
    """One Python and the place where it runs."""

    version: str
    program: str
    place: Chroot | None = None

    @property
    def where(self) -> str:
        """Name the place, for the table."""
        return "host" if self.place is None else f"chroot ({SUITE})"

    def command(self, command: list[str]) -> list[str]:
        """Return the command that runs `command` where the interpreter is."""
        return command if self.place is None else self.place.command(command)

    def outside(self, path: str) -> Path:
        """Return the host's path of a path of the interpreter."""
        return Path(path) if self.place is None else self.place.outside(path)


def find(version: str, log: Path) -> Interpreter:
    """Find the interpreter of a version; the debug build is Debian's."""
    if version != DEBUG_BUILD:
        for program in candidates(version):
            if is_version(program, version):
                return Interpreter(version, program)
    if version in IN_CHROOT:
        return Interpreter(version, f"/usr/bin/python{version}", chroot(log))
    raise CannotRunError(f"no python{version} on PATH or under pyenv")


def candidates(version: str) -> list[str]:
    """List the programs that may be this Python: on PATH, then pyenv's, newest first."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    known = [p for p in pyenv.glob(f"{version}.*") if p.name.removeprefix(f"{version}.").isdigit()]
    known.sort(key=lambda path: int(path.name.rpartition(".")[2]), reverse=True)
    on_path = shutil.which(name)
    return [*([on_path] if on_path else []), *(str(path / "bin" / name) for path in known)]


def is_version(program: str, version: str) -> bool:
    """Tell whether a program runs: pyenv puts one on PATH also for versions that are off."""
    command = [program, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    options: dict[str, Any] = {"capture_output": True, "encoding": "utf-8", "timeout": 60}
    try:
        told = subprocess.run(command, check=False, **options)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return told.returncode == 0 and told.stdout.strip() == version


def environment(interpreter: Interpreter, work: str) -> dict[str, str]:
    """Return a clean environment: the user's own Python settings must not leak into the suite."""
    kept = {name: value for name, value in os.environ.items() if PASSED_ON.fullmatch(name)}
    host_path = os.environ.get("PATH", os.defpath)
    system = SYSTEM_PATH if interpreter.place else host_path
    kept |= {
        "PATH": f"{work}/venv/bin:{system}",
        "HOME": "/root" if interpreter.place else os.environ.get("HOME", work),
        "TMPDIR": f"{work}/tmp",
    }
    if interpreter.version == DEBUG_BUILD:
        # A wheel of a release build loads, but its references are not counted.
        kept["PIP_NO_BINARY"] = "cffi"
    if interpreter.place and "PIP_FIND_LINKS" in kept:
        links = [link for link in kept["PIP_FIND_LINKS"].split() if link.startswith("http")]
        kept["PIP_FIND_LINKS"] = " ".join(links)
    return kept
