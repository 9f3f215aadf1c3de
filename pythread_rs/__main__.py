"""The command line: `python -m pythread_rs bench|demo|explain|info|trace`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from pythread_rs._cli import CommandError

# Command name -> the line of `--help`. The command itself is the module `_cli._<name>`, which has
# `configure(parser)` and `run(arguments) -> int`: a new command is one line here and one module.
COMMANDS = {
    "bench": "measure this package and its rivals in one run, and write a report",
    "demo": "run real work serially, on threading and on pythread_rs, and compare",
    "explain": "explain an error code of ownership, such as E0382, by an example and its fix",
    "info": "print versions, cores, limits and workers of this machine",
    "trace": "run a program and write a timeline of its threads",
}

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130


def build_parser() -> argparse.ArgumentParser:
    """Make the parser with one subcommand for each entry of `COMMANDS`.

    Returns:
        The parser; its result carries the command's function as `run`.

    Blocks: no.
    Thread safety: any thread.

    >>> build_parser().parse_args(["info", "--json"]).json
    True
    """
    parser = argparse.ArgumentParser(
        prog="python -m pythread_rs", description="Threads in the manner of Rust's std::thread."
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        module = importlib.import_module(f"pythread_rs._cli._{name}")
        command = subparsers.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
        module.configure(command)
        command.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The arguments after the program's name; those of the process by default.

    Returns:
        The exit status: 0, 1 when results differ, 2 on an error, 130 after Ctrl-C. For wrong
        arguments `argparse` raises SystemExit(2) itself.

    Blocks: until the command is done.
    Thread safety: main thread only, because the commands handle Ctrl-C.

    >>> main(["demo", "--threads", "0"])
    Traceback (most recent call last):
    SystemExit: 2
    """
    arguments = build_parser().parse_args(argv)
    # The name of a file can hold what the terminal's encoding does not have. A stdout that was
    # replaced need not be reconfigurable.
    if (reconfigure := getattr(sys.stdout, "reconfigure", None)) is not None:
        reconfigure(errors="backslashreplace")
    try:
        status: int = arguments.run(arguments)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except (OSError, CommandError) as error:
        # What the user or the machine can cause (a file, a limit) is a line and not a traceback.
        print(f"error: {error}", file=sys.stderr)
        return EXIT_ERROR
    return status


if __name__ == "__main__":
    sys.exit(main())
