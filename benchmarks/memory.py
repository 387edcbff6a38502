"""Measure what a test costs beside heaps of 10 thousand to 5 million objects: this plugin, and other ways of finding leaks.

    python benchmarks/memory.py [--rounds N] [--quick] [--only WORD ...] [--write]

Each figure is from pairs of runs, bare pytest and a variant one after the other, by the processor's time of the tests
alone, start-up and the first test not counted. `--write` makes docs/memory-cost.md and its picture anew, which takes
matplotlib; the peers are pympler, pytest-memray and psleak, and one that is not installed is named and left out.
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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from memory_suite import write

SIZES = (10_000, 100_000, 1_000_000, 5_000_000)
DOCS = Path(__file__).parent.parent / "docs"
PLUGIN = ("-p", "no_leaks.plugin", "--no-leaks")


@dataclass(frozen=True)
class Variant:
    """One way to look for leaks; `most` says how many tests there are beside a heap, as some take minutes for one."""

    name: str
    about: str
    args: tuple[str, ...] = ()
    needs: str = "pytest"
    most: Callable[[int], int] = lambda size: 300
    environment: tuple[tuple[str, str], ...] = ()


BARE = Variant("bare", "pytest alone")
VARIANTS = (
    Variant("no-leaks", "`--no-leaks`, the default kinds", PLUGIN, "no_leaks"),
    Variant(
        "no-leaks, cycles",
        "`--no-leaks --no-leaks-kinds=default,cycles`",
        (*PLUGIN, "--no-leaks-kinds=default,cycles"),
        "no_leaks",
    ),
    Variant(
        "census",
        "a fixture that collects and counts all objects by type, before and after",
        most=lambda size: max(3, min(100, 3_000_000 // size)),
    ),
    Variant(
        "pympler",
        "a fixture that asks pympler's `SummaryTracker` for the difference",
        needs="pympler",
        most=lambda size: max(2, min(10, 1_000_000 // size)),
    ),
    Variant(
        "memray",
        '`--memray` of pytest-memray, `limit_leaks("1 MB")` on each test',
        ("-p", "pytest_memray.plugin", "--memray"),
        "pytest_memray",
        lambda size: 20,
    ),
    Variant(
        "psleak",
        "psleak's `execute`, which calls the test's body some 200 times, under `PYTHONMALLOC=malloc` as it demands",
        needs="psleak",
        most=lambda size: 3,
        environment=(("PYTHONMALLOC", "malloc"),),
    ),
)


@dataclass(frozen=True)
class Figure:
    """What one variant adds to a test beside a heap of `size` objects, in microseconds, and the pairs it is the median of."""

    variant: str
    size: int
    added_us: float
    bare_us: float
    pairs: int


def run(folder: Path, variant: Variant, size: int) -> float:
    """Run pytest once, on tests that must all pass; return the microseconds of the processor for each test."""
    result = folder / "spent.json"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHONDONT"))}
    environment |= {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        **dict(variant.environment),
        "BENCH_VARIANT": variant.name,
        "BENCH_OBJECTS": str(size),
        "BENCH_RESULT": str(result),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *variant.args]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode or "skipped" in done.stdout:
        sys.exit(f"{variant.name} failed beside {size} objects:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    spent = json.loads(result.read_text())
    return float(spent["cpu"] / spent["tests"] * 1e6)


def measure(base: Path, variant: Variant, size: int, rounds: int) -> Figure:
    """Measure one variant beside one heap: pairs of runs, the order turned round from pair to pair."""
    count = variant.most(size) + 1
    folder = write(base, count, psleak=variant.name == "psleak")
    plain = write(base, max(count, 100), psleak=False)
    # One run of a tool that takes minutes says enough: it is a thousand times what it is compared with.
    pairs = rounds if count > 50 else min(rounds, 2 if size < SIZES[-1] else 1)
    both: list[tuple[float, float]] = []
    for number in range(pairs):
        runs: list[Callable[[], float]] = [
            lambda: run(plain, BARE, size),
            lambda: run(folder, variant, size),
        ]
        times = [one() for one in (runs if number % 2 == 0 else runs[::-1])]
        both.append((times[0], times[1]) if number % 2 == 0 else (times[1], times[0]))
    return Figure(
        variant.name,
        size,
        statistics.median(other - bare for bare, other in both),
        statistics.median(bare for bare, _ in both),
        pairs,
    )


def kinds() -> str:
    """Say which kinds the installed plugin has measured, and that one is missing, where it is."""
    from no_leaks.kindlist import default_kinds
    from no_leaks.probes.panel import Panel

    wanted = sorted(default_kinds())
    missing = Panel(wanted).unavailable
    named = ", ".join(kind for kind in wanted if kind not in missing)
    without = "".join(f" The kind `{kind}` is not among them: {why}." for kind, why in sorted(missing.items()))
    asked = "" if "memory" in wanted else " The kind `memory` is not among them: it is checked on request."
    return f"Measured with the kinds {named}.{without}{asked}"


def table(figures: Sequence[Figure], sizes: Sequence[int]) -> str:
    """Return what each variant adds to a test, beside each heap, as Markdown."""
    lines = [
        "| | " + " | ".join(f"{size:,} objects" for size in sizes) + " | largest : smallest | times no-leaks |",
        "|---" * (len(sizes) + 3) + "|",
    ]
    ours = {figure.size: figure.added_us for figure in figures if figure.variant == VARIANTS[0].name}
    for name in dict.fromkeys(figure.variant for figure in figures):
        added = {figure.size: figure.added_us for figure in figures if figure.variant == name}
        cells = " | ".join(spoken(added[size]) if size in added else "" for size in sizes)
        growth = f"x {added[sizes[-1]] / added[sizes[0]]:.2f}" if sizes[0] in added and sizes[-1] in added else ""
        middle = sizes[min(2, len(sizes) - 1)]
        times = f"{added[middle] / ours[middle]:,.0f} at {middle:,}" if middle in added and middle in ours else ""
        lines.append(f"| {name} | {cells} | {growth} | {times} |")
    return "\n".join(lines)


def spoken(microseconds: float) -> str:
    """Return a time with a fitting unit."""
    if microseconds < 1000:
        return f"{microseconds:.0f} us"
    return f"{microseconds / 1e3:,.1f} ms" if microseconds < 1e6 else f"{microseconds / 1e6:,.1f} s"


def draw(figures: Sequence[Figure], path: Path) -> None:
    """Draw the curves, both axes logarithmic."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "no-leaks"
    from matplotlib import pyplot

    shown, axes = pyplot.subplots(figsize=(8, 5.5))
    for name in dict.fromkeys(figure.variant for figure in figures):
        points = [(figure.size, figure.added_us / 1e3) for figure in figures if figure.variant == name]
        ours = name.startswith("no-leaks")
        axes.plot(*zip(*points, strict=True), marker="o", linewidth=2.5 if ours else 1.2, label=name)
    axes.set(
        xscale="log", yscale="log", xlabel="objects on the heap", ylabel="added to one test, milliseconds of processor"
    )
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3)
    shown.tight_layout()
    shown.savefig(path, metadata={"Date": None})


def page(figures: Sequence[Figure], sizes: Sequence[int], left_out: Sequence[str]) -> str:
    """Return docs/memory-cost.md."""
    named = {figure.variant for figure in figures}
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("pytest", "pympler", "pytest-memray", "psleak") if has(name)
    )
    about = "\n".join(f"- **{one.name}**: {one.about}." for one in VARIANTS if one.name in named)
    missing = f"\nLeft out, as not installed: {', '.join(left_out)}.\n" if left_out else ""
    return f"""# What memory checks cost beside a large heap

{kinds()}

What a clean test pays in addition, by the processor's time, beside that many live objects that are none of its own.
`python benchmarks/memory.py --write` has made this page, from pairs of runs with and without each tool; start-up and
the first test are not counted. pytest's own objects, some tens of thousands, come on top of each heap.
{platform.python_implementation()} {platform.python_version()} on {platform.system()}; {versions}.

![cost of a test against the size of the heap](memory-cost.svg)

{table(figures, sizes)}

{about}
{missing}"""


def has(package: str) -> bool:
    """Whether a package is installed."""
    return importlib.util.find_spec(package.replace("-", "_")) is not None


def wanted(only: Sequence[str]) -> Iterator[Variant]:
    """Yield what is to be measured and can be."""
    for variant in VARIANTS:
        if (not only or variant.name in only) and has(variant.needs):
            yield variant


def arguments() -> argparse.Namespace:
    """Read the command line."""
    words = [variant.name for variant in VARIANTS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="pairs for each figure (default 5)")
    parser.add_argument("--quick", action="store_true", help="the two small heaps, one pair: to see that it works")
    parser.add_argument("--only", nargs="+", default=[], choices=words, metavar="WORD", help=", ".join(words))
    parser.add_argument("--write", action="store_true", help="make docs/memory-cost.md and docs/memory-cost.svg anew")
    return parser.parse_args()


def main() -> int:
    """Measure, print and write."""
    options = arguments()
    sizes, rounds = (SIZES[:2], 1) if options.quick else (SIZES, options.rounds)
    left_out = [variant.needs for variant in VARIANTS if not has(variant.needs)]
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="no-leaks-bench-") as folder:
        for variant in wanted(options.only):
            for size in sizes:
                figures.append(measure(Path(folder), variant, size, rounds))
                one = figures[-1]
                print(f"{one.variant} {size:,}: {spoken(one.added_us)} (bare {spoken(one.bare_us)})", file=sys.stderr)
    print(table(figures, sizes))
    for name in left_out:
        print(f"left out: {name} is not installed")
    if options.write:
        draw(figures, DOCS / "memory-cost.svg")
        (DOCS / "memory-cost.md").write_text(page(figures, sizes, left_out), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
