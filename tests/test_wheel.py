"""The sdist and the wheel: they build from a clean copy, hold what they should, and install."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

PROJECT = Path(__file__).resolve().parents[1]
BUILD_SECONDS = 240.0
HIDDEN = (".ci", ".github")
LEFT_OUT = (".*", "build", "dist", "*.egg-info", "__pycache__", "*.so", "*.pyd", "_native.c")

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.timeout(3 * BUILD_SECONDS)]


def run(*command: str | Path, cwd: Path, **added: str) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONWARNINGS"}}
    environment |= added
    outcome = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


def build(kind: str, source: Path, out: Path) -> Path:
    """Build without the network, with the build tools of the running Python."""
    command = (
        sys.executable,
        "-m",
        "build",
        f"--{kind}",
        "--no-isolation",
        "--outdir",
        out,
        source,
    )
    run(*command, cwd=out.parent)
    (result,) = out.iterdir()
    return result


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for tool in ("build", "setuptools", "cffi"):
        if importlib.util.find_spec(tool) is None:
            pytest.skip(f"{tool} is not installed: pip install '.[test]'")
    return tmp_path_factory.mktemp("wheel")


@pytest.fixture(scope="module")
def sdist(work: Path) -> Path:
    """The sdist of a copy in which left-overs lie around, as they do in a used checkout."""
    copy = work / "checkout"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for file in PROJECT.glob(".*"):
        if file.is_file():
            shutil.copy(file, copy)
    for folder in HIDDEN:
        shutil.copytree(PROJECT / folder, copy / folder)
    (copy / "pythread_rs" / "_native.stale.so").touch()
    (copy / "tests" / "__pycache__").mkdir()
    (copy / "tests" / "__pycache__" / "left.pyc").touch()
    return build("sdist", copy, work / "sdist")


@pytest.fixture(scope="module")
def unpacked(work: Path, sdist: Path) -> Path:
    with tarfile.open(sdist) as archive:
        archive.extractall(work / "unpacked", filter="data")
    (folder,) = (work / "unpacked").iterdir()
    return folder


@pytest.fixture(scope="module")
def wheel(work: Path, unpacked: Path) -> Path:
    """The wheel, built from the sdist and not from the checkout."""
    return build("wheel", unpacked, work / "wheel")


def files_below(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def tracked_files() -> set[str]:
    """List the files that the project keeps, whatever tool keeps them."""
    kept = ("csrc", "docs", "examples", "pythread_rs", "tests", "benchmarks", "tools", *HIDDEN)
    junk = {".pyc", ".so", ".pyd", ".o", ".exe"}
    return {
        path.relative_to(PROJECT).as_posix()
        for folder in kept
        for path in (PROJECT / folder).rglob("*")
        if path.is_file()
        and path.suffix not in junk
        and path.name != "_native.c"
        and not {"_build", "__pycache__"} & set(path.parts)
    }


def test_the_sdist_holds_all_that_the_project_is(unpacked: Path) -> None:
    single = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "MANIFEST.in", "README.md", "setup.py"}
    single |= {
        "SECURITY.md",
        "pytest_pythread_rs.py",
        "pyproject.toml",
        ".clang-format",
        ".editorconfig",
        ".pre-commit-config.yaml",
    }
    assert (tracked_files() | single) - files_below(unpacked) == set()


def test_the_sdist_holds_no_left_overs(unpacked: Path) -> None:
    names = files_below(unpacked)
    assert [name for name in names if name.endswith((".so", ".pyc", ".o", "/_native.c"))] == []


def wheel_names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path, unpacked: Path) -> None:
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    kept = {".py", ".pyi", ".md", ".rs", ".css", ".js"}
    source = {
        name
        for name in files_below(unpacked)
        if name.startswith("pythread_rs/") and PurePosixPath(name).suffix in kept
    }
    compiled = {f"pythread_rs/{name}{suffix}" for name in ("_native", "_objects")}
    found = {name for name in wheel_names(wheel) if ".dist-info/" not in name}
    assert found == source | compiled | {"pythread_rs/py.typed", "pytest_pythread_rs.py"}


def test_the_wheel_describes_itself(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().partition("\n\n")[0].splitlines()
        (licence,) = (n for n in archive.namelist() if n.endswith(".dist-info/licenses/LICENSE"))
        assert archive.read(licence) == (PROJECT / "LICENSE").read_bytes()
    assert {"Name: pythread_rs", "Requires-Python: >=3.11", "License-Expression: MIT"} <= set(lines)
    needed = [line for line in lines if line.startswith("Requires-Dist:") and "extra" not in line]
    assert needed == ["Requires-Dist: cffi>=2.1.1"]


def test_no_link_of_the_description_leads_nowhere(wheel: Path) -> None:
    """A package index shows README without the files beside it."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        head, _, text = archive.read(name).decode().partition("\n\n")
    assert "Description-Content-Type: text/markdown" in head
    assert "](" in (PROJECT / "README.md").read_text("utf-8")
    assert [link for link in re.findall(r"\]\(([^)]*)\)", text) if "://" not in link] == []
    assert "- Recipes (`docs/recipes/index.md`): twenty questions" in text or "/blob/" in text


def install(package: Path, folder: Path, **environment: str) -> Path:
    """Make a virtual environment with the package, and with what this Python has: no network."""
    # Not find_spec: setuptools' hook on the finder warns when a test before this one has imported
    # distutils.
    if not any(importlib.metadata.distributions(name="pip")):
        pytest.skip("pip is not installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    scheme = {"base": str(folder), "platbase": str(folder)}
    target = Path(sysconfig.get_path("purelib", "venv", vars=scheme))
    (target / "outer.pth").write_text(sysconfig.get_path("platlib") + "\n")
    command = (sys.executable, "-m", "pip", "--python", python, "install", "--no-index")
    options = ("--no-deps", "--no-build-isolation", "--no-cache-dir", "--quiet")
    run(*command, *options, "--ignore-installed", package, cwd=folder.parent, **environment)
    return python


@pytest.fixture(scope="module")
def installed_python(work: Path, wheel: Path) -> Path:
    return install(wheel, work / "venv")


def test_the_installed_wheel_works(installed_python: Path, work: Path) -> None:
    program = """
import pythread_rs
print(pythread_rs.spawn(sum, [1, 2]).join())
print(pythread_rs.__file__)
"""
    result, file = run(installed_python, "-W", "error", "-c", program, cwd=work).splitlines()
    assert result == "Ok(3)"
    assert Path(file).is_relative_to(work / "venv")


def examples(python: Path, unpacked: Path, work: Path) -> str:
    return run(python, "-W", "error", unpacked / "tools" / "check_examples.py", cwd=work)


def test_the_installed_wheel_runs_all_examples(
    installed_python: Path, unpacked: Path, work: Path
) -> None:
    count = len(list((unpacked / "examples").glob("*.py")))
    output = examples(installed_python, unpacked, work)
    assert output.startswith(f"{count} of {count} examples are right with {work / 'venv'}")
    assert "pythread_rs" in run(installed_python, "-m", "pythread_rs", "info", cwd=work)


def test_a_wrong_example_would_be_found(installed_python: Path, unpacked: Path, work: Path) -> None:
    copy = work / "wrong"
    for folder in ("examples", "tools"):
        shutil.copytree(unpacked / folder, copy / folder)
    example = copy / "examples" / "counter.py"
    example.write_text(example.read_text("utf-8").replace("print(", "print(0, "), "utf-8")
    with pytest.raises(AssertionError, match=r"counter\.py printed"):
        examples(installed_python, copy, work)


def test_pytest_finds_the_plugin_of_the_installed_wheel(installed_python: Path, work: Path) -> None:
    folder = work / "plugin"
    folder.mkdir()
    (folder / "test_it.py").write_text("def test_it(no_leaked_threads):\n    pass\n")
    # By its name, too, which must not load it twice.
    for options in ((), ("-p", "pytest_pythread_rs")):
        output = run(installed_python, "-m", "pytest", "-q", *options, folder, cwd=folder)
        assert "1 passed" in output


def test_the_sdist_itself_installs(sdist: Path, unpacked: Path, work: Path) -> None:
    # How fast it runs is not asked for here; how fast the compiler is, is.
    python = install(sdist, work / "from-sdist", CFLAGS="-O0 -g0")
    assert str(work / "from-sdist") in examples(python, unpacked, work)
