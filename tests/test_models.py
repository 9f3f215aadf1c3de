"""The Promela models of docs/models: spin finds no error in them, and one in each broken one."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS = Path(__file__).resolve().parents[1] / "docs" / "models"
CHECKS: dict[str, dict[str, Any]] = tomllib.loads((MODELS / "checks.toml").read_text("utf-8"))
IS_DEEP = int(os.environ.get("PYTHREAD_RS_STRESS", "1")) > 1
MEGABYTES = 1800  # of memory for one search
LONGEST_PATH = 20_000  # steps; spin says when a search came to this depth
SECONDS = 300

pytestmark = [pytest.mark.once, pytest.mark.timeout(SECONDS + 60)]


@pytest.fixture(scope="session")
def tools() -> None:
    for tool in ("spin", "gcc"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


def runs() -> Iterator[Any]:
    for model, checks in CHECKS.items():
        for options in checks["runs"] + (checks.get("deep", []) if IS_DEEP else []):
            yield pytest.param(model, options, id=f"{model} {options}".strip())


def mutants() -> Iterator[Any]:
    for model, checks in CHECKS.items():
        for mutant in checks["mutants"]:
            yield pytest.param(model, f"-D{mutant}", id=f"{model} {mutant.split()[0]}")


def search(model: str, options: str, optimise: str, folder: Path) -> str:
    """Let spin search one model for errors, and return what the search printed."""
    compile_options = shlex.split(CHECKS[model].get("compile", ""))
    search_options = shlex.split(CHECKS[model].get("search", ""))
    limit = f"-DMEMLIM={MEGABYTES}"
    generate = ["spin", "-a", *shlex.split(options), str(MODELS / f"{model}.pml")]
    # pan.c is what spin generates; its warnings are spin's.
    build = ["gcc", optimise, "-w", "-DSAFETY", limit, *compile_options, "-o", "pan", "pan.c"]
    pan = ["./pan", f"-m{LONGEST_PATH}", *search_options]
    printed = ""
    for command in (generate, build, pan):
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=SECONDS,
            check=False,
        )
        printed = done.stdout
        assert done.returncode == 0, f"{shlex.join(command)}:\n{printed}"
    return printed


def errors_in(printed: str) -> int:
    found = re.search(r"errors: (\d+)$", printed, re.MULTILINE)
    assert found, printed
    return int(found[1])


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize(("model", "options"), list(runs()))
def test_a_model_has_no_error(model: str, options: str, tmp_path: Path) -> None:
    # The compiler takes longer to optimise most models than they take to run.
    printed = search(model, options, "-O1" if IS_DEEP else "-O0", tmp_path)
    assert errors_in(printed) == 0, printed
    for excuse in ("Search not completed", "max search depth too small", "out of memory"):
        assert excuse not in printed


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize(("model", "options"), list(mutants()))
def test_a_broken_model_has_an_error(model: str, options: str, tmp_path: Path) -> None:
    assert errors_in(search(model, options, "-O0", tmp_path)) > 0


def test_every_model_is_checked() -> None:
    assert {file.stem for file in MODELS.glob("*.pml")} - {"wait"} == set(CHECKS)


@pytest.mark.parametrize("model", CHECKS)
def test_every_breakage_is_tried(model: str) -> None:
    """A macro is a breakage, or a parameter with a default."""
    text = (MODELS / f"{model}.pml").read_text("utf-8")
    asked = set(re.findall(r"^#if(?:n?def) (\w+)$", text, re.MULTILINE))
    defined = set(re.findall(r"^#define (\w+)", text, re.MULTILINE))
    tried = {mutant.split()[0] for mutant in CHECKS[model]["mutants"]}
    assert asked - defined == tried
