"""Terminal: how leaks stand in pytest's own reports and at the end of its run.

The one file that touches pytest's representation of a failure (`_pytest._code.code`): the terminal, JUnit XML and
pytest-xdist all read `reprcrash` and `reprtraceback` of a `longrepr`; the same in pytest 8.0 to 9.2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pytest
from _pytest._code.code import ReprEntryNative, ReprExceptionInfo, ReprFileLocation, ReprTraceback
from _pytest._io import TerminalWriter

from ..model import Leak
from ..reporters import json_, text
from ..reporters.phrases import brief, owner
from . import totals
from .run import Run
from .totals import LISTED

WIDEST = 120
NAMED = 3
"""How many things of one test are named at the end of the run; its report, or the JSON, has them all."""
_STYLES: dict[str, dict[str, bool]] = {
    "title": {"bold": True},
    "bad": {"red": True, "bold": True},
    "good": {"green": True},
    "dim": {"light": True},
    "source": {"cyan": True},
}


class LeakRepr(ReprExceptionInfo):
    """A failure by leaks: coloured where it is printed, plain text once it has travelled from an xdist worker."""

    def __init__(self, leaks: Sequence[Leak], root: str, path: str, line: int) -> None:
        plain = ReprEntryNative([text.render(leaks, root) + "\n"])
        super().__init__(
            reprtraceback=ReprTraceback([plain], None, "native"),
            reprcrash=ReprFileLocation(path, line, text.headline(leaks)),
        )
        self.leaks = tuple(leaks)
        self.root = root

    def toterminal(self, tw: TerminalWriter) -> None:
        """Print the blocks in colour, at the terminal's width."""
        for words, style in text.blocks(self.leaks, self.root, width=min(tw.fullwidth, WIDEST)):
            tw.line(words, **_STYLES.get(style, {}))
        for name, content, sep in self.sections:
            tw.sep(sep, name)
            tw.line(content)


def failure(leaks: Sequence[Leak], root: str, nodeid: str, path: str, line: int) -> LeakRepr:
    """Return the `longrepr` of a test that passed and leaked; `line` counts from 0, as in `item.location`."""
    return LeakRepr(leaks, root, path or nodeid.partition("::")[0], line + 1)


def section(leaks: Sequence[Leak], root: str) -> tuple[str, str]:
    """Return the extra section for a test that failed for its own reason."""
    return "leaks", text.render(leaks, root)


def write_summary(terminalreporter: pytest.TerminalReporter, run: Run) -> None:
    """Print the one line of the run, under a section of what no test's report shows, where there is such."""
    noted = totals.broken_parts(run.canary or {}, run.faults or {})
    lines = [*_nobodys(run), *_listed(run.leaks), *_faults(noted)]
    if lines:
        terminalreporter.section("no-leaks", sep="=")
        for words, style in lines:
            terminalreporter.write_line(words, **_STYLES.get(style, {}))
    line = totals.summary_line(totals.of(run.leaks), run.tests, run.checked, run.spent_ns / 1e9, noted, len(run.grown))
    terminalreporter.write_line(line, **_STYLES["bad"] if noted else {})


def _nobodys(run: Run) -> Iterator[text.Line]:
    """Yield the leaks that no test's own report shows: of a wider scope, or of nobody."""
    alone = [leak for leak in run.leaks if leak.test is None and leak.verdict.fails and not leak.shown]
    yield from text.blocks(alone, run.root)
    if alone:
        yield "", ""
    for stray in run.unattributed:
        yield f"not attributable to a test: {stray}", ""


def _listed(leaks: Iterable[Leak]) -> Iterator[text.Line]:
    """Yield one line for each test, or wider scope, whose leaks fail nothing, or fail without a proof."""
    shown = [leak for leak in json_.related(leaks) if leak.verdict in LISTED and (leak.test or not leak.verdict.fails)]
    groups: dict[tuple[str, str, str], list[Leak]] = {}
    for leak in shown:
        groups.setdefault((leak.verdict.value, leak.test or owner(leak.owner), leak.reason), []).append(leak)
    for (verdict, where, reason), group in groups.items():
        yield f"{verdict:<11} {where}: {_named(group)}{f' - {reason}' if reason else ''}", ""


def _named(leaks: Sequence[Leak]) -> str:
    """Name a few leaks by what they are and where they were made; one alone also by its fingerprint."""
    seen = Counter(map(brief, leaks))
    names = [f"{words}{f' ({often} times)' if often > 1 else ''}" for words, often in seen.items()]
    if len(names) == 1:
        return f"{brief(leaks[0])} ({leaks[0].fingerprint}){names[0].removeprefix(brief(leaks[0]))}"
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _faults(noted: Mapping[str, str]) -> Iterator[text.Line]:
    for part, message in sorted(noted.items()):
        yield f"not working: {part}: {message}", "bad"
