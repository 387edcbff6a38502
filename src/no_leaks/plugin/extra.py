"""Extra reports: what a wider fixture leaves is an error of its own, logged after the item in whose teardown it ended.

Private: an `assert` of pytest-xdist's worker (3.6 to 3.8), which hands on reports of the running item only.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Sequence
from typing import Any

import pytest

from .. import judge
from ..config import Settings
from ..errors import LeakWarning
from ..model import Leak
from . import outcome, sources, workers
from .apart import MARK, apart


class Reports:
    """Registered with the run time; keeps the reports of fixtures until the running item has been reported."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._waiting: list[pytest.TestReport] = []

    def add(self, source: sources.Source, leaks: Sequence[Leak], settings: Settings) -> None:
        """Make an error of a fixture's leaks, or warn of them, as the settings say."""
        failing = [leak for leak in leaks if judge.fails(leak, settings)]
        hard = [leak for leak in failing if not _softened(source, leak, judge.action_of(leak, settings))]
        if hard:
            from . import terminal  # loaded for a leak

            location = (source.file, source.line - 1, source.title)
            root = str(self._config.rootpath)
            shown = terminal.failure(hard, root, source.nodeid, source.file, source.line - 1)
            report = pytest.TestReport(source.nodeid, location, {}, "failed", shown, "teardown")
            setattr(report, MARK, source.nodeid)
            self._waiting.append(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Log what has come together while an item ran."""
        if self._waiting and workers.is_worker(self._config):
            for report in self._waiting:
                report.nodeid = nodeid
        self.log()

    def log(self) -> None:
        """Log what is waiting: also where the run was interrupted before the item could be reported."""
        reports, self._waiting = self._waiting, []
        for report in reports:
            with apart(self._config, report):
                self._config.hook.pytest_runtest_logreport(report=report)

    @pytest.hookimpl(wrapper=True)
    def pytest_report_to_serializable(self, report: object) -> Generator[None, dict[str, Any], dict[str, Any]]:
        """Give a report its own name back where it leaves the worker, which knows none but the running item's."""
        data = yield
        if data and hasattr(report, MARK):
            data["nodeid"] = getattr(report, MARK)
        return data


def _softened(source: sources.Source, leak: Leak, action: str) -> bool:
    """Warn or log instead of failing; False where that is not asked for, or the warning is made an error."""
    text = f"{source.title}: {leak.summary} ({leak.resource.type} {leak.resource.id})"
    if action == "log":
        outcome.logger.warning(text)
    elif action == "warn":
        try:
            warnings.warn_explicit(LeakWarning(text), None, filename=source.file, lineno=source.line)
        except LeakWarning:
            return False
    return action != "fail"
