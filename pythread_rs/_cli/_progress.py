"""One line on a terminal that says what is being done and for how long; silent anywhere else."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Generator
from contextlib import contextmanager
from time import perf_counter
from typing import TextIO

TICK_SECONDS = 0.1


class Progress:
    """Draws the line on `stream`, in the form `[2/3] files: threading  1.4 s`.

    Args:
        stream: Where to draw, when it is a terminal. None is what `sys.stderr` can be.
    """

    __slots__ = ("_job", "_stream", "_width")

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream if stream is not None and stream.isatty() else None
        self._job = ""
        self._width = 0

    def begin_job(self, name: str) -> None:
        """Name the job that the next steps belong to."""
        self._job = name

    def show(self, label: str) -> None:
        """Draw the line, and leave it there for what is drawn next."""
        self._draw(f"{self._job}: {label}")

    def clear(self) -> None:
        """Take the line away, so that something can be printed."""
        self._draw("")

    @contextmanager
    def step(self, label: str, *, ticking: bool = True) -> Generator[None]:
        """Show the line while the block runs.

        Args:
            label: What this step does.
            ticking: Redraw with the time that has passed, from a helper thread. Off for a step
                that measures microseconds, which the helper would disturb.
        """
        if self._stream is None:
            yield
            return
        stop = threading.Event()
        text = f"{self._job}: {label}"
        self._draw(text)
        ticker = threading.Thread(target=self._tick, args=(text, stop), daemon=True)
        if ticking:
            ticker.start()
        try:
            yield
        finally:
            stop.set()
            if ticking:
                ticker.join()
            self._draw("")

    def _tick(self, text: str, stop: threading.Event) -> None:
        start = perf_counter()
        while not stop.wait(TICK_SECONDS):
            self._draw(f"{text}  {perf_counter() - start:.1f} s")

    def _draw(self, text: str) -> None:
        if self._stream is None:
            return
        # A line that wraps could not be overwritten by a carriage return.
        text = text[: shutil.get_terminal_size().columns - 1]
        blanks = " " * max(0, self._width - len(text))
        end = "\r" if not text else ""
        self._stream.write(f"\r{text}{blanks}{end}")
        self._stream.flush()
        self._width = len(text)
