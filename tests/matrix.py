"""Run the test-suite on every supported Python, one after the other, and print a table.

An interpreter is taken from PATH or from pyenv. What the machine does not have comes from a
Debian `forky` chroot, which is made by debootstrap once (as root, on Debian; some minutes and
2 GB) and kept in $PYTHREAD_RS_MATRIX_CACHE, /var/cache/pythread_rs-matrix by default. What could
not be run, and why, stands below the table. The exit status is 1 if a suite that was run failed,
or if none was.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

PROJECT = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("PYTHREAD_RS_MATRIX_CACHE", "/var/cache/pythread_rs-matrix"))
VERSIONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
IN_CHROOT = ("3.14", "3.15", "3.14-dbg")
DEBUG_BUILD = "3.14-dbg"
SUITE = "forky"
# sid's script does for every suite that the host's debootstrap is too old to know.
BOOTSTRAP_SCRIPT = Path("/usr/share/debootstrap/scripts/sid")
PACKAGES = (
    *(f"python{version}-{part}" for version in ("3.14", "3.15") for part in ("dev", "venv", "dbg")),
    *("gcc", "libc6-dev", "libffi-dev", "ca-certificates", "procps"),
)
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The machine's clock may be ahead of the mirror's last update.
APT = ("apt-get", "-y", "-q", "-o", "Acquire::Check-Valid-Until=false")
BUILD_SECONDS = 1200
INSTALL_SECONDS = 600
SUITE_SECONDS = 1700
PASSED_ON = re.compile(
    r"(?i)(PIP_\w+|(https?|no|all|ftp)_proxy|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|LANG|LC_\w+|TZ|CI|PYTHREAD_RS_(STRESS|WERROR))"
)
CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

LEAK_CHECK = """
import gc, sys
from pythread_rs import Own, OwnershipError, drain, freeze, move, panic, scope, spawn, take

def fail():
    raise ValueError("on purpose")

def threads(count):
    for number in range(count):
        spawn([int, fail][number % 2]).join()

def moved(count):
    for number in range(count):
        data, names = [number, [number]], {"a": number}
        spawn(move(lambda: (data, names))).join()
        words = [str(number)]
        spawn(len, words).join()
        spawn(len, Own([number])).join()
        rows = [[1], [2]]
        for row in drain(rows):
            take(lambda: row)
        freeze({"a": [number]})

def refused(count):
    for number in range(count):
        inner = [number]
        data = [inner]
        for attempt in (lambda: data, fail, number):
            try:
                spawn(attempt, data)
            except (OwnershipError, TypeError) as error:
                str(error)
        inner.append(0)  # read later: it is no dead variable

def borrowed(count):
    for number in range(count):
        data = [number]
        with scope() as s:
            s.spawn(lambda: sum(data))
            s.spawn(lambda: len(data))

panic.set_hook(lambda info: None)
leaks = 0
for work, count in ((threads, 1000), (moved, 200), (refused, 20), (borrowed, 100)):
    totals = []
    for _ in range(7):
        work(count)
        gc.collect()
        totals.append(sys.gettotalrefcount())
    print("total references after each round of", work.__name__, *totals)
    leaks += abs(totals[-1] - totals[-4]) > 60
sys.exit(leaks)
"""


running: set[int] = set()  # the commands under way; each leads its process group


class CannotRunError(Exception):
    """This machine cannot do it; the text says why."""


@dataclass
class Result:
    """What one interpreter did."""

    version: str
    where: str
    counts: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    failed: bool = False
    reason: str = ""  # why nothing was run
    log: str = ""


def run(command: list[str], seconds: float, log: Path, env: dict[str, str] | None = None) -> int:
    """Run a command with its output in `log`; kill all that it started when the time is over."""
    with log.open("ab") as stream:
        stream.write(f"$ {shlex.join(command)}\n".encode())
        stream.flush()
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=env,
        )
        running.add(child.pid)
        try:
            return int(child.wait(seconds))
        except subprocess.TimeoutExpired:
            stream.write(f"killed after {seconds:.0f} seconds\n".encode())
            return 124
        finally:
            kill_group(child.pid)  # also what a test left behind
            child.wait()
            running.discard(child.pid)


def kill_group(leader: int) -> None:
    """Kill a command and all that it started, if they are still there."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass


# -- The chroot. -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chroot:
    """A Debian of its own, entered through a mount namespace.

    Its mounts live in that namespace and go with the last process in it, however it ends: there
    is nothing to unmount.
    """

    root: Path

    MOUNTS = (
        'mount -t proc proc "$0/proc"; mount --rbind /sys "$0/sys"; mount --rbind /dev "$0/dev"; '
        'exec chroot "$0" "$@"'
    )

    def command(self, command: list[str]) -> list[str]:
        """Return the command that runs `command` inside."""
        return [*NAMESPACE, "sh", "-euc", self.MOUNTS, str(self.root), *command]

    def outside(self, path: str) -> Path:
        """Return the host's path of a path inside."""
        return self.root / path.lstrip("/")

    def adopt_network(self) -> None:
        """Let the inside find the hosts, and trust the certificates, that the outside does."""
        files = ["/etc/resolv.conf", "/etc/hosts"]
        files += [os.environ[name] for name in CERTIFICATES if name in os.environ]
        for file in files:
            inside = self.outside(file)
            if Path(file).is_file():
                inside.parent.mkdir(parents=True, exist_ok=True)
                inside.unlink(missing_ok=True)  # Debian's resolv.conf may be a link
                shutil.copyfile(file, inside)


NAMESPACE = ["unshare", "--mount", "--propagation", "private", "--"]


def chroot(log: Path) -> Chroot:
    """Return the cached chroot; make it first if it is not there or is another one."""
    _check_that_a_chroot_can_be_made()
    CACHE.mkdir(parents=True, exist_ok=True)
    root, stamp = CACHE / SUITE, CACHE / f"{SUITE}.complete"
    recipe = "\n".join(PACKAGES)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != recipe:
            stamp.unlink(missing_ok=True)
            _remove(root)
            print(f"making the chroot {root}: this takes some minutes", flush=True)
            _make(Chroot(root), log)
            stamp.write_text(recipe)
    made = Chroot(root)
    made.adopt_network()
    return made


def _check_that_a_chroot_can_be_made() -> None:
    if not Path("/etc/debian_version").exists():
        raise CannotRunError("the chroot is made on Debian only")
    if os.geteuid() != 0:
        raise CannotRunError("the chroot is made by root only")
    for tool in ("debootstrap", "unshare", "chroot", "apt-get"):
        if shutil.which(tool) is None:
            raise CannotRunError(f"the chroot needs {tool}")
    if subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode != 0:
        raise CannotRunError("this system does not allow mount namespaces")


def _remove(root: Path) -> None:
    """Delete a half-made or outdated chroot, but never through a mount into the host."""
    if f" {root}/" in Path("/proc/self/mounts").read_text():
        raise CannotRunError(f"something is mounted in {root}: unmount it and delete the folder")
    if root.exists():
        shutil.rmtree(root)


def _make(made: Chroot, log: Path) -> None:
    bootstrap = ["debootstrap", "--variant=minbase", SUITE, str(made.root)]
    _need([*NAMESPACE, *bootstrap, mirror(), str(BOOTSTRAP_SCRIPT)], log)
    made.adopt_network()
    # No service may start because its package was installed.
    policy = made.outside("/usr/sbin/policy-rc.d")
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    install = [*APT, "--no-install-recommends", "install", *PACKAGES]
    for step in ([*APT, "update"], install, ["apt-get", "clean"]):
        _need(made.command(["env", "DEBIAN_FRONTEND=noninteractive", *step]), log)


def _need(command: list[str], log: Path) -> None:
    if run(command, BUILD_SECONDS, log) != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise CannotRunError(f"the chroot could not be made:\n{tail}")


def mirror() -> str:
    """Return the mirror from which this machine gets Debian itself."""
    form = "$(LABEL) $(REPO_URI)"
    command = ["apt-get", "indextargets", "--format", form]
    listed = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    for line in listed.stdout.splitlines():
        label, _, address = line.partition(" ")
        if label == "Debian":
            return address
    raise CannotRunError("apt knows no mirror of Debian (run apt-get update)")


# -- Interpreters. ---------------------------------------------------------------------------------


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


# -- One run. --------------------------------------------------------------------------------------


def export(target: Path) -> None:
    """Copy the checkout without what git ignores, as somebody else would get it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    options: dict[str, Any] = {"cwd": PROJECT, "capture_output": True, "encoding": "utf-8"}
    listed = subprocess.run(command, check=False, **options)
    if listed.returncode != 0:  # not a checkout, but an unpacked archive
        ignored = shutil.ignore_patterns("build", "dist", "*.so", "__pycache__", ".*_cache")
        shutil.copytree(PROJECT, target, ignore=ignored)
        return
    for name in filter(None, listed.stdout.split("\0")):
        source = PROJECT / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


class Run:
    """The suite, or the check for leaked references, on one interpreter."""

    def __init__(self, interpreter: Interpreter, log: Path) -> None:
        self.interpreter = interpreter
        self.log = log
        inside = "/tmp" if interpreter.place else tempfile.gettempdir()
        folder = interpreter.outside(inside)
        folder.mkdir(exist_ok=True)
        made = tempfile.mkdtemp(prefix=f"matrix-{interpreter.version}-", dir=folder)
        self.work = f"{inside}/{Path(made).name}"
        self.outside = Path(made)

    def __enter__(self) -> Self:
        (self.outside / "tmp").mkdir()
        export(self.outside / "project")
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.outside, ignore_errors=True)

    def do(self, command: list[str], seconds: float) -> bool:
        """Run a command in the exported project; tell whether it succeeded."""
        go = ["env", "-C", f"{self.work}/project", *command]
        env = environment(self.interpreter, self.work)
        return run(self.interpreter.command(go), seconds, self.log, env=env) == 0

    def install(self, what: str) -> bool:
        """Make a fresh virtual environment with the package in it."""
        venv = [self.interpreter.program, "-m", "venv", f"{self.work}/venv"]
        pip = ["python", "-m", "pip", "install", "-q", what]
        return self.do(venv, INSTALL_SECONDS) and self.do(pip, INSTALL_SECONDS)

    def suite(self, arguments: list[str]) -> tuple[bool, dict[str, int]]:
        """Run pytest; return whether it succeeded, and its numbers."""
        report = ["-q", "-p", "no:cacheprovider", f"--junitxml={self.work}/report.xml"]
        succeeded = self.do(["python", "-m", "pytest", *report, *arguments], SUITE_SECONDS)
        file = self.outside / "report.xml"
        return succeeded, numbers(file) if file.exists() else {}

    def leaks(self) -> bool:
        """Count all references before and after some thousand threads; tell if they stay flat."""
        (self.outside / "leaks.py").write_text(LEAK_CHECK, encoding="utf-8")
        return self.do(["python", f"{self.work}/leaks.py"], INSTALL_SECONDS)


def numbers(report: Path) -> dict[str, int]:
    """Read pytest's numbers from its report."""
    totals = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for suite in ET.parse(report).getroot().iter("testsuite"):
        for name in totals:
            totals[name] += int(suite.get(name, 0))
    failed = totals["failures"] + totals["errors"]
    passed = totals["tests"] - failed - totals["skipped"]
    return {"passed": passed, "failed": failed, "skipped": totals["skipped"]}


def test(version: str, kind: str, arguments: list[str], logs: Path) -> Result:
    """Run one kind of check, `suite` or `leaks`, on one interpreter."""
    log = logs / f"{version}-{kind}.log"
    name = version if kind == "suite" else f"{version} {kind}"
    began = time.monotonic()
    try:
        interpreter = find(version, log)
    except CannotRunError as error:
        return Result(name, "-", reason=str(error))
    result = Result(name, interpreter.where)
    with Run(interpreter, log) as place:
        if not place.install("." if kind == "leaks" else ".[test,ecosystem]"):
            result.failed = True
        elif kind == "leaks":
            result.failed = not place.leaks()
        else:
            succeeded, result.counts = place.suite(arguments)
            result.failed = not succeeded
    result.seconds = time.monotonic() - began
    result.log = log.read_text(errors="replace")
    print(f"{name}: {'FAILED' if result.failed else 'ok'}", flush=True)
    return result


# -- The report. -----------------------------------------------------------------------------------


def print_report(results: list[Result]) -> None:
    """Print the ends of the logs of what failed, the table, and what was not run."""
    for result in results:
        if result.failed:
            print(f"\n---- {result.version}: the end of its log ----")
            print("\n".join(result.log.splitlines()[-80:]))
    row = "{:<14} {:<15} {:>7} {:>7} {:>8} {:>8}  {}"
    print("\n" + row.format("version", "where", "passed", "failed", "skipped", "seconds", ""))
    for result in results:
        if result.reason:
            continue
        counts = [result.counts.get(name, "-") for name in ("passed", "failed", "skipped")]
        verdict = "FAILED" if result.failed else "ok"
        print(row.format(result.version, result.where, *counts, f"{result.seconds:.0f}", verdict))
    for result in results:
        if result.reason:
            print(f"NOT RUN: {result.version}: {result.reason}")


def parsed_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument(
        "--only", action="append", choices=VERSIONS, help="this version only; may be repeated"
    )
    parser.add_argument(
        "--except",
        action="append",
        choices=VERSIONS,
        default=[],
        dest="left_out",
        help="not this version, because it has been tested already; may be repeated",
    )
    parser.add_argument("--pytest-args", default="", help="arguments for pytest, as in a shell")
    parser.add_argument("--jobs", type=int, choices=(1, 2), default=1, help="runs at a time")
    parser.add_argument(
        "--gil-debug", action="store_true", help=f"run the suite on {DEBUG_BUILD} too"
    )
    parser.add_argument(
        "--refleak",
        action="store_true",
        help=f"check on {DEBUG_BUILD} that threads leak no references",
    )
    parser.add_argument("--logs", type=Path, help="keep the logs in this folder")
    return parser.parse_args()


def main() -> int:
    """Do what the command line says."""
    arguments = parsed_arguments()
    wanted = [v for v in arguments.only or VERSIONS if v not in arguments.left_out]
    todo = [(version, "suite") for version in wanted]
    todo += [(DEBUG_BUILD, "suite")] if arguments.gil_debug else []
    todo += [(DEBUG_BUILD, "leaks")] if arguments.refleak else []
    pytest_arguments = shlex.split(arguments.pytest_args)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.jobs) as pool:
        logs = arguments.logs or Path(folder)
        logs.mkdir(parents=True, exist_ok=True)
        started = [pool.submit(test, *one, pytest_arguments, logs) for one in todo]
        try:
            results = [future.result() for future in started]
        finally:  # nothing is left to stop, unless this was interrupted
            pool.shutdown(wait=False, cancel_futures=True)
            for leader in list(running):
                kill_group(leader)
    print_report(results)
    was_run = [result for result in results if not result.reason]
    return 1 if not was_run or any(result.failed for result in was_run) else 0


if __name__ == "__main__":
    sys.exit(main())
