"""The last step, pure: the table and what it rests on, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from compare import Accusation, Result, count
from judgement import FALSE, MISSED, ONCE, RIGHT, TRUE, UNJUDGED, Judged

ORDER = (UNJUDGED, FALSE, MISSED, TRUE, ONCE)

HEAD = (
    "| suite | tests | leaks | `once` | unconfirmed | false | missed | unjudged | changed "
    "| whole suite | with no-leaks | clean tests: by the clock | processor | with no-leaks | ratio | tests alone |"
)
RULE = "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"


@dataclass(frozen=True)
class Suite:
    """A suite as the page shows it."""

    name: str
    version: str
    about: str
    result: Result
    judged: tuple[Judged, ...]

    def tests_judged(self, verdict: str) -> int:
        """Count the tests, or the fixtures, with an accusation that is judged so."""
        return count(one.accusation for one in self.judged if one.verdict == verdict)

    @property
    def is_right(self) -> bool:
        """Whether everything that it was told is true, and nothing else happened to it."""
        wrong = any(one.verdict not in RIGHT for one in self.judged)
        return not (wrong or self.result.changes or self.result.broken)


def table(suites: Sequence[Suite]) -> str:
    """Return the table: numbers of tests, then seconds."""
    return "\n".join([HEAD, RULE, *map(row, suites)])


def row(suite: Suite) -> str:
    """Return one line of the table."""
    result = suite.result
    counts = (
        result.tests,
        result.tests_with("leak"),
        result.tests_with("once"),
        result.tests_with("unconfirmed"),
        suite.tests_judged(FALSE),
        suite.tests_judged(MISSED),
        suite.tests_judged(UNJUDGED),
        len(result.changes),
    )
    seconds = [f"{second:.1f} s" for second in result.clock_s]
    cost = result.cost
    if cost is None:
        seconds += ["", "", "", "", ""]
    else:
        ratios = (f"x {cost.ratio:.3f}", f"x {cost.tests_ratio:.3f}")
        seconds += [f"x {cost.clock_ratio:.3f}", f"{cost.plain_s:.2f} s", f"{cost.checked_s:.2f} s", *ratios]
    return f"| {' | '.join([f'{suite.name} {suite.version}', *map(str, counts), *seconds])} |"


def details(suites: Iterable[Suite]) -> Iterator[str]:
    """Yield the lines below the table: each accusation, with what its code says."""
    for suite in suites:
        yield from ("", f"## {suite.name}", "", f"{suite.about[:1].upper()}{suite.about[1:]}.")
        yield from block(accused(suite.judged), "Accused of nothing.")
        yield from block(changed(suite.result))
        yield from (f"\nNot working: {words}" for words in suite.result.broken)


def block(lines: Iterable[str], empty: str = "") -> Iterator[str]:
    """Yield lines with an empty one before them, or what stands for none."""
    found = list(lines) or ([empty] if empty else [])
    if found:
        yield from ("", *found)


def accused(judged: Sequence[Judged]) -> Iterator[str]:
    """Yield a table of what was told: first what nobody has judged; what one judgement is about stands together."""
    groups: dict[tuple[int, str, str, str], list[Accusation]] = {}
    for one in judged:
        alone = one.accusation.test if one.verdict == UNJUDGED else ""
        key = ORDER.index(one.verdict), one.verdict, alone, one.why or one.accusation.summary
        groups.setdefault(key, []).append(one.accusation)
    if groups:
        yield from ("| tests | kind | created at | judgement |", "|---|---|---|---|")
    for (_, verdict, _, why), group in sorted(groups.items(), key=lambda item: (item[0][0], item[1])):
        cells = (named(group), kinds_of(group), sites_of(group), f"**{verdict}**: {why}")
        yield f"| {' | '.join(map(cell, cells))} |"


def named(group: Iterable[Accusation]) -> str:
    """Name the tests of a group, each once, with how often its parameters were accused."""
    tests: dict[str, set[str]] = {}
    for one in group:
        tests.setdefault(one.test, set()).update(one.tests)
    return "<br>".join(f"`{test}`{times(len(variants))}" for test, variants in sorted(tests.items()))


def kinds_of(group: Iterable[Accusation]) -> str:
    """Name the kinds of a group, and the verdict where it is not simply a leak."""
    return ", ".join(sorted({one.kind if one.verdict == "leak" else f"{one.kind} ({one.verdict})" for one in group}))


def sites_of(group: Iterable[Accusation]) -> str:
    """Name the lines where it was made."""
    return "<br>".join(sorted({f"`{one.site}`" if one.site else "unknown" for one in group}))


def changed(result: Result) -> Iterator[str]:
    """Yield the tests that another reason than a leak changed."""
    for change in result.changes:
        first = change.message.partition("\n")[0]
        yield f"- changed: `{change.test}` was {change.plain}, is {change.checked}: {first}"


def times(number: int) -> str:
    """Say how many parameters a test was accused with, if more than one."""
    return f" ({number} times)" if number > 1 else ""


def cell(text: str) -> str:
    """Return text as a cell of a table may hold it."""
    return text.replace("|", "\\|").replace("\n", " ")
