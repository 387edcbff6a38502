"""The entry of the command line: parses, hands over to one sub-command, and turns its errors into exit statuses."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import cast

from .. import __version__
from ..errors import NoLeaksError, SettingError
from . import alerts, demo, doctor

EPILOG = "exit status: 0 all is well, 1 something was missed or accused, 2 wrong usage, 3 the run itself broke"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command and return its exit status; without one, print the help and return 2."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.run is None:
        parser.print_help(sys.stderr)
        return 2
    run = cast("Callable[[argparse.Namespace], int]", options.run)
    try:
        return run(options)
    except NoLeaksError as error:
        print(f"no-leaks {options.command}: {error}", file=sys.stderr)
        return 2 if isinstance(error, SettingError) else 3


def make_parser() -> argparse.ArgumentParser:
    """Return the parser with every sub-command."""
    parser = argparse.ArgumentParser(
        prog="no-leaks",
        description="Finds what tests leave behind: files, sockets, processes, threads, tasks, temporary files.",
        epilog=EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"no-leaks {__version__}")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    demo.add_to(commands)
    doctor.add_to(commands)
    alerts.add_to(commands)
    return parser
