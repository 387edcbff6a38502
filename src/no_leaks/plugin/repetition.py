"""Repetition: a suspected test runs again in silence, its own fixtures included, to tell a leak from something made once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from .. import confirm, ledger
from ..config import Settings
from ..confirm import Ruling
from ..model import Spot, Verdict
from ..scope import Found, Scope
from ..session import OWN_WORK, Session
from . import growing, overdue, timeouts
from .phases import Ending
from .silence import silence

Round = tuple[Ending, Scope]
"""How a repetition ended, and the scope that it ran in, settled."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """The open questions of one test's first run, and what repeating it says to them."""

    session: Session
    first: Scope

    def is_due(self, reports: Sequence[pytest.TestReport]) -> bool:
        """Whether the first run left a question that only a repetition can answer, and has not failed so far."""
        return (bool(self._open()) or growing.is_suspected(self.first)) and not any(report.failed for report in reports)

    def settle(self, item: Any, reports: Sequence[pytest.TestReport], again: Callable[[Any], Round]) -> None:
        """Repeat an item by `again` until its questions are answered, in silence; where it cannot be, say why not."""
        if self.refuse(item, reports):
            return
        expected = _expected(reports)

        def once_more() -> tuple[str, Scope]:
            ending, scope = again(item)
            return _failure(ending, expected), scope

        self.ask(item, once_more)

    def ask(self, item: Any, once_more: Callable[[], tuple[str, Scope]]) -> None:
        """Call `once_more`, in silence, until the questions are answered; it returns why it came to nothing, and its scope."""
        proof = growing.proof(self.session, self.first)
        failure = "not confirmed: the repetition was interrupted"
        causes = frozenset(self._cause(found) for found in self._open())
        rounds: list[Counter[str]] = []
        done: list[Scope] = []
        seen: dict[Spot, str] = {}
        self._mark(self._open(), seen)
        try:
            with silence(item) as forget:
                while causes and len(rounds) < confirm.ROUNDS:
                    failure, scope = self._round(item, once_more)
                    done.append(scope)
                    if failure:
                        break
                    rounds.append(self._left_again(scope, seen))
                    self._mark(scope.left or (), seen)
                    causes = confirm.grown(rounds, causes)
                if proof is not None and not causes:
                    growing.settle(proof, lambda: self._unbooked(item, once_more), forget)
        except overdue.Overdue as bell:  # it rang when the repetition had just ended
            failure = str(bell)
        finally:
            for spot in seen:
                self.session.panel.mark(*spot, on=False)
            self._rule(lambda cause: confirm.ruling(cause, rounds, failure))
            self._let_go(done)
            if proof is not None:
                self.first.left = growing.answered(self.session, self.first, proof)

    def _round(self, item: Any, once_more: Callable[[], tuple[str, Scope]]) -> tuple[str, Scope]:
        """Run the item once more, against the clock; return why it came to nothing, and its scope."""
        timeouts.restart(item, repeated=True)
        with overdue.broken_off(self.first.settings) as late:
            failure, scope = once_more()
        return next(iter(late), failure), scope

    def _unbooked(self, item: Any, once_more: Callable[[], tuple[str, Scope]]) -> str:
        """Run the item once more, and let go of what is known of that: our own books must not be what grows."""
        failure, scope = self._round(item, once_more)
        ledger.forget(scope.ledger)
        return failure

    def refuse(self, item: Any, reports: Sequence[pytest.TestReport]) -> bool:
        """Leave the questions open where something is in the way of a repetition; say what it is."""
        if not any(found.verdict is None for found in self._open()) and not growing.is_suspected(self.first):
            return False
        why = obstacle(item, self.first.settings, reports)
        if why:
            self.leave_open(why)
        return bool(why)

    def close(self, item: Any, reports: Sequence[pytest.TestReport]) -> None:
        """Leave nothing unsaid: say why what is open still could not be answered, and drop what was only suspected."""
        self.refuse(item, reports)
        self.first.left = growing.dropped(self.first)

    def leave_open(self, why: str) -> None:
        """Answer no question, and say why."""
        self._rule(lambda cause: Ruling(Verdict.UNCONFIRMED, reason=why))
        self.first.left = growing.dropped(self.first)

    def _open(self) -> list[Found]:
        return [found for found in self.first.left or () if confirm.is_open(found.sighting, self.first.settings)]

    def _cause(self, found: Found) -> str:
        return confirm.cause(found.sighting, self.session.root)

    def _left_again(self, scope: Scope, seen: Mapping[Spot, str]) -> Counter[str]:
        """Count by cause what a repetition left; a file that it wrote anew over an earlier run's was left again, too."""
        left = Counter(self._cause(found) for found in scope.left or ())
        panel = self.session.panel
        counted = {(found.spot[0], found.spot[1][0]) for found in scope.left or () if found.spot is not None}
        for spot, cause in seen.items():
            if (spot[0], spot[1][0]) not in counted and panel.made_again(*spot, scope.ledger):
                now = panel.describe(*spot, scope.ledger)  # an eventfd may have the number that an epoll had
                left[cause if now is None else confirm.cause(now, self.session.root)] += 1
        return left

    def _mark(self, left: Iterable[Found], seen: dict[Spot, str]) -> None:
        """Remember what a run left, and have it marked, so that the next can be seen to have made it anew."""
        for found in left:
            if found.spot is not None:
                seen[found.spot] = self._cause(found)
        for spot in seen:
            self.session.panel.mark(*spot)

    def _rule(self, rule: Callable[[str], Ruling]) -> None:
        settings = self.first.settings
        self.first.left = tuple(
            _ruled(found, rule(self._cause(found))) if confirm.is_open(found.sighting, settings) else found
            for found in self.first.left or ()
        )

    def _let_go(self, done: Sequence[Scope]) -> None:
        """Let go of what the repetitions left, as far as it is a leak, whoever holds it: it is ours to clear away.

        A server that is torn down next may wait for the clients that a repetition forgot. Beside a thread that was left
        nothing is closed: it may be at work with it, and would fail in the next test.
        """
        leaks = {self._cause(found) for found in self._open() if found.verdict is Verdict.LEAK}
        left = [(scope, found) for scope in (self.first, *done) for found in scope.left or ()]
        threads = any(found.sighting.kind == "threads" for _, found in left)
        for scope, found in left[len(self.first.left or ()) :]:
            is_free = found.sighting.kind in OWN_WORK or not threads
            if is_free and found.spot is not None and self._cause(found) in leaks:
                self.session.panel.release(*found.spot, scope.ledger)


def _ruled(found: Found, ruling: Ruling) -> Found:
    evidence = found.evidence._replace(rounds=ruling.rounds)
    return found._replace(verdict=ruling.verdict, evidence=evidence, reason=ruling.reason)


def _failure(ending: Ending, expected: str) -> str:
    if ending.outcome == expected:
        return ""
    why = f" ({ending.words})" if ending.words else ""
    return f"not confirmed: it {expected}, and when it was repeated it {ending.outcome}{why}"


def _expected(reports: Sequence[pytest.TestReport]) -> str:
    """Return how a first run ended, in the words of a repetition."""
    if any(report.skipped and hasattr(report, "wasxfail") for report in reports):
        return "failed"
    return "skipped" if any(report.skipped for report in reports) else "passed"


def obstacle(item: Any, settings: Settings, reports: Sequence[pytest.TestReport]) -> str:
    """Return why a test is not repeated, "" where nothing is in the way."""
    if any(report.failed for report in reports):
        return "not repeated: the test failed"
    if settings.confirm == "never":
        return "not repeated: confirm is off"
    if item.config.getoption("trace", False):
        return "not repeated under --trace"
    took_s = sum(report.duration for report in reports)
    if settings.confirm == "auto" and took_s > settings.confirm_limit_s:
        return (
            f"not repeated: the test took {took_s:.0f} s, over the limit of {settings.confirm_limit_s:g} s "
            "(no_leaks_confirm_limit)"
        )
    return ""
