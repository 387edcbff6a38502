"""The demo's proof: a run's results against its stories; one row for each, and what was accused besides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .inner import LeakEntry, Results
from .pairs import Pair

FAILING = ("leak", "unconfirmed")


@dataclass(frozen=True, slots=True)
class Row:
    """One story's verdict: where the leak was seen, or why it counts as missed; what is said of its twin and must not be."""

    pair: Pair
    site: str
    missed: str
    accused: str

    @property
    def is_good(self) -> bool:
        """Whether the leak was seen and its twin left in peace."""
        return not self.missed and not self.accused


def prove(pairs: Sequence[Pair], results: Results) -> tuple[Row, ...]:
    """Return one row for each pair."""
    rows: list[Row] = []
    for pair in pairs:
        site, missed = _sight(pair, results)
        rows.append(Row(pair, site, missed, _accusation(pair, results)))
    return tuple(rows)


def strays(pairs: Sequence[Pair], results: Results) -> tuple[LeakEntry, ...]:
    """Return the leaks that are blamed on no test of any pair: on nobody, or on a test that is not there."""
    ours = {test for pair in pairs for test in (pair.leaking_test, pair.repaired_test)}
    return tuple(leak for leak in results.leaks if not ours.intersection(_tests(leak)))


def _sight(pair: Pair, results: Results) -> tuple[str, str]:
    """Return where the leak was born, and "" or why it counts as missed."""
    blamed = [leak for leak in results.leaks if pair.leaking_test in _tests(leak)]
    right = [leak for leak in blamed if leak["kind"] == pair.kind]
    site = next((site for leak in right if (site := _site(leak, pair.source))), "")
    outcome = results.outcomes.get(pair.leaking_test, "missing")
    if not blamed:
        return site, f"not seen: the test {outcome}"
    if not right:
        return site, f"not seen as {pair.kind}"
    if not any(leak["verdict"] in FAILING for leak in right):
        return site, f"judged as {', '.join(sorted({leak['verdict'] for leak in right}))} only"
    if not site:
        return site, f"seen, but not where it was created in {pair.source}"
    return site, "" if outcome == "failed" else f"reported, but the test {outcome}"


def _accusation(pair: Pair, results: Results) -> str:
    """Return what the repaired twin is accused of, or the leaking test besides its one leak; or ""."""
    leaks = [leak for leak in results.leaks if pair.repaired_test in _tests(leak)]
    besides = {leak["kind"] for leak in results.leaks if pair.leaking_test in _tests(leak)} - {pair.kind}
    outcome = results.outcomes.get(pair.repaired_test, "missing")
    if leaks:
        return f"accused: {'; '.join(sorted(leak['kind'] + ': ' + leak['summary'] for leak in leaks))}"
    if outcome != "passed":
        return f"not quiet: the test {outcome}"
    return f"quiet, but the leaking test is accused of {', '.join(sorted(besides))} too" if besides else ""


def _tests(leak: LeakEntry) -> set[str]:
    return {*leak.get("also_in", ()), leak["test"] or ""}


def _site(leak: LeakEntry, source: str) -> str:
    frames = (frame for frame in leak["created_at"] if frame["file"] == source)
    return next((f"{frame['file']}:{frame['line']}" for frame in frames), "")
