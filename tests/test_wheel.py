"""The sdist and the wheel: they build from a clean copy, hold what they should, and install."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
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
LEFT_OUT = (".*", "build", "dist", "*.egg-info", "__pycache__", "*.so", "*.pyd", "_native.c")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * BUILD_SECONDS)]


def run(*command: str | Path, cwd: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONWARNINGS"}}
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
    shutil.copytree(PROJECT / ".ci", copy / ".ci")
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
    kept = ("csrc", "docs", "examples", "pythread_rs", "tests", "benchmarks", ".ci")
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
    single |= {"pyproject.toml", ".clang-format", ".editorconfig", ".pre-commit-config.yaml"}
    assert (tracked_files() | single) - files_below(unpacked) == set()


def test_the_sdist_holds_no_left_overs(unpacked: Path) -> None:
    names = files_below(unpacked)
    assert [name for name in names if name.endswith((".so", ".pyc", ".o", "/_native.c"))] == []


def wheel_names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path, unpacked: Path) -> None:
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    kept = {".py", ".pyi", ".md", ".rs"}
    source = {
        name
        for name in files_below(unpacked)
        if name.startswith("pythread_rs/") and PurePosixPath(name).suffix in kept
    }
    compiled = {f"pythread_rs/{name}{suffix}" for name in ("_native", "_objects")}
    found = {name for name in wheel_names(wheel) if ".dist-info/" not in name}
    assert found == source | compiled | {"pythread_rs/py.typed"}


def test_the_wheel_describes_itself(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().partition("\n\n")[0].splitlines()
        assert any(n.endswith(".dist-info/licenses/LICENSE") for n in archive.namelist())
    assert {"Name: pythread_rs", "Requires-Python: >=3.11", "License-Expression: MIT"} <= set(lines)
    needed = [line for line in lines if line.startswith("Requires-Dist:") and "extra" not in line]
    assert needed == ["Requires-Dist: cffi>=2.1.1"]


@pytest.fixture(scope="module")
def installed_python(work: Path, wheel: Path) -> Path:
    """A new virtual environment with the wheel, and with this Python's cffi: no network."""
    # Not find_spec: setuptools' hook on the finder warns when a test before this one has imported
    # distutils.
    if not any(importlib.metadata.distributions(name="pip")):
        pytest.skip("pip is not installed")
    folder = work / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=work)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    options = ("--no-index", "--no-deps", "--no-cache-dir", "--quiet")
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, wheel, cwd=work)
    scheme = {"base": str(folder), "platbase": str(folder)}
    target = Path(sysconfig.get_path("purelib", "venv", vars=scheme))
    (target / "outer.pth").write_text(sysconfig.get_path("platlib") + "\n")
    return python


def test_the_installed_wheel_works(installed_python: Path, work: Path) -> None:
    program = """
import pythread_rs
print(pythread_rs.spawn(sum, [1, 2]).join())
print(pythread_rs.__file__)
"""
    result, file = run(installed_python, "-W", "error", "-c", program, cwd=work).splitlines()
    assert result == "Ok(3)"
    assert Path(file).is_relative_to(work / "venv")


def test_the_installed_wheel_runs_an_example(
    installed_python: Path, unpacked: Path, work: Path
) -> None:
    output = run(installed_python, unpacked / "examples" / "ten_chunks.py", cwd=work)
    assert output.endswith("total: 500500\n")
    assert "pythread_rs" in run(installed_python, "-m", "pythread_rs", "info", cwd=work)
