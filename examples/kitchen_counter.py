"""Download a list of URLs, one thread each: ten dishes take as long as one.

The server below is a real HTTP server on this machine that takes 0.2 s for each dish, so one
after the other takes 2 s. The eleventh URL is not on the menu: its thread panics with an
HTTPError, which is one `Err` in the list of results and no more.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import perf_counter, sleep
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from pythread_rs import Err, Ok, spawn

LATENCY = 0.2
MENU = ("soup", "rice", "beans", "pasta", "salad", "bread", "fish", "stew", "pie", "tea")


def dish_body(name: str) -> bytes:
    return f"one portion of {name}\n".encode() * 1000


class Kitchen(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        sleep(LATENCY)
        name = self.path.removeprefix("/")
        if name not in MENU:
            self.send_error(404)
            return
        body = dish_body(name)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the server's log out of the output."""


class KitchenServer(ThreadingHTTPServer):
    # The default of 5 makes further simultaneous connections wait a second for their turn.
    request_queue_size = 64


def download(url: str) -> bytes:
    # The server is on this machine, so a proxy of the environment must not be asked.
    with build_opener(ProxyHandler({})).open(url, timeout=10) as response:
        body: bytes = response.read()
    return body


def serve_all(base_url: str) -> None:
    names = [*MENU, "lobster"]
    start = perf_counter()
    handles = [spawn(download, f"{base_url}/{name}") for name in names]
    results = [handle.join() for handle in handles]
    seconds = perf_counter() - start

    for name, result in zip(names, results, strict=True):
        match result:
            case Ok(body):
                print(
                    f"{name}: {len(body)} bytes, {'right' if body == dish_body(name) else 'WRONG'}"
                )
            case Err(HTTPError() as error):
                print(f"{name}: refused with HTTP status {error.code}")
                error.close()  # it holds the rest of the answer
            case Err(error):
                print(f"{name}: {error!r}")
    print(f"{len(names)} downloads, one thread each: {seconds:.2f} s")
    print(f"one after the other: at least {len(names) * LATENCY:.1f} s")


def main() -> None:
    with KitchenServer(("127.0.0.1", 0), Kitchen) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        serve_all(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


if __name__ == "__main__":
    main()
