"""Interactive Pythons: a prompt stays usable while threads run, and leaving it ends them."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

if sys.platform == "win32":
    pytest.skip("needs pseudo-terminals", allow_module_level=True)

SECONDS = 30.0
# Makes the terminal the controlling one, so that Ctrl-C becomes a signal, then becomes Python.
IN_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-q", "-X", "faulthandler", *sys.argv[1:]])
"""
# The marks are put together by Python, so that the echo of a line is not taken for its output.
START = """
import os
from pythread_rs import _ffi, park, sleep, spawn
def compute():
    while True: sum(range(1000))

def report(h):
    print("joined", h.join())

def wait():
    print("waiting"); handles[0].join()

handles = [spawn(f) for f in (park, park, compute, compute)]
print("th" "reads", _ffi.statistics()["live"])
"""


class Terminal:
    """A Python at a terminal, and the hand that types."""

    def __init__(self, term: str) -> None:
        try:
            self.keyboard, child_side = os.openpty()
        except OSError as error:
            pytest.skip(f"needs pseudo-terminals: {error}")
        self.term = term
        self.seen = self.screen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", IN_TERMINAL],
            stdin=child_side,
            stdout=child_side,
            stderr=child_side,
            env={**os.environ, "TERM": term, "PYTHON_HISTORY": os.devnull},
        )
        os.close(child_side)

    def type(self, text: str) -> None:
        os.write(self.keyboard, text.encode())

    def start_threads(self) -> None:
        """Enter START, and wait for the prompt after it: only then may one type on."""
        self.wait_for(">>>")
        for line in START.splitlines():
            self.type(line + "\r")
        self.wait_for("threads 4")
        self.wait_for(">>>")

    def wait_for(self, text: str) -> None:
        """Wait until `text` stands on the screen after all that was waited for before."""
        deadline = time.monotonic() + SECONDS
        while text not in self.screen:
            left = deadline - time.monotonic()
            if left < 0 or not self._read(left):
                self.fail(f"{text!r} does not come")
        before, found, self.screen = self.screen.partition(text)
        self.seen += before + found

    def _read(self, seconds: float) -> bool:
        if not select.select([self.keyboard], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.keyboard, 4096)
        except OSError:  # the child has closed its side
            return False
        self.screen += data.decode(errors="replace")
        return bool(data)

    def end(self) -> int:
        """Wait for the end of Python, reading on so that it can write; return the status."""
        deadline = time.monotonic() + SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read(0.05)
        while self._read(0.05):
            pass
        if self.process.poll() is None:
            self.fail("Python does not end")
        return self.process.returncode

    def fail(self, why: str) -> NoReturn:
        """Have Python say where its threads are, and fail the test."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGABRT)
        while self._read(1):
            pass
        pytest.fail(f"{why}; there was:\n{self.seen!r}\nand then:\n{self.screen}")

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(SECONDS)
        os.close(self.keyboard)


@pytest.fixture(params=["dumb", "xterm"])
def terminal(request: pytest.FixtureRequest) -> Iterator[Terminal]:
    """From 3.13 on "dumb" gives the plain prompt, anything else the one written in Python."""
    it = Terminal(request.param)
    yield it
    it.close()


@pytest.mark.parametrize(("last", "status"), [("exit(7)\r", 7), ("\x04", 0), ("os._exit(3)\r", 3)])
def test_leaving_the_prompt_ends_the_threads(terminal: Terminal, last: str, status: int) -> None:
    terminal.start_threads()
    terminal.type(last)
    # The new prompt of 3.13.0 forgets the status, with or without threads.
    forgets = terminal.term == "xterm" and sys.version_info[:2] == (3, 13)
    assert terminal.end() in ({status, 1} if forgets else {status}), terminal.screen
    assert not re.search("Error|Exception|Fatal|Traceback", terminal.screen)


def test_ctrl_c_at_the_prompt_leaves_the_handle(terminal: Terminal) -> None:
    terminal.start_threads()
    # One statement: when Ctrl-C ends the first of two before the second has begun, the prompt of
    # 3.13.0 still runs the second, a join of `threading` no less, and nobody interrupts that.
    terminal.type("wait()\r")
    terminal.wait_for("waiting")
    terminal.type("\x03")
    terminal.wait_for("KeyboardInterrupt")
    terminal.wait_for(">>>")
    terminal.type("handles[0].thread.unpark(); report(handles[0])\r")
    terminal.wait_for("joined Ok(None)")
    terminal.wait_for(">>>")
    terminal.type("exit()\r")
    assert terminal.end() == 0


@pytest.mark.parametrize(("last", "status"), [("exit(7)", 7), ("", 0), ("raise ValueError", 0)])
def test_a_prompt_without_a_terminal(
    last: str, status: int, run_python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = run_python("-q", "-i", stdin=f"{START}\n{last}\n")
    assert done.returncode == status
    assert "threads 4" in done.stdout
    said = re.sub(r">>> |\.\.\. ", "", done.stderr).strip()
    assert said.endswith("\nValueError" if "raise" in last else "")
    assert len(said.splitlines()) <= 4  # the traceback of that one line


def test_a_script_that_goes_on_at_the_prompt(
    run_python: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = run_python("-q", "-i", "-c", START, stdin="print(len(handles))\n")
    assert (done.returncode, done.stdout.split()) == (0, ["threads", "4", "4"])


# -- Notebooks. ------------------------------------------------------------------------------------

# In a kernel nobody computes for ever. At shutdown ipykernel closes the pipe to its printing thread
# while its control thread may be about to write to it, which then hangs: rare, but not when each
# step has to wait for the GIL. With threads of `threading` that compute it hangs as well.
IN_KERNEL = START.replace("sum(range(1000))", "sleep(0.001)")


class Kernel:
    """A notebook's kernel, and a client that talks to it."""

    def __init__(self) -> None:
        pytest.importorskip("ipykernel", reason="needs ipykernel")
        from jupyter_client.manager import KernelManager

        self.manager = KernelManager()
        self.manager.start_kernel(stderr=subprocess.PIPE)
        provisioner: Any = self.manager.provisioner
        self.process = provisioner.process
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=SECONDS)

    def run(self, code: str) -> str:
        """Run a cell; return what it printed, or the name of what it raised."""
        text: list[str] = []
        reply = self.client.execute_interactive(
            code,
            timeout=SECONDS,
            allow_stdin=False,
            output_hook=lambda message: text.append(message["content"].get("text", "")),
        )
        content = reply["content"]
        return "".join(text) if content["status"] == "ok" else content["ename"]

    def shut_down(self) -> int | None:
        """Ask the kernel to end, as a notebook does; return its exit status."""
        self.client.shutdown()
        return self.process.wait(SECONDS)

    def close(self) -> None:
        self.client.stop_channels()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()
        self.manager.cleanup_resources()


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    it = Kernel()
    yield it
    it.close()


def test_a_notebook_kernel_ends_with_threads_alive(kernel: Kernel) -> None:
    assert kernel.run(IN_KERNEL) == "threads 4\n"
    assert kernel.run("spawn(print, 'from a thread').join()").strip() == "from a thread"
    assert kernel.shut_down() == 0
    assert not re.search(b"Error|Exception|Fatal|Traceback", kernel.process.stderr.read())


def test_the_stop_button_interrupts_a_join(kernel: Kernel) -> None:
    kernel.run(IN_KERNEL)
    press = "threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()"
    join = f"import os, signal, threading; {press}; handles[0].join()"
    assert kernel.run(join) == "KeyboardInterrupt"
    assert kernel.run("handles[0].thread.unpark(); report(handles[0])") == "joined Ok(None)\n"
    assert kernel.shut_down() == 0
