"""Attempts: one run of a checked item at a time, its scope opened, settled inside its own teardown, repeated and judged."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import TYPE_CHECKING

import pytest

from .. import faults
from ..config import Settings
from ..errors import SettingError
from ..ledger import Ledger
from ..model import Owner
from ..scope import Scope
from ..sensors import window
from ..session import Session
from ..settle import run as wait_out
from . import markers, outcome, ownership, phases

if TYPE_CHECKING:
    from .repetition import Repetition, Round


class Attempts:
    """The item that runs, if it is checked; `scope` is None between items, and once its verdict is given."""

    def __init__(self, config: pytest.Config, session: Session, owners: ownership.Fixtures) -> None:
        self.config = config
        self.session = session
        self.owners = owners
        self.scope: Scope | None = None
        self._armed = False
        self._closed: tuple[str, ...] = ()
        self._item: pytest.Item | None = None
        self._reports: list[pytest.TestReport] = []
        self._held: phases.Held | None = None
        """The wider fixtures of an item whose repetition is due."""
        self._given_back: Callable[[], None] | None = None
        """Puts the function of a coroutine test back, as it was."""

    def steps(
        self, item: pytest.Item, nextitem: pytest.Item | None, settings: Settings, reports: list[pytest.TestReport]
    ) -> phases.Steps:
        """Ask for the phases of one run of an item; its reports are held back until its leaks are known."""
        self._item, self._reports = item, reports
        self._guarded(self._open, item, settings)
        try:
            yield from phases.steps(item, nextitem, reports)
            if self._held is not None:
                self._repeat(self._held, item, nextitem, reports)
            self._guarded(self._close, item, reports)
            if nextitem is not None and any(report.failed for report in reports):
                self._end_early(item, reports)
        finally:
            self._abandon()
            self._give_back()

    def _end_early(self, item: pytest.Item, reports: list[pytest.TestReport]) -> None:
        """Tear down all wider fixtures where the run stops at this failure: pytest would, when nobody looks any more."""
        if phases.is_stopping(item, reports):
            held = phases.Held(item)
            held.put_back()
            held.let_go(None, reports)

    def _repeat(
        self, held: phases.Held, item: pytest.Item, nextitem: pytest.Item | None, reports: list[pytest.TestReport]
    ) -> None:
        """Tell a leak from something made once; then tear down the wider fixtures that had to wait for that."""
        held.put_back()
        try:
            self._confirm(item, reports)
        except phases.ENDS_THE_RUN:  # what the first run has shown is not lost
            self._guarded(self._close, item, reports)
            raise
        except Exception as error:
            faults.note("repetition", error)
        finally:
            self._held = None
        held.let_go(nextitem, reports)

    def _confirm(self, item: pytest.Item, reports: list[pytest.TestReport]) -> None:
        assert self.scope is not None  # it was held for this
        start, closed = perf_counter_ns(), self._closed
        self._repetition(self.scope).settle(item, reports, self._again)
        self._closed = closed
        self.session.spent_ns += perf_counter_ns() - start

    def _repetition(self, scope: Scope) -> Repetition:
        from .repetition import Repetition  # loaded for a suspicion

        return Repetition(self.session, scope)

    def _again(self, item: pytest.Item) -> Round:
        """Run the item once more in a scope of its own."""
        from .. import confirm

        first, spent_ns = self.scope, self.session.spent_ns
        assert first is not None
        self._give_back()
        kinds = first.settings.kinds - {"memory"}  # it is counted over all repetitions, and not in each
        self._open(item, first.settings._replace(kinds=kinds, grace_s=first.settings.grace_s * confirm.PATIENCE))
        scope = self.scope
        assert scope is not None
        try:
            ending = phases.again(item)
            self._look()
            return ending, scope
        finally:
            self._give_back()
            self.owners.wider.keep_apart(scope)
            self.session.drop(scope)
            self.scope, self.session.spent_ns = first, spent_ns

    def _give_back(self) -> None:
        """Give a coroutine test its own function back."""
        if self._given_back is not None:
            self._given_back()
            self._given_back = None

    def own(self, item: pytest.Item) -> None:
        """Let a coroutine test run under its own scope, whatever loop it runs on."""
        if self.scope is not None:
            self._guarded(self._own, item, self.scope.ledger)

    def _own(self, item: pytest.Item, ledger: Ledger) -> None:
        self._given_back = ownership.own_coroutine(item, ledger)

    def arm(self, item: pytest.Item) -> None:
        """Have the scope looked at after the item's last finalizer and before those of wider nodes."""
        if self.scope is not None and not self._armed:
            self._armed = True
            self._guarded(item.addfinalizer, self._settle)

    def _arm_late(self, item: pytest.Item) -> None:
        """Under --pdb, have the scope looked at later still: a unittest's tearDown then waits for the item's teardown."""
        teardown = item.teardown

        def torn_down() -> None:
            teardown()
            self._settle()

        item.teardown = torn_down  # type: ignore[method-assign]

    def _open(self, item: pytest.Item, settings: Settings) -> None:
        start = perf_counter_ns()
        self._armed, self._closed = bool(self.config.getoption("usepdb", False)), ()
        if self._armed:
            self._arm_late(item)
        if self.owners.changed:
            self.session.forget()
            self.owners.changed = False
        window.shut()
        self.scope = self.session.open(Owner("function", test=item.nodeid), settings)
        self.owners.remember(self.scope)
        self.session.spent_ns += perf_counter_ns() - start

    def _settle(self) -> None:
        self._guarded(self._look)
        self._guarded(self._hold)

    def _hold(self) -> None:
        """Keep the wider fixtures, which pytest may be about to tear down, if the item is to be repeated."""
        if self.scope is not None and self.scope.left and self._held is None:
            is_due = self._repetition(self.scope).is_due(self._reports)
            self._held = phases.Held(self._item) if is_due else None

    def _look(self) -> None:
        scope = self.scope
        if scope is not None and scope.left is None:
            start = perf_counter_ns()
            if scope.ledger.watched or "cycles" in scope.settings.kinds:
                phases.let_go(self._item)
            if not scope.is_clean():
                self.owners.wider.claim(scope)
                wait_out(scope.settle())
            if scope.foreign:
                self._closed = tuple(self.owners.closed_by_others(scope))
            self.session.spent_ns += perf_counter_ns() - start

    def _close(self, item: pytest.Item, reports: list[pytest.TestReport]) -> None:
        scope = self.scope
        if scope is None or not self.session.is_here():
            return
        self._look()
        start = perf_counter_ns()
        wrong: list[Exception] = []
        if scope.left:
            self._repetition(scope).close(item, reports)
            try:
                scope.settings = markers.settings_of(item, scope.settings)
            except SettingError as error:  # of a marker that the test has just added
                wrong.append(error)
        for words in self._closed:
            refused = outcome.warn(item, f"{item.nodeid} closed {words}, which it did not open")
            wrong += [refused] if refused is not None else []
        self.owners.wider.keep_apart(scope)
        leaks = self.session.conclude(scope)
        self.scope = None
        outcome.amend(item, reports, leaks, scope.settings)
        outcome.add_errors(reports, wrong)
        self.session.spent_ns += perf_counter_ns() - start

    def _abandon(self) -> None:
        """End a scope that could not be closed: the run was interrupted, or we failed; nothing is known of its leaks."""
        scope, self.scope = self.scope, None
        if scope is not None:
            self.session.forget()
            scope.end()

    def _guarded(self, call: Callable[..., None], *args: object) -> None:
        """Our own fault never breaks the user's test: it is noted, and the summary says so."""
        try:
            call(*args)
        except Exception as error:
            faults.note("plugin", error)
            self._abandon()
