"""`no-leaks demo`: runs pytest on leaking tests and their repaired twins, then connections without and with a context manager."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import inner, pairs, proof
from .progress import Screen

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # pyright: ignore[reportPrivateUsage]  # unnamed in public


def add_to(commands: Commands) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "demo",
        help="leak one thing of each kind, see it caught, see its repaired twin left in peace",
        description="Writes a small project of leaking tests and their repaired twins, runs pytest --no-leaks on it, "
        "and shows a table. Then connections are opened with and without a context manager, and what stays open is "
        "counted. Exit status 1 if a leak was missed, a twin accused or a claim does not hold.",
    )
    parser.add_argument(
        "kinds", nargs="*", metavar="KIND", help="only the stories of these kinds (files, tasks, handles …)"
    )
    parser.add_argument("--keep", metavar="DIR", type=Path, help="write the project there and keep it, to play with")
    parser.set_defaults(run=command)


def command(options: argparse.Namespace) -> int:
    """Run the demo as its options say, and return its exit status."""
    chosen = pairs.choose(options.kinds)
    scripted = pairs.SCRIPTED in pairs.kinds_of(options.kinds)
    with tempfile.TemporaryDirectory(prefix="no-leaks-demo-") as temporary:
        home = Path(temporary).resolve()
        folder: Path = options.keep or home / "project"
        scratch = home / "scratch"
        scratch.mkdir()
        pairs.write(folder)
        screen = Screen.on(sys.stdout)
        good = show(chosen, folder, scratch, screen) if chosen else True
        if scripted:
            good = tell(folder, scratch, screen) and good
    if options.keep:
        screen.line(f"The project is in {folder}; play with it: cd {folder} && pytest --no-leaks")
    return 0 if good else 1


def show(chosen: Sequence[pairs.Pair], folder: Path, scratch: Path, screen: Screen) -> bool:
    """Run the chosen stories of a project that is written, show the table, and return whether all is proven."""
    files = [pair.file for pair in chosen]
    screen.line(
        screen.paint(" ".join(("$ pytest --no-leaks", *(files if len(files) < len(pairs.PAIRS) else ()))), "bold")
    )
    results = inner.run(folder, files, scratch, screen, tests=2 * len(chosen))
    rows = proof.prove(chosen, results)
    strays = proof.strays(chosen, results)
    screen.line()
    screen.table(("story", "kind", "leak seen", "repaired twin", ""), [_cells(row, screen) for row in rows])
    for leak in strays:
        screen.line(screen.paint(f"blamed on {leak['test'] or 'nobody'}: {leak['kind']}: {leak['summary']}", "red"))
    screen.line()
    screen.line(_sum(rows, len(strays), screen))
    return all(row.is_good for row in rows) and not strays


def tell(folder: Path, scratch: Path, screen: Screen) -> bool:
    """Tell the story of the missing context manager, and return whether each of its claims holds."""
    screen.line()
    screen.line(screen.paint(f"$ python {pairs.SCRIPT}", "bold"))
    return inner.run_script(folder, pairs.SCRIPT, scratch, screen)


def _cells(row: proof.Row, screen: Screen) -> tuple[str, ...]:
    seen = screen.paint(row.missed, "red") if row.missed else f"created at {row.site}"
    twin = screen.paint(row.accused, "red") if row.accused else "quiet"
    return row.pair.story, row.pair.kind, seen, twin, screen.tick(row.is_good)


def _sum(rows: Sequence[proof.Row], strays: int, screen: Screen) -> str:
    missed = sum(bool(row.missed) for row in rows)
    accused = sum(bool(row.accused) for row in rows) + strays
    seen = f"{len(rows) - missed} of {len(rows)} leaks seen"
    quiet = "every repaired twin quiet" if not accused else f"{accused} false accusation{'s' * (accused > 1)}"
    return screen.paint(f"{seen}, {quiet}.", "red" if missed or accused else "green")
