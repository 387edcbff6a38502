"""`no-leaks alerts`: writes the rules that the resources are watched by, as a rule file for Prometheus."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SettingError

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # pyright: ignore[reportPrivateUsage]  # unnamed in public


def add_to(commands: Commands) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "alerts",
        help="write alerting rules for what a ResourceManager holds",
        description="Writes the alerting rules of no_leaks.resources.alerts as a rule file for Prometheus.",
    )
    parser.add_argument("--prometheus", action="store_true", required=True, help="the format; there is one so far")
    parser.add_argument("path", nargs="?", metavar="PATH", type=Path, help="where to; without it, to standard output")
    parser.set_defaults(run=command)


def command(options: argparse.Namespace) -> int:
    """Write the rules and return the exit status."""
    from ..resources.alerts import prometheus_rules

    path: Path | None = options.path
    if path is None:
        print(prometheus_rules(), end="")
    else:
        try:
            path.write_text(prometheus_rules(), encoding="utf-8")
        except OSError as error:
            raise SettingError(f"--prometheus {path}", f"cannot be written: {error.strerror}") from error
    return 0
