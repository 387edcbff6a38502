"""Outcomes: a test that passed and leaked is failed, once; one that failed for its own reason keeps it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import pytest

from .. import judge
from ..config import Settings
from ..errors import LeakWarning
from ..model import Leak

logger = logging.getLogger("no_leaks")


def amend(item: pytest.Item, reports: Sequence[pytest.TestReport], leaks: Sequence[Leak], settings: Settings) -> None:
    """Write the leaks of a test into its reports, which have not been logged yet."""
    failing = [leak for leak in leaks if judge.fails(leak, settings)]
    if not failing or not reports:
        return
    from . import terminal  # loaded for a leak

    root = str(item.config.rootpath)
    own = _own_failure(reports)
    if own is not None:
        own.sections.append(terminal.section(failing, root))
        return
    hard = [leak for leak in failing if judge.action_of(leak, settings) == "fail"]
    for leak in failing:
        if leak not in hard and not soften(item, leak, judge.action_of(leak, settings)):
            hard.append(leak)
    if hard:
        path, line = item.location[0], item.location[1] or 0
        _failed(reports).longrepr = terminal.failure(hard, root, item.nodeid, path, line)


def add_errors(reports: Sequence[pytest.TestReport], errors: Iterable[Exception]) -> None:
    """Fail a test by what is wrong beside its leaks; one that has failed already gets it as a section."""
    for error in errors:
        own = _own_failure(reports)
        if own is not None:
            own.sections.append(("leaks", str(error)))
        else:
            shown = pytest.ExceptionInfo[Exception].from_exception(error)
            _failed(reports).longrepr = shown.getrepr(style="value")


def soften(item: pytest.Item, leak: Leak, action: str) -> bool:
    """Warn or log instead of failing; False where the user's filters make the warning an error."""
    text = f"{item.nodeid}: {leak.summary} ({leak.resource.type} {leak.resource.id})"
    if action == "log":
        logger.warning(text)
        return True
    return warn(item, text) is None


def warn(item: pytest.Item, text: str) -> Exception | None:
    """Warn at the item's place; return the warning where the user's filters make it an error."""
    try:
        item.warn(LeakWarning(text))
    except LeakWarning as error:
        return error
    return None


def _own_failure(reports: Sequence[pytest.TestReport]) -> pytest.TestReport | None:
    """Return the report that says that the test failed, or failed as it was expected to."""
    return next(
        (report for report in reports if report.failed or (hasattr(report, "wasxfail") and report.skipped)), None
    )


def _failed(reports: Sequence[pytest.TestReport]) -> pytest.TestReport:
    """Mark the report of the test's body, or of its set-up if it had none, as failed."""
    report = reports[1] if len(reports) > 1 and reports[1].when == "call" else reports[0]
    report.outcome = "failed"
    if hasattr(report, "wasxfail"):
        del report.wasxfail
    return report
