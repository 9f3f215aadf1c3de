"""`python -m pythread_rs trace SCRIPT`: run a program, and write what its threads did and when."""

from __future__ import annotations

import argparse
import atexit
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pythread_rs._cli import CommandError

DEFAULT_LIMIT: Final = 200_000
DEFAULT_NAME: Final = "pythread_rs-trace"
_HEAD_BYTES: Final = 400  # where a file of ours says so


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "--json",
        metavar="FILE",
        type=Path,
        default=Path(f"{DEFAULT_NAME}.json"),
        help="for ui.perfetto.dev or chrome://tracing (default: %(default)s)",
    )
    parser.add_argument(
        "--html",
        metavar="FILE",
        type=Path,
        default=Path(f"{DEFAULT_NAME}.html"),
        help="for any browser (default: %(default)s)",
    )
    parser.add_argument(
        "--limit",
        metavar="N",
        type=_whole_number,
        default=DEFAULT_LIMIT,
        help="note about this many events; later ones are dropped (default: %(default)s)",
    )
    parser.add_argument("script", metavar="SCRIPT", help="a Python program")
    parser.add_argument("arguments", metavar="...", nargs=argparse.REMAINDER, help="its arguments")


def _whole_number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Run the program, and write the trace when it ends, however it does.

    Returns:
        Its exit status.

    Raises:
        CommandError: it cannot be read, or a file cannot be written.
        SystemExit: it ended by that.
    """
    # What only this command needs, others need not wait for.
    from pythread_rs._cli._timeline import _recorder, _script

    code = _script.compiled(arguments.script)
    targets = [path.absolute() for path in (arguments.json, arguments.html)]
    for target in targets:
        _check(target)
    name = os.path.basename(arguments.script)
    began = _recorder.start(arguments.limit)
    write = _once_in_this_process(lambda: _write(began, targets[0], targets[1], name))
    # After the callbacks of the program, whose threads have been joined, and before our own gate.
    atexit.register(write)
    _write_before_exit(write)
    return _script.run_as_main(code, arguments.script, arguments.arguments, _recorder.note_panic)


def _check(target: Path) -> None:
    """Refuse to write over what is not a trace.

    Raises:
        CommandError: it is something else, or its folder does not exist.
    """
    from pythread_rs._cli._timeline._chrome import GENERATOR

    if not target.parent.is_dir():
        raise CommandError(f"cannot write {str(target)!r}: there is no such folder")
    if not target.exists():
        return
    if not target.is_file():
        raise CommandError(f"cannot write {str(target)!r}: it is no file")
    with target.open("rb") as file:
        if GENERATOR.encode() not in file.read(_HEAD_BYTES):
            raise CommandError(
                f"{str(target)!r} exists and is no trace: remove it, or name another file by "
                "--json and --html"
            )


def _once_in_this_process(write: Callable[[], None]) -> Callable[[], None]:
    """Make a function of which only the first call does something, and none in a fork."""
    process: list[int] = [os.getpid()]

    def write_once() -> None:
        if process and process.pop() == os.getpid():
            write()

    return write_once


def _write_before_exit(write: Callable[[], None]) -> None:
    """Write when `os._exit` is called, too, which `process.exit` ends by."""
    leave = os._exit

    def write_and_exit(status: int) -> None:
        try:
            write()
        finally:
            leave(status)

    os._exit = write_and_exit  # type: ignore[assignment]


def _write(began: int, json_file: Path, html_file: Path, name: str) -> None:
    from pythread_rs._cli._timeline import _chrome, _model, _page, _recorder

    timeline = _model.sort_out(_recorder.read(began))
    try:
        json_file.write_text(_chrome.chrome_json(timeline, name), encoding="utf-8")
        html_file.write_text(_page.html_page(timeline, name), encoding="utf-8")
    except OSError as error:
        print(f"trace: nothing written: {error}", file=sys.stderr)
        return
    print(
        f"trace: {timeline.events} events of {len(timeline.lanes)} threads "
        f"in {json_file} and {html_file}",
        file=sys.stderr,
    )
    if timeline.dropped:
        print(
            f"trace: {timeline.dropped} events were dropped: --limit N takes more",
            file=sys.stderr,
        )
