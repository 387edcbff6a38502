"""Loaded into each run as a pytest plugin: writes what became of each test and what the tests cost, with or without no-leaks."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

RESULT = Path(os.environ.pop("OPEN_SUITES_RESULT"))
WITHOUT = frozenset(json.loads(os.environ.pop("OPEN_SUITES_WITHOUT")))
"""Tests that are left out, by exact name: `--deselect` takes a beginning."""
OWNER = os.getpid()

phases: dict[str, list[str]] = {}
messages: dict[str, str] = {}
started: list[float] = []
spent: list[float] = []


def processor_s() -> float:
    """Return the processor's time of this process and of the children that it has waited for."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what is not to run."""
    items[:] = [item for item in items if item.nodeid not in WITHOUT]


def pytest_runtest_logstart() -> None:
    """From the first test on: what is done once for a whole run is start-up."""
    if not started:
        started.append(processor_s())


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop() -> Generator[None, object, object]:
    """Take the processor's time of the tests alone."""
    result = yield
    spent.append(processor_s() - started[0] if started else 0.0)
    return result


def pytest_runtest_logreport(report: Any) -> None:
    """Note what is not simply passed; a leak that fails a test is told from any other failure."""
    notes = phases.setdefault(report.nodeid, [])
    if hasattr(report, "wasxfail"):
        notes.append("xpassed" if report.passed else "xfailed")
    elif report.skipped:
        notes.append("skipped")
    elif report.failed:
        leaked = type(report.longrepr).__module__.startswith("no_leaks.")
        crash = getattr(getattr(report.longrepr, "reprcrash", None), "message", "") or str(report.longrepr)
        leaked = leaked or crash.startswith("no_leaks.errors.LeakError")
        notes.append("leaked" if leaked else f"{report.when} failed")
        messages[report.nodeid] = crash[:500]


def pytest_sessionfinish() -> None:
    """Write it; a forked child that ends its session by mistake writes nothing."""
    if os.getpid() == OWNER:
        outcomes = {test: " + ".join(notes) or "passed" for test, notes in phases.items()}
        content = {"outcomes": outcomes, "messages": messages, "tests_s": spent[0] if spent else 0.0}
        RESULT.write_text(json.dumps(content), encoding="utf-8")
