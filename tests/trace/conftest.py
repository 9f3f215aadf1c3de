"""What the tests of the trace share: run a program under the command, read what it wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DEADLINE_SECONDS = 15.0

Record = dict[str, Any]


class Joined(NamedTuple):
    """An arrow: the kind, both threads by name, and what it says of itself."""

    kind: str
    source: str
    target: str
    note: str
    sent: float
    received: float


@dataclass
class Traced:
    """A finished run: its process and the files that it wrote."""

    process: subprocess.CompletedProcess[str]
    folder: Path

    @cached_property
    def document(self) -> Record:
        text = (self.folder / "pythread_rs-trace.json").read_text(encoding="utf-8")
        document: Record = json.loads(text)
        return document

    @cached_property
    def page(self) -> str:
        return (self.folder / "pythread_rs-trace.html").read_text(encoding="utf-8")

    @property
    def records(self) -> list[Record]:
        records: list[Record] = self.document["traceEvents"]
        return records

    @cached_property
    def names(self) -> dict[int, str]:
        return {
            record["tid"]: record["args"]["name"]
            for record in self.records
            if record["name"] == "thread_name"
        }

    def slices(self, name: str, thread: str | None = None) -> list[Record]:
        return [
            record
            for record in self.records
            if record["ph"] == "X"
            and record["name"] == name
            and thread in (None, self.names[record["tid"]])
        ]

    def arrows(self, kind: str) -> list[Joined]:
        """Put the two ends of each arrow together."""
        ends: dict[int, dict[str, Record]] = {}
        for record in self.records:
            if record["ph"] in "sf" and record["cat"] == kind:
                ends.setdefault(record["id"], {})[record["ph"]] = record
        return [self._joined(pair["s"], pair["f"]) for pair in ends.values()]

    def _joined(self, begin: Record, end: Record) -> Joined:
        source, target = self.names[begin["tid"]], self.names[end["tid"]]
        note = begin["args"]["note"]
        return Joined(begin["cat"], source, target, note, begin["ts"], end["ts"])


def run_trace(folder: Path, *arguments: str, **environment: str) -> Traced:
    """Run the command with warnings as errors and without waiting for ever."""
    process = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pythread_rs", "trace", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    return Traced(process, folder)


class Trace(Protocol):
    """Trace a program that is written in the test."""

    def __call__(self, program: str, *arguments: str, options: tuple[str, ...] = ...) -> Traced: ...


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    def run(program: str, *arguments: str, options: tuple[str, ...] = ()) -> Traced:
        (tmp_path / "program.py").write_text(textwrap.dedent(program), encoding="utf-8")
        return run_trace(tmp_path, *options, "program.py", *arguments)

    return run


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Traced:
    """The trace of examples/pipeline.py."""
    return run_trace(tmp_path_factory.mktemp("pipeline"), str(EXAMPLES / "pipeline.py"))
