"""Run the tests of public projects with and without the plugin, and say whom it accuses, and whether it is right.

    python benchmarks/open_suites [--only NAME ...] [--rounds N] [--write docs/open-suites.md]
    python benchmarks/open_suites --kept --write docs/open-suites.md     # after judged.toml was edited: runs nothing

Each suite is fetched as a source distribution and gets an environment of its own below --cache. It runs whole, once
plain and once checked; each test has to fare as before, unless it leaks. Then come pairs without the tests that were
accused, for the time. Somebody has to have read the code behind each accusation: judged.toml says what it does. The
exit code is 1 where a verdict is wrong or nobody has judged it, or where a test changed for another reason.
"""

from __future__ import annotations

import argparse
import platform
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import judgement
import page
import projects
import running
from compare import compare

JUDGED = projects.HERE / "judged.toml"
KINDS = "default,-memory"


def measure(options: argparse.Namespace, known: dict[str, projects.Project]) -> None:
    """Run the suites that are asked for, one after the other, and keep what came of it."""
    options.cache.mkdir(parents=True, exist_ok=True)
    wheel = projects.build_plugin(options.plugin, options.cache)
    plugin = ("--no-leaks", f"--no-leaks-kinds={options.kinds}")
    for name in options.only or known:
        place = projects.prepare(known[name], options.cache)
        projects.install_plugin(place, wheel)
        runs = list(running.pairs(known[name], place, plugin, options.rounds, options.limit))
        running.keep(place, runs)


def suites(options: argparse.Namespace, known: dict[str, projects.Project]) -> Iterator[page.Suite]:
    """Yield what was found in each suite, as far as it has been run."""
    judgements = judgement.read(JUDGED)
    for name in options.only or known:
        runs = running.kept(options.cache, name)
        if runs:
            result, project = compare(runs), known[name]
            judged = tuple(judgement.judge(result.accusations, judgements.get(name, ())))
            yield page.Suite(name, project.version, project.about, result, judged)


def report(found: list[page.Suite], kinds: str) -> str:
    """Return the whole page."""
    intro = (projects.HERE / "intro.md").read_text(encoding="utf-8")
    machine = (
        f"{platform.python_implementation()} {platform.python_version()} on {platform.system()}, {projects.PYTEST}"
    )
    total = sum(suite.result.tests for suite in found)
    head = f"{machine}, `--no-leaks-kinds={kinds}`: {total:,} tests, suites: {len(found)}."
    return "\n".join([intro, head, "", page.table(found), *page.details(found)]) + "\n"


def checkout(text: str) -> tuple[str, Path]:
    """Read NAME=FOLDER."""
    name, sign, folder = text.partition("=")
    if not sign or not Path(folder).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FOLDER")
    return name, Path(folder).resolve()


def arguments() -> argparse.Namespace:
    """Read the command line."""
    cache = Path(tempfile.gettempdir()) / "no-leaks-open-suites"
    names = list(projects.read({}))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[], choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="pairs for the time (default 5)")
    parser.add_argument("--kinds", default=KINDS, metavar="LIST", help=f"what is looked for (default {KINDS})")
    parser.add_argument("--plugin", type=Path, default=projects.ROOT, metavar="FOLDER", help="default: this tree")
    parser.add_argument("--cache", type=Path, default=cache, metavar="FOLDER", help=f"default {cache}")
    parser.add_argument(
        "--source", type=checkout, action="append", default=[], metavar="NAME=FOLDER", help="test a checkout instead"
    )
    parser.add_argument("--limit", type=float, default=1800, metavar="S", help="seconds for one run (default 1800)")
    parser.add_argument("--kept", action="store_true", help="run nothing: show what the last runs found")
    parser.add_argument("--write", type=Path, metavar="PATH", help="write the page there")
    return parser.parse_args()


def main() -> int:
    """Measure, print and write."""
    options = arguments()
    # A shell has what it runs in the background ignore this, and every suite would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    known = projects.read(dict(options.source))
    if not options.kept:
        measure(options, known)
    found = list(suites(options, known))
    text = report(found, options.kinds)
    print(page.table(found), *page.details(found), sep="\n")
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    return 0 if all(suite.is_right for suite in found) else 1


if __name__ == "__main__":
    sys.exit(main())
