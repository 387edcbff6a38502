"""The third step, pure: what the runs of one suite say together: accusations, and tests that changed for another reason."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from running import Run

FAILING = ("leak", "unconfirmed")
TOLD = (*FAILING, "once")
"""The verdicts that can be right or wrong; what a suite allows itself is its own affair."""
LIBRARY = re.compile(r"^.*/(?:site-packages|lib/python[\d.]+)/")


@dataclass(frozen=True, order=True)
class Accusation:
    """What a test, with all its parameters, is told to have left: the same kind of thing from the same line."""

    test: str
    kind: str
    site: str
    verdict: str
    summary: str
    tests: frozenset[str]
    """The tests as they are, parameters and all; of a wider fixture, none."""


@dataclass(frozen=True)
class Change:
    """A test whose outcome is another with the plugin, and not because it leaked."""

    test: str
    plain: str
    checked: str
    message: str


@dataclass(frozen=True)
class Cost:
    """Medians over the pairs, in seconds of the processor; ratios pair by pair."""

    pairs: int
    plain_s: float
    checked_s: float
    clock_ratio: float
    """Of whole runs by the clock; the others are of the processor's time."""
    ratio: float
    tests_ratio: float


@dataclass(frozen=True)
class Result:
    """What is known of one suite."""

    tests: int
    accusations: tuple[Accusation, ...]
    changes: tuple[Change, ...]
    clock_s: tuple[float, float]
    """The whole suite by the clock, plain and checked, leaks and all."""
    cost: Cost | None
    broken: tuple[str, ...]
    """Parts of the plugin that did not work."""

    def tests_with(self, *verdicts: str) -> int:
        """Count the tests, or the fixtures, that have an accusation of these verdicts."""
        return count(one for one in self.accusations if one.verdict in verdicts)


def count(accusations: Iterable[Accusation]) -> int:
    """Count the tests that are accused, and the fixtures."""
    return len({test for one in accusations for test in one.tests or {one.test}})


def compare(runs: Sequence[Run]) -> Result:
    """Compare the first pair, which is of the whole suite, and all that follow."""
    plain, checked, *rest = runs
    return Result(
        tests=sum(outcome != "skipped" for outcome in plain.outcomes.values()),
        accusations=tuple(accusations(run for run in runs if run.checked)),
        changes=tuple(changes(runs)),
        clock_s=(plain.clock_s, checked.clock_s),
        cost=cost(rest),
        broken=tuple(sorted({words for run in runs if run.checked for words in broken(run)})),
    )


def accusations(runs: Iterable[Run]) -> list[Accusation]:
    """Gather the leaks of all runs, also those that showed once."""
    found: dict[tuple[str, str, str, str], tuple[str, set[str]]] = {}
    for run in runs:
        for leak in run.report["leaks"]:
            if leak["verdict"] not in TOLD:
                continue
            key = test_of(leak), leak["kind"], site_of(leak), leak["verdict"]
            _, tests = found.setdefault(key, (leak["summary"], set()))
            tests |= {leak["test"]} - {None}
    return sorted(Accusation(*key, summary, frozenset(tests)) for key, (summary, tests) in found.items())


def test_of(leak: dict[str, Any]) -> str:
    """Return the test without its parameters, or the wider fixture."""
    owner = leak["owner"]
    if leak["test"] is None or owner["scope"] != "function":
        return f"{owner['scope']} fixture {owner['fixture']}" if owner["fixture"] else str(owner["scope"])
    return str(leak["test"].partition("[")[0])


def site_of(leak: dict[str, Any]) -> str:
    """Return file and line of the project's own innermost frame, else of the innermost; "" where none is known."""
    frames = leak["created_at"]
    frame = next((frame for frame in frames if frame["in_app"]), frames[0] if frames else None)
    return f"{LIBRARY.sub('', frame['file'])}:{frame['line']}" if frame else ""


def changes(runs: Sequence[Run]) -> Iterator[Change]:
    """Yield the tests that had with the plugin an outcome that they never had without, other than to leak."""
    for test in sorted({test for run in runs for test in run.outcomes}):
        plain = {run.outcomes[test] for run in runs if not run.checked and test in run.outcomes}
        for run in runs:
            outcome = run.outcomes.get(test, "missing")
            due = run.checked and test not in run.without
            if due and outcome not in plain and not is_leak_of(outcome, plain):
                yield Change(test, " or ".join(sorted(plain)) or "missing", outcome, run.messages.get(test, ""))
                break


def is_leak_of(outcome: str, plain: Iterable[str]) -> bool:
    """Whether a test that is otherwise as before has leaked."""
    rest = " + ".join(word for word in outcome.split(" + ") if word != "leaked")
    return outcome != rest and (rest or "passed") in plain


def cost(runs: Sequence[Run]) -> Cost | None:
    """Return the medians of the pairs, None where there are none."""
    plain, checked = [run for run in runs if not run.checked], [run for run in runs if run.checked]
    if not plain:
        return None
    both = list(zip(plain, checked, strict=True))
    return Cost(
        len(both),
        statistics.median(run.processor_s for run in plain),
        statistics.median(run.processor_s for run in checked),
        statistics.median(two.clock_s / one.clock_s for one, two in both),
        statistics.median(two.processor_s / one.processor_s for one, two in both),
        statistics.median(two.tests_s / one.tests_s for one, two in both),
    )


def broken(run: Run) -> Iterator[str]:
    """Yield what of the plugin did not work in a run."""
    yield from (f"{part}: {message}" for part, message in run.report["faults"].items())
    yield from (f"canary: {kind} was planted and not seen" for kind, seen in run.report["canary"].items() if not seen)
