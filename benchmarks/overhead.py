"""Measure what the plugin costs: paired, interleaved runs of pytest with and without it, and with two peers.

    python benchmarks/overhead.py [--rounds N] [--quick] [--only WORD ...] [--write PATH]

Each pair is two runs of the same suite, one after the other: bare pytest and a variant, the order turned round from
pair to pair, so that a machine that gets warmer or busier does so for both. Printed are medians over the pairs.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from suites import SUITES, write

KINDS = "handles,processes,threads,tasks,temp"


@dataclass(frozen=True)
class Variant:
    """One way to run pytest; `share` of a suite's tests is run where all of them would take minutes."""

    name: str
    args: tuple[str, ...] = ()
    needs: str = "no_leaks"
    only: tuple[str, ...] = tuple(SUITES)
    share: float = 1.0


BARE = Variant("bare", needs="pytest")
VARIANTS = (
    Variant("inactive", ("-p", "no_leaks.plugin")),
    Variant("active", ("-p", "no_leaks.plugin", "--no-leaks", f"--no-leaks-kinds={KINDS}")),
    Variant("pyleak", ("-p", "pyleak.pytest_plugin"), needs="pyleak", only=("async",), share=0.04),
    Variant("naive", needs="psutil", share=0.1),
)


@dataclass(frozen=True)
class Run:
    """Seconds of one run: of the whole process, and of the test loop alone by the clock and by the processor."""

    session: float
    loop: float
    cpu: float


@dataclass(frozen=True)
class Row:
    """One line of the table: medians over the pairs of one suite and one variant."""

    suite: str
    variant: str
    tests: int
    session_ratio: float
    loop_ratio: float
    added_us: float
    added_cpu_us: float
    bare_us: float
    added_start_ms: float


def run(folder: Path, variant: Variant) -> Run:
    """Run pytest once on a suite; nothing but the variant's plugin and pytest-asyncio is loaded."""
    result = folder / "spent.json"
    environment = {
        # Modules that may not be kept compiled would be compiled, and have their asserts rewritten, in every run.
        **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "BENCH_VARIANT": variant.name,
        "BENCH_RESULT": str(result),
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "pytest_asyncio.plugin",
        "-p",
        "no:cacheprovider",
        *variant.args,
    ]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    session = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{variant.name} failed in {folder.name}:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    spent = json.loads(result.read_text())
    return Run(session, spent["wall"], spent["cpu"])


def pairs(folder: Path, variant: Variant, rounds: int) -> Iterator[tuple[Run, Run]]:
    """Yield (bare, variant) pairs; the first, which fills caches, is thrown away."""
    for number in range(rounds + 1):
        if number % 2:
            other = run(folder, variant)
            bare = run(folder, BARE)
        else:
            bare = run(folder, BARE)
            other = run(folder, variant)
        if number:
            yield bare, other


def measure(base: Path, suite: str, variant: Variant, rounds: int, scale: float) -> Row:
    """Measure one variant on one suite."""
    count = max(10, int(SUITES[suite][1] * scale * variant.share))
    both = list(pairs(write(base, suite, count), variant, rounds))
    return Row(
        suite,
        variant.name,
        count,
        statistics.median(other.session / bare.session for bare, other in both),
        statistics.median(other.loop / bare.loop for bare, other in both),
        statistics.median((other.loop - bare.loop) / count * 1e6 for bare, other in both),
        statistics.median((other.cpu - bare.cpu) / count * 1e6 for bare, other in both),
        statistics.median(bare.loop / count * 1e6 for bare, _ in both),
        statistics.median((other.session - other.loop - bare.session + bare.loop) * 1e3 for bare, other in both),
    )


def import_ms(rounds: int) -> float:
    """Return what importing the inactive plugin adds to a pytest that is already loaded, by -X importtime."""
    loaded = "import sys; from _pytest.config import get_config; get_config()"  # pytest with its own plugins
    code = f"{loaded}; sys.stderr.write('MARK\\n'); import no_leaks.plugin"
    sums: list[float] = []
    for _ in range(rounds):
        command = [sys.executable, "-X", "importtime", "-c", code]
        trace = subprocess.run(command, capture_output=True, text=True, check=True).stderr.partition("MARK\n")[2]
        lines = [line.removeprefix("import time:").split("|") for line in trace.splitlines()]
        sums.append(sum(int(own) for own, *_ in lines if own.strip().isdigit()) / 1000)
    return statistics.median(sums)


def table(rows: list[Row]) -> str:
    """Format the rows as Markdown."""
    head = (
        "| suite | variant | tests | session | test loop | added per test | of it processor | bare test | added once |"
    )
    lines = [head, "|---|---|--:|--:|--:|--:|--:|--:|--:|"]
    lines.extend(
        f"| {row.suite} | {row.variant} | {row.tests} | x {row.session_ratio:.3f} | x {row.loop_ratio:.3f} "
        f"| {row.added_us:+.1f} us | {row.added_cpu_us:+.1f} us | {row.bare_us:.0f} us "
        f"| {row.added_start_ms:+.0f} ms |"
        for row in rows
    )
    return "\n".join(lines)


def wanted(only: list[str]) -> Iterator[tuple[str, Variant]]:
    """Yield what is to be measured; a peer that is not installed is said."""
    for variant in VARIANTS:
        if importlib.util.find_spec(variant.needs) is None:
            print(f"{variant.name} is left out: {variant.needs} is not installed", file=sys.stderr)
            continue
        for suite in variant.only:
            if not only or suite in only or variant.name in only:
                yield suite, variant


def arguments() -> argparse.Namespace:
    """Read the command line."""
    words = [*SUITES, *(variant.name for variant in VARIANTS)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="pairs for each line (default 7)")
    parser.add_argument("--quick", action="store_true", help="a quarter of the tests, 3 pairs: to see that it works")
    parser.add_argument("--only", nargs="+", default=[], choices=words, metavar="WORD", help=f"{', '.join(words)}")
    parser.add_argument("--write", type=Path, metavar="PATH", help="write the table there too")
    return parser.parse_args()


def main() -> int:
    """Measure, print and write."""
    options = arguments()
    rounds, scale = (3, 0.25) if options.quick else (options.rounds, 1.0)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="no-leaks-bench-") as folder:
        for suite, variant in wanted(options.only):
            rows.append(measure(Path(folder), suite, variant, rounds, scale))
            print(table(rows[-1:]).splitlines()[-1], file=sys.stderr)
    report = (
        f"{platform.python_implementation()} {platform.python_version()} on {platform.system()}, "
        f"medians of {rounds} pairs\n\n{table(rows)}\n\n"
        f"Importing the inactive plugin adds {import_ms(rounds):.1f} ms to pytest's start (`-X importtime`).\n"
    )
    print(report)
    if options.write:
        options.write.write_text(report, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
