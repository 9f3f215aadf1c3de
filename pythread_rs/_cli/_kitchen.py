"""The kitchen counter: ten downloads from a real HTTP server that takes 0.2 s for each."""

from __future__ import annotations

import hashlib
import socketserver
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from pythread_rs import Err, Ok
from pythread_rs._cli._progress import Progress
from pythread_rs._cli._rivals import PYTHREAD_RS, SERIAL, THREADING, Run, compare
from pythread_rs._cli._section import Section, timed_section

LATENCY_SECONDS = 0.2
TIMEOUT_SECONDS = 10
DISHES = tuple(f"dish-{number}" for number in range(10))

# The serial way needs 2 s by the server's latency alone, so it runs once.
PLAN = (SERIAL, THREADING, PYTHREAD_RS, PYTHREAD_RS, THREADING, THREADING, PYTHREAD_RS)
BUDGET_SECONDS = 6.0


def dish_body(name: str) -> bytes:
    """Return the 16 KiB that belong to a dish."""
    return hashlib.sha256(name.encode()).digest() * 512


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        time.sleep(LATENCY_SECONDS)
        name = self.path.removeprefix("/")
        if name not in DISHES:
            self.send_error(404)
            return
        body = dish_body(name)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write no log, which would go to stderr between the demo's lines."""


class _Server(ThreadingHTTPServer):
    # The default backlog of 5 makes some of ten simultaneous connections wait for a second.
    request_queue_size = 64

    def server_bind(self) -> None:
        # HTTPServer.server_bind looks up the host's name in the DNS, which can take seconds on a
        # machine without a network; only CGI scripts need that name.
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: object, client_address: object) -> None:
        """Print no traceback: the download fails as well and shows as `Err`."""


@contextmanager
def open_kitchen() -> Generator[Sequence[str]]:
    """Run the server on a free port of the loopback interface and yield the URLs of the dishes."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield [f"http://127.0.0.1:{server.server_address[1]}/{name}" for name in DISHES]
        finally:
            server.shutdown()


def download(url: str) -> bytes:
    """Fetch one URL, without the environment's proxies.

    Raises:
        ConnectionError: The server answered with another status than 200.
    """
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise ConnectionError(f"HTTP status {response.status}")
    return body


def find_differences(urls: Sequence[str], runs: Sequence[Run[bytes]]) -> list[str]:
    """Compare each downloaded body with what the server should have sent."""
    differences: list[str] = []
    for run in runs:
        for url, outcome in zip(urls, run.outcomes, strict=True):
            match outcome:
                case Ok(body) if body != dish_body(url.rpartition("/")[2]):
                    differences.append(f"{run.way}: {url}: not the body that was sent")
                case Err(error):
                    differences.append(f"{run.way}: {url}: {error!r}")
                case _:
                    pass
    return differences


def measure_kitchen(progress: Progress) -> Section:
    """Download all dishes in the three ways and verify each body.

    Raises:
        OSError: The loopback interface refuses a server.
    """
    with open_kitchen() as urls:
        jobs: dict[str, Sequence[str]] = dict.fromkeys(PLAN, urls)
        runs = compare(download, jobs, PLAN, budget=BUDGET_SECONDS, progress=progress)
    return timed_section(
        "kitchen counter",
        f"Kitchen counter: {len(urls)} downloads, one thread each, from a loopback HTTP server "
        f"with {LATENCY_SECONDS} s latency; each body verified",
        runs,
        notes=["This is waiting for the network: any kind of thread does it as fast."],
        differences=find_differences(urls, runs),
    )
