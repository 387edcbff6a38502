"""Apart: the report of a wider fixture is no test's, in a process of its own as well as in the controller of pytest-xdist.

Private: `_progress_nodeids_reported` of pytest's terminal reporter and `lastfailed` of its "lfplugin", which both keep books
by test; where a release has neither, the progress counts one too many. pytest 8.0 to 9.2.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

MARK = "no_leaks_fixture"
"""The attribute of a report that names the fixture: it travels from worker to controller."""


class Apart:
    """In the controller of pytest-xdist: keeps the books of tests free of the fixtures that its workers report."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: object) -> Generator[None, object, object]:
        """Let a fixture's report pass by those books."""
        if not hasattr(report, MARK):
            return (yield)
        with apart(self._config, report):
            return (yield)


@contextmanager
def apart(config: pytest.Config, report: Any) -> Generator[None]:
    """Log a report as no test's: the progress does not count it, and `--lf` does not look for it later."""
    manager = config.pluginmanager
    reported: Any = getattr(manager.get_plugin("terminalreporter"), "_progress_nodeids_reported", None)
    failed: Any = getattr(manager.get_plugin("lfplugin"), "lastfailed", None)
    with ExitStack() as stack:
        if isinstance(reported, set) and reported:
            stack.callback(_restore, reported, set(reported))  # pyright: ignore[reportUnknownArgumentType]
            reported.pop()  # so that with the report, which is added, it is as many as before
        if isinstance(failed, dict):
            stack.callback(_drop, failed, report)  # pyright: ignore[reportUnknownArgumentType]
        yield


def _restore(reported: set[object], kept: Iterable[object]) -> None:
    reported.clear()
    reported.update(kept)


def _drop(failed: dict[object, bool], report: Any) -> None:
    failed.pop(getattr(report, "id", report.nodeid), None)  # `id`: from pytest 9.2 on
