"""One process of Chromium, spoken to through its debugging pipe: one page after the other."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._picture import Picture

if TYPE_CHECKING:
    from collections.abc import Iterator

MEASURE = Path(__file__).with_name("measure.js").read_text("utf-8")
DEADLINE_SECONDS = 45.0  # for each answer; the first one comes when the browser has started
TALLEST = 8000  # pixels; a browser draws no more than about 16000 at once
OPTIONS = (
    "--headless",
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--disable-dev-shm-usage",  # a container has little of it
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",  # it reads from 3 and writes to 4
)

Message = dict[str, Any]


@dataclass
class Shown:
    """A page as the browser showed it."""

    facts: Message
    errors: list[str]
    pngs: list[bytes]  # from top to bottom, each of them TALLEST but the last one

    def picture(self) -> Picture:
        """Unpack the pixels, which are many."""
        return Picture(*self.pngs)


class Chromium:
    """A running browser with one tab."""

    def __init__(self, program: str, folder: Path) -> None:
        self._events: list[Message] = []
        self._unread = b""
        self._calls = 0
        self._session: str | None = None
        self._start([program, *OPTIONS, f"--user-data-dir={folder}", "about:blank"])

    def attach(self) -> None:
        """Take over the tab, in which the pages are shown."""
        tabs = self._call("Target.getTargets")["targetInfos"]
        (tab,) = (tab["targetId"] for tab in tabs if tab["type"] == "page")
        attached = self._call("Target.attachToTarget", targetId=tab, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        light = [{"name": "prefers-color-scheme", "value": "light"}]
        self._call("Emulation.setEmulatedMedia", features=light)

    def close(self) -> None:
        """End the browser and its helpers."""
        os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._ours)
        os.close(self._theirs)

    def show(self, address: str, width: int = 1280, height: int = 900) -> Shown:
        """Open a page, measure it and draw it from top to bottom."""
        self._resize(width, height)
        self._open(address)
        # As high as the page is, so that what sticks to the window is where it was measured.
        self._resize(width, max(height, self._run("document.documentElement.scrollHeight")))
        facts: Message = self._run(MEASURE)
        return Shown(facts, self._errors(), list(self._draw(width, facts["height"])))

    def measure(self, width: int = 1280, height: int = 900) -> Message:
        """Measure the page that was shown, in a window that may have another size."""
        self._resize(width, height)
        facts: Message = self._run(MEASURE)
        return facts

    def _draw(self, width: int, height: int) -> Iterator[bytes]:
        for top in range(0, height, TALLEST):
            size = min(TALLEST, height - top)
            drawn = self._call(
                "Page.captureScreenshot",
                format="png",
                optimizeForSpeed=True,
                clip={"x": 0, "y": top, "width": width, "height": size, "scale": 1},
            )
            yield base64.b64decode(drawn["data"])

    def _run(self, script: str) -> Any:
        answer = self._call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"]["value"]

    def _resize(self, width: int, height: int) -> None:
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def _open(self, address: str) -> None:
        self._events.clear()
        opened = self._call("Page.navigate", url=address)
        assert "errorText" not in opened, f"{address}: {opened['errorText']}"
        deadline = time.monotonic() + DEADLINE_SECONDS
        while all(event["method"] != "Page.loadEventFired" for event in self._events):
            self._events.append(self._read(deadline))

    def _errors(self) -> list[str]:
        """Say what could not be loaded, and which script has failed."""
        found: list[str] = []
        for event in self._events:
            match event:
                case {"method": "Network.loadingFailed", "params": {"errorText": text}}:
                    found.append(text)
                case {"method": "Runtime.exceptionThrown", "params": {"exceptionDetails": text}}:
                    found.append(str(text))
                case {"method": "Log.entryAdded", "params": {"entry": {"level": "error"} as entry}}:
                    found.append(f"{entry['text']} {entry.get('url', '')}")
        return found

    # -- The pipe: JSON, with a zero behind each message. ------------------------------------------

    def _start(self, command: list[str]) -> None:
        into, self._ours = os.pipe()
        self._theirs, out = os.pipe()
        # Out of the way of the numbers that the child wants.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (into, out)]
        self._process = os.posix_spawn(
            command[0],
            command,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, ends[0], 3),
                (os.POSIX_SPAWN_DUP2, ends[1], 4),
            ],
            setpgroup=0,  # its helpers end with it
        )
        for end in (into, out, *ends):
            os.close(end)

    def _call(self, method: str, **parameters: Any) -> Message:
        self._calls += 1
        message = {"id": self._calls, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._write(json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (answer := self._read(deadline)).get("id") != self._calls:
            self._events.append(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: Message = answer["result"]
        return result

    def _write(self, text: bytes) -> None:
        while text:
            text = text[os.write(self._ours, text) :]

    def _read(self, deadline: float) -> Message:
        while b"\0" not in self._unread:
            seconds = max(0.0, deadline - time.monotonic())
            is_there, _, _ = select.select([self._theirs], [], [], seconds)
            assert is_there, "the browser does not answer"
            part = os.read(self._theirs, 1 << 20)
            assert part, "the browser has ended"
            self._unread += part
        text, _, self._unread = self._unread.partition(b"\0")
        message: Message = json.loads(text)
        return message
