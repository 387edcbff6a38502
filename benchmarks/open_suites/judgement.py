"""The fourth step: what somebody who read the suite's code says of each accusation, kept in judged.toml."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from compare import FAILING, Accusation
from projects import read_toml

TRUE, FALSE, ONCE, MISSED, UNJUDGED = "true", "false", "once", "missed", "unjudged"
SAID = (TRUE, FALSE, ONCE)
"""What an entry may say: something leaks, nothing does, or it is made once and kept."""
RIGHT = (TRUE, ONCE)


@dataclass(frozen=True)
class Judgement:
    """One entry: what it is about, whether it leaks, and which line does or why none does."""

    tests: tuple[str, ...]
    kinds: tuple[str, ...]
    sites: tuple[str, ...]
    verdict: str
    why: str

    def is_about(self, accusation: Accusation) -> bool:
        """Whether it speaks of this accusation; patterns as the shell has them, an empty list is any."""
        return (
            any_of(self.tests, accusation.test)
            and any_of(self.kinds, accusation.kind)
            and any_of(self.sites, accusation.site)
        )


@dataclass(frozen=True)
class Judged:
    """An accusation and whether it is right: what is called `once` and leaks again each time is a leak that was missed."""

    accusation: Accusation
    verdict: str
    why: str


def read(path: Path) -> dict[str, tuple[Judgement, ...]]:
    """Read the judgements of each suite. Raises ValueError where an entry says nothing of it, or not why."""
    return {suite: tuple(map(entry, rows)) for suite, rows in read_toml(path).items()}


def entry(row: dict[str, Any]) -> Judgement:
    """Read one entry."""
    one = Judgement(
        listed(row, "test"), listed(row, "kind"), listed(row, "site"), row.get("is", ""), row.get("why", "")
    )
    if one.verdict not in SAID or not one.why or not (one.tests or one.kinds or one.sites):
        raise ValueError(f"an entry has test, kind or site, is (one of {SAID}), and why: {row}")
    return one


def listed(row: dict[str, Any], key: str) -> tuple[str, ...]:
    """Return one pattern or several."""
    value = row.get(key, ())
    return (value,) if isinstance(value, str) else tuple(value)


def judge(accusations: Iterable[Accusation], judgements: Iterable[Judgement]) -> Iterator[Judged]:
    """Yield each with the first judgement that is about it; what nobody has read yet is unjudged."""
    known = tuple(judgements)
    for accusation in accusations:
        said = next((one for one in known if one.is_about(accusation)), None)
        if said is None:
            yield Judged(accusation, UNJUDGED, "")
        elif accusation.verdict in FAILING:
            yield Judged(accusation, TRUE if said.verdict == TRUE else FALSE, said.why)
        else:
            yield Judged(accusation, MISSED if said.verdict == TRUE else ONCE, said.why)


def any_of(patterns: tuple[str, ...], text: str) -> bool:
    """Whether one of the patterns fits, or none is given."""
    return not patterns or any(fnmatchcase(text, pattern) for pattern in patterns)
