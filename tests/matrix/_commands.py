"""Commands that are run with a time limit and a log, and never survive this process."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from pathlib import Path

running: set[int] = set()  # the commands under way; each leads its process group


class CannotRunError(Exception):
    """This machine cannot do it; the text says why."""


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
