"""debugpy: a breakpoint stops a thread of ours, and the debugger finds nothing missing there."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Self

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Message = dict[str, Any]

SECONDS = 60.0  # debugpy starts a process of its own

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("debugpy") is None, reason="debugpy is not installed"
    ),
    pytest.mark.timeout(SECONDS + 20),
]

# debugpy leaves files open, which is no error of ours, so warnings are no errors here.
PROGRAM = """
import debugpy
from pythread_rs import Builder

print(*debugpy.listen(("127.0.0.1", 0)), flush=True)
debugpy.wait_for_client()

def work(number):
    THIS_THREAD
    number += 1
    return number  # the breakpoint

def more():
    return [n for n in range(3)]

for f, args in ((work, (1,)), (more, ()), (work, (2,))):
    print(Builder(name="debugged").spawn(f, *args).join(), flush=True)
"""


class Client:
    """The side of an editor in the Debug Adapter Protocol."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._deadline = time.monotonic() + SECONDS
        self._socket = socket.create_connection(address, timeout=SECONDS)
        self._stream = self._socket.makefile("rb")
        self._count = 0
        self._events: list[Message] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._socket.close()

    def send(self, command: str, **arguments: Any) -> int:
        """Send a request; return its number."""
        self._count += 1
        request = {"seq": self._count, "type": "request", "command": command}
        body = json.dumps(request | {"arguments": arguments}).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return self._count

    def ask(self, command: str, **arguments: Any) -> Message:
        """Send a request and wait for its answer."""
        number = self.send(command, **arguments)
        while (message := self._receive()).get("request_seq") != number:
            self._events.append(message)
        assert message["success"], message
        return message.get("body") or {}

    def wait_for(self, event: str) -> Message:
        """Wait for an event, which may have come already."""
        while True:
            message = self._events.pop(0) if self._events else self._receive()
            if message.get("event") == event:
                return message.get("body") or {}

    def _receive(self) -> Message:
        assert time.monotonic() < self._deadline
        length = 0
        while line := self._stream.readline().strip():
            name, _, value = line.partition(b":")
            if name == b"Content-Length":
                length = int(value)
        body = self._stream.read(length)
        assert body, "the debugger has gone"
        return json.loads(body)


def stops_at_breakpoint(client: Client, program: Path) -> Iterator[Message]:
    """Debug the program; yield what is known at each stop, and go on after it."""
    client.ask("initialize", adapterID="test")
    client.send("attach", justMyCode=False)
    client.wait_for("initialized")
    lines = program.read_text().splitlines()
    (line,) = [n for n, text in enumerate(lines, start=1) if "# the breakpoint" in text]
    source = {"path": str(program)}
    client.ask("setBreakpoints", source=source, breakpoints=[{"line": line}])
    client.ask("configurationDone")
    for _ in range(2):
        thread = client.wait_for("stopped")["threadId"]
        names = {t["id"]: t["name"] for t in client.ask("threads")["threads"]}
        frame = client.ask("stackTrace", threadId=thread)["stackFrames"][0]
        seen = client.ask("evaluate", expression="number", frameId=frame["id"])["result"]
        yield {"thread": names[thread], "line": frame["line"] - line, "number": seen}
        client.ask("continue", threadId=thread)


@pytest.mark.parametrize("this_thread", ["debugpy.debug_this_thread()", "pass"])
def test_a_breakpoint_stops_a_thread_of_ours(this_thread: str, tmp_path: Path) -> None:
    """Without the call too, as with `threading`: its trace function is set on our threads."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.replace("THIS_THREAD", this_thread))
    child = subprocess.Popen(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env=os.environ | {"PYDEVD_DISABLE_FILE_VALIDATION": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    with child:
        assert child.stdout is not None
        try:
            host, port = child.stdout.readline().split()
            with Client((host, int(port))) as client:
                stops = list(stops_at_breakpoint(client, program))
            # The debugger's other process has the pipes too, and leaves when its client has.
            out, err = child.communicate(timeout=SECONDS)
        finally:
            child.kill()
    assert stops == [{"thread": "debugged", "line": 0, "number": n} for n in ("2", "3")]
    assert (out, child.returncode) == ("Ok(2)\nOk([0, 1, 2])\nOk(3)\n", 0), err
    assert_debugger_is_content(err)


def assert_debugger_is_content(err: str) -> None:
    """Its own functions run for each line, and print what they do not like."""
    for complaint in ("Traceback", "PYDEV DEBUGGER WARNING", "Error"):
        assert complaint not in err, err
