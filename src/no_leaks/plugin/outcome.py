"""Outcomes: a test that passed and leaked is failed, once; one that failed for its own reason keeps it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest

from .. import judge
from ..config import Settings
from ..errors import LeakWarning
from ..model import Leak
from . import terminal

logger = logging.getLogger("no_leaks")


def amend(item: pytest.Item, reports: Sequence[pytest.TestReport], leaks: Sequence[Leak], settings: Settings) -> None:
    """Write the leaks of a test into its reports, which have not been logged yet."""
    failing = [leak for leak in leaks if judge.fails(leak, settings)]
    if not failing or not reports:
        return
    root = str(item.config.rootpath)
    own = next((report for report in reports if report.failed or hasattr(report, "wasxfail") and report.skipped), None)
    if own is not None:
        own.sections.append(terminal.section(failing, root))
        return
    hard = [leak for leak in failing if judge.action_of(leak, settings) == "fail"]
    for leak in failing:
        if leak not in hard and not soften(item, leak, judge.action_of(leak, settings)):
            hard.append(leak)
    if hard:
        report = reports[1] if len(reports) > 1 and reports[1].when == "call" else reports[0]
        path, line = item.location[0], item.location[1] or 0
        report.outcome = "failed"
        report.longrepr = terminal.failure(hard, root, item.nodeid, path, line)
        if hasattr(report, "wasxfail"):
            del report.wasxfail


def soften(item: pytest.Item, leak: Leak, action: str) -> bool:
    """Warn or log instead of failing; False where the user's filters make the warning an error."""
    text = f"{item.nodeid}: {leak.summary} ({leak.resource.type} {leak.resource.id})"
    if action == "log":
        logger.warning(text)
        return True
    return warn(item, text)


def warn(item: pytest.Item, text: str) -> bool:
    """Warn at the item's place; False where the user's filters make the warning an error."""
    try:
        item.warn(LeakWarning(text))
    except Warning:
        return False
    return True


