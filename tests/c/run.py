"""Build the C floors and their tests, and run each test in a process of its own.

    python tests/c/run.py [--tool plain|condvar|thread|address|valgrind|wine] ...

Nothing of Python is linked in, and nothing outside the standard library is needed here. The
exit status is 1 when a test fails, 2 when the tool is not there or the build fails.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

HERE = Path(__file__).resolve().parent
CSRC = HERE.parent.parent / "csrc"
JOBS = os.cpu_count() or 1

PASSED, USAGE, SKIPPED, LATE = 0, 2, 77, 78
DEADLINE = 20  # seconds for one test, before the tool's factor
GRACE = 15  # seconds that a test has to end itself once its deadline is over

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
# The product is compiled with -fexceptions, for pthread_exit unwinds through its frames.
COMMON = ["-std=c11", "-O2", "-g", "-fexceptions", "-D_DEFAULT_SOURCE", *WARNINGS]
# What the test programs share.
HELPERS = ["check", "closure", "blocking", "locking", "pending"]
# Linker flags of single programs: test_memory stands between the layer and the allocator.
LINK_FLAGS = {"test_memory": ["-Wl,--wrap=malloc,--wrap=calloc"]}
# ld64 has no --wrap.
NOT_ON_MACOS = {"test_memory"}

WINDOWS_COMPILER = "x86_64-w64-mingw32-gcc"
WINE_NAMES = ["wine64", "/usr/lib/wine/wine64", "wine"]

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Unusable(Exception):
    """The tool is not installed, or does not work on this machine."""


@dataclass(frozen=True)
class Tool:
    """One way to build and run the tests."""

    name: str
    compiler: str
    flags: list[str] = field(default_factory=list)
    link: list[str] = field(default_factory=lambda: ["-pthread"])
    floor: str = "unix"
    wait: str = "wait.c"
    backend: str = "futex"
    launcher: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    slowness: int = 1  # deadlines are multiplied by it
    rounds: int = 100  # percent of the rounds of a plain build
    # More words for the launcher, by program.
    words: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """How one test went."""

    name: str
    status: int
    seconds: float
    text: str


# ---- tools ---------------------------------------------------------------------------------


def find(*names: str) -> str:
    """Return the first of `names` that is an executable here."""
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    raise Unusable(f"none of {', '.join(names)} is here")


def compiler() -> str:
    """Return the C compiler that CC names, or the usual ones."""
    return find(*([os.environ["CC"]] if "CC" in os.environ else ["cc", "gcc", "clang"]))


def plain_tool(folder: Path) -> Tool:
    """Optimised, with nothing that watches."""
    del folder
    if sys.platform == "linux":
        return Tool("plain", compiler())
    return Tool("plain", compiler(), wait="wait_condvar.c", backend="condvar")


def condvar_tool(folder: Path) -> Tool:
    """The floor for POSIX systems without a futex."""
    return replace(plain_tool(folder), name="condvar", wait="wait_condvar.c", backend="condvar")


def address_tool(folder: Path) -> Tool:
    """AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer."""
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    environment = {
        "ASAN_OPTIONS": "detect_stack_use_after_return=1:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }
    return with_sanitizer("address", flags, environment, folder, slowness=2, rounds=50)


def thread_tool(folder: Path) -> Tool:
    """ThreadSanitizer."""
    environment = {
        # A forked child starts threads of its own, which the sanitizer can follow well enough.
        "TSAN_OPTIONS": "die_after_fork=0:second_deadlock_stack=1:history_size=4",
    }
    return with_sanitizer("thread", ["-fsanitize=thread"], environment, folder, 4, 30)


def with_sanitizer(
    name: str,
    flags: list[str],
    environment: dict[str, str],
    folder: Path,
    slowness: int,
    rounds: int,
) -> Tool:
    """Choose a compiler and a launcher with which a program of this sanitizer runs at all.

    A kernel that spreads mappings over more bits than a runtime was made for aborts it before
    main; `setarch -R` switches the spreading off, and another compiler may bring a newer runtime.
    """
    probe = folder / f"probe_{name}"
    source = probe.with_suffix(".c")
    source.write_text("int main(void) { return 0; }\n", encoding="ascii")
    launchers: list[list[str]] = [[]]
    if sys.platform == "linux" and shutil.which("setarch") is not None:
        launchers.append(["setarch", platform.machine(), "-R"])
    for one in dict.fromkeys([compiler(), shutil.which("clang") or compiler()]):
        command = [one, *flags, str(source), "-o", str(probe)]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            continue
        for launcher in launchers:
            if all(runs([*launcher, str(probe)], environment) for _ in range(5)):
                tool = replace(plain_tool(folder), name=name, compiler=one, flags=flags)
                tool = replace(tool, link=["-pthread", *flags], launcher=launcher)
                return replace(tool, environment=environment, slowness=slowness, rounds=rounds)
    raise Unusable(f"no compiler here makes a program that runs under the {name} sanitizer")


def runs(command: list[str], environment: dict[str, str]) -> bool:
    """Tell whether a command ends with status 0."""
    result = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=180,
        check=False,
    )
    return result.returncode == 0


def valgrind_tool(folder: Path) -> Tool:
    """Valgrind's memcheck; what parked workers hold is still reachable, hence only real leaks."""
    launcher = [
        *(find("valgrind"), "--quiet", "--error-exitcode=99", "--fair-sched=try"),
        *("--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"),
        f"--suppressions={HERE / 'valgrind.supp'}",
    ]
    plain = plain_tool(folder)
    # What the parent's threads held is lost in the child of a fork, and nobody can free it there.
    words = {"test_fork": ["--leak-check=no"]}
    return replace(plain, name="valgrind", launcher=launcher, slowness=6, rounds=3, words=words)


def wine_tool(folder: Path) -> Tool:
    """The Windows floor, cross-compiled and run by wine, in a prefix of its own."""
    wine = find(*WINE_NAMES)
    prefix = folder / "wine"
    environment = {
        "WINEPREFIX": str(prefix),
        "WINEDEBUG": "-all",
        # Neither .NET nor a browser, so that nothing is asked for or downloaded.
        "WINEDLLOVERRIDES": "mscoree,mshtml=",
        "DISPLAY": "",
    }
    tool = Tool("wine", find(WINDOWS_COMPILER), ["-D_WIN32_WINNT=0x0A00"], floor="win")
    tool = replace(tool, link=["-static", "-lsynchronization"], backend="WaitOnAddress")
    # Two first runs at the same time would make the prefix twice.
    if not runs([wine, "wineboot", "--init"], environment):
        raise Unusable(f"{wine} cannot make a prefix")
    return replace(tool, launcher=[wine], environment=environment, slowness=3, rounds=30)


TOOLS: dict[str, Callable[[Path], Tool]] = {
    "plain": plain_tool,
    "condvar": condvar_tool,
    "thread": thread_tool,
    "address": address_tool,
    "valgrind": valgrind_tool,
    "wine": wine_tool,
}


# ---- build ---------------------------------------------------------------------------------


def in_parallel(work: Callable[[Item], Outcome], items: Iterable[Item]) -> list[Outcome]:
    """Do `work` on each item, as many at once as there are CPUs."""
    with ThreadPoolExecutor(JOBS) as pool:
        return list(pool.map(work, items))


def call(command: list[str]) -> None:
    """Run a compiler; what it says goes to stderr."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    sys.stderr.write(result.stderr)
    if result.returncode != 0:
        raise Unusable(f"failed: {' '.join(command)}")


def floor_sources(tool: Tool) -> list[Path]:
    """List the files of core and of the OS floor, with the wait file that the tool asks for."""
    waits = {"wait.c", "wait_condvar.c"} - {tool.wait}
    folders = [CSRC / "core", CSRC / "core" / "sync", CSRC / tool.floor]
    files = [path for folder in folders for path in folder.glob("*.c")]
    return sorted(path for path in files if path.name not in waits)


def test_sources(tool: Tool, only: str) -> list[Path]:
    """List the test programs that `only` can mean: the portable ones and those of the floor."""
    files = [*HERE.glob("test_*.c"), *(HERE / tool.floor).glob("test_*.c")]
    if sys.platform == "darwin":
        files = [path for path in files if path.stem not in NOT_ON_MACOS]
    program, found, _ = only.partition("::")
    return sorted(path for path in files if not found or path.stem.endswith(program))


def build(tool: Tool, folder: Path, only: str) -> list[Path]:
    """Compile everything and link one program per test file that `only` can mean.

    Returns:
        The programs.
    """
    shared = [*floor_sources(tool), *(HERE / f"{name}.c" for name in HELPERS)]
    shared.append(HERE / tool.floor / "check_os.c")
    tests = test_sources(tool, only)

    def compile_one(source: Path) -> Path:
        target = folder / f"{source.parent.name}_{source.stem}.o"
        flags = [*COMMON, *tool.flags, f'-DCHECK_BACKEND="{tool.backend}"']
        call([tool.compiler, *flags, "-c", str(source), "-o", str(target)])
        return target

    objects = in_parallel(compile_one, [*shared, *tests])
    base = [str(path) for path in objects[: len(shared)]]

    def link_one(pair: tuple[Path, Path]) -> Path:
        source, target = pair
        program = folder / (source.stem + (".exe" if tool.floor == "win" else ""))
        extra = LINK_FLAGS.get(source.stem, [])
        call([tool.compiler, str(target), *base, *extra, *tool.link, "-o", str(program)])
        return program

    return in_parallel(link_one, list(zip(tests, objects[len(shared) :], strict=True)))


# ---- run -----------------------------------------------------------------------------------


def environment_of(tool: Tool) -> dict[str, str]:
    """Return what a test process gets to see, with the tool's deadline and rounds."""
    settings = {
        "CHECK_TOOL": tool.name,
        "CHECK_DEADLINE": str(DEADLINE * tool.slowness),
        "CHECK_ROUNDS": str(tool.rounds * int(os.environ.get("PYTHREAD_RS_STRESS", "1"))),
    }
    return {**os.environ, **settings, **tool.environment}


def names_of(tool: Tool, program: Path) -> list[str]:
    """Ask a program for the names of its tests."""
    status, text = launch(tool, program, "--list")
    if status != PASSED:
        raise Unusable(f"{program.name} --list failed:\n{text}")
    return text.split()


def run_test(tool: Tool, program: Path, name: str) -> Result:
    """Run one test and note how it went."""
    began = time.monotonic()
    status, text = launch(tool, program, name)
    return Result(f"{program.stem}::{name}", status, time.monotonic() - began, text)


def launch(tool: Tool, program: Path, word: str) -> tuple[int, str]:
    """Run a program in a process group of its own, which is ended when the deadline is missed.

    The output goes to a file, not to a pipe: wine's services inherit it and outlive the program.

    Returns:
        The exit status and the output.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(
            [*tool.launcher, *tool.words.get(program.stem, []), str(program), word],
            env=environment_of(tool),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = process.wait(DEADLINE * tool.slowness + GRACE)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            status = LATE
        output.seek(0)
        return status, output.read()


def run_all(tool: Tool, programs: list[Path], only: str, repeat: int) -> list[Result]:
    """Run every test whose name holds `only`, `repeat` times."""
    lists = in_parallel(lambda program: names_of(tool, program), programs)
    tests = [
        (program, name)
        for program, names in zip(programs, lists, strict=True)
        for name in names
        if only in f"{program.stem}::{name}"
    ]
    return in_parallel(lambda test: run_test(tool, *test), tests * repeat)


def describe(result: Result) -> str:
    """Say why a test did not pass, with all that it printed."""
    words = {SKIPPED: "skipped", LATE: "late", USAGE: "no such test"}
    return f"{words.get(result.status, f'FAILED ({result.status})')}: {result.name}\n{result.text}"


def report(tool: Tool, results: list[Result], seconds: float, options: Options) -> bool:
    """Print what did not pass and one line of summary. Returns: whether nothing failed."""
    for result in results if options.show else []:
        print(result.text, end="")
    skipped = [result for result in results if result.status == SKIPPED]
    failed = [result for result in results if result.status not in {PASSED, SKIPPED}]
    for result in [*skipped, *failed]:
        print(describe(result).rstrip())
    for result in sorted(results, key=lambda one: -one.seconds)[: options.slowest]:
        print(f"{result.seconds:6.2f} s  {result.name}")
    passed = len(results) - len(skipped) - len(failed)
    counts = f"{passed} passed, {len(skipped)} skipped, {len(failed)} failed"
    print(f"{tool.name}: {counts} in {seconds:.1f} s ({Path(tool.compiler).name})", flush=True)
    return not failed and passed > 0


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    tools: list[str]
    only: str
    repeat: int
    slowest: int
    show: bool


def run_tool(name: str, options: Options) -> int:
    """Build and run with one tool. Returns: an exit status."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="prs_c_", ignore_cleanup_errors=True) as text:
        folder = Path(text)
        try:
            tool = TOOLS[name](folder)
            programs = build(tool, folder, options.only)
            try:
                results = run_all(tool, programs, options.only, options.repeat)
            finally:
                stop_wine(tool)
        except Unusable as reason:
            print(f"{name}: {reason}", flush=True)
            return 2
    return 0 if report(tool, results, time.monotonic() - began, options) else 1


def stop_wine(tool: Tool) -> None:
    """End the server of our own prefix, which holds files of the folder open."""
    if tool.name != "wine":
        return
    server = shutil.which("wineserver") or "/usr/lib/wine/wineserver"
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run([server, "-k"], env=environment_of(tool), timeout=30, check=False)


def main() -> int:
    """Run the tools of the command line, one after the other."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tool", action="append", choices=list(TOOLS), help="default: plain")
    parser.add_argument("--only", default="", help="a part of test_file::test_name")
    parser.add_argument("--repeat", type=int, default=1, help="run each test so many times")
    parser.add_argument("--slowest", type=int, default=0, help="print the slowest tests")
    parser.add_argument("--show", action="store_true", help="print what the tests printed")
    words = parser.parse_args()
    tools = words.tool or ["plain"]
    options = Options(tools, words.only, words.repeat, words.slowest, words.show)
    return max(run_tool(name, options) for name in options.tools)


if __name__ == "__main__":
    sys.exit(main())
