"""The fourth step: what somebody who read the suite's code says of each accusation, kept in judged.toml."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from compare import FAILING, Accusation
from projects import read_toml

TRUE, FALSE, UNJUDGED = "true", "false", "unjudged"


@dataclass(frozen=True)
class Judgement:
    """One entry: which accusations it is about, whether they are true, and which line leaks or why none does."""

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
    """An accusation and what is said of it."""

    accusation: Accusation
    verdict: str
    why: str


def read(path: Path) -> dict[str, tuple[Judgement, ...]]:
    """Read the judgements of each suite. Raises ValueError where an entry says neither true nor false, or not why."""
    return {suite: tuple(map(entry, rows)) for suite, rows in read_toml(path).items()}


def entry(row: dict[str, Any]) -> Judgement:
    """Read one entry."""
    one = Judgement(
        listed(row, "test"), listed(row, "kind"), listed(row, "site"), row.get("is", ""), row.get("why", "")
    )
    if one.verdict not in (TRUE, FALSE) or not one.why or not (one.tests or one.kinds or one.sites):
        raise ValueError(f'an entry has test, kind or site, is = "true" or "false", and why: {row}')
    return one


def listed(row: dict[str, Any], key: str) -> tuple[str, ...]:
    """Return one pattern or several."""
    value = row.get(key, ())
    return (value,) if isinstance(value, str) else tuple(value)


def judge(accusations: Iterable[Accusation], judgements: Iterable[Judgement]) -> Iterator[Judged]:
    """Yield what fails a test with the first judgement that is about it; what nobody has read yet is unjudged."""
    known = tuple(judgements)
    for accusation in accusations:
        if accusation.verdict in FAILING:
            said = next((one for one in known if one.is_about(accusation)), None)
            yield Judged(accusation, said.verdict if said else UNJUDGED, said.why if said else "")


def any_of(patterns: tuple[str, ...], text: str) -> bool:
    """Whether one of the patterns fits, or none is given."""
    return not patterns or any(fnmatchcase(text, pattern) for pattern in patterns)
