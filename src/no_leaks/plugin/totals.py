"""Totals: what a run found, in numbers and in one line; free of reporters, since a clean run ends with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..model import Leak, Verdict
from ..words import count

LISTED = (Verdict.ONCE, Verdict.UNCONFIRMED, Verdict.ALLOWED, Verdict.KNOWN)
"""What the end of the run lists beside the reports of the tests."""


class Totals(NamedTuple):
    """What a run found: how many by verdict, and in how many tests a leak that counts."""

    verdicts: Mapping[Verdict, int]
    leaking_tests: int


def of(leaks: Iterable[Leak]) -> Totals:
    """Count the leaks of a run."""
    found = tuple(leaks)
    tests = {leak.test for leak in found if leak.verdict is Verdict.LEAK and leak.test is not None}
    return Totals(Counter(leak.verdict for leak in found), len(tests))


def summary_line(
    totals: Totals, tests: int, checked: int, overhead_s: float, noted: Mapping[str, str], grown: int = 0
) -> str:
    """Return "no-leaks: 412 tests checked, 2 leaks in 2 tests, 1 allowed; 0.038 s (92 us per test)"."""
    few = f"{checked} of " if checked != tests else ""
    parts = [f"no-leaks: {few}{count(tests, 'test')} checked", _leaks(totals)]
    parts += [f"{totals.verdicts[verdict]} {verdict.value}" for verdict in LISTED if totals.verdicts.get(verdict)]
    unsure = f"; unconfirmed growth in {count(grown, 'test')}" if grown else ""
    cost = f"{overhead_s:.3f} s ({overhead_s / max(checked, 1) * 1e6:.0f} us per test)"
    broken = f"; {count(len(noted), 'part')} of no-leaks failed" if noted else ""
    return f"{', '.join(parts)}; {cost}{unsure}{broken}"


def broken_parts(canary: Mapping[str, bool], noted: Mapping[str, str]) -> dict[str, str]:
    """Return what of ours does not work -> why: planted leaks that were not seen, and faults."""
    blind = {
        f"canary {kind}": "a planted leak was not seen: leak detection is not working"
        for kind, seen in canary.items()
        if not seen
    }
    return {**blind, **noted}


def _leaks(totals: Totals) -> str:
    number = totals.verdicts.get(Verdict.LEAK, 0)
    if not number:
        return "no leaks"
    where = f" in {count(totals.leaking_tests, 'test')}" if totals.leaking_tests else ""
    return f"{count(number, 'leak')}{where}"
