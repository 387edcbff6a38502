"""The end of the run: the reports that were asked for are written, and the terminal says what was checked."""

from __future__ import annotations

from typing import Any

import pytest

from .. import faults
from . import options, totals
from .run import Run


def close(config: pytest.Config, run: Run) -> Run:
    """Write each report; one that cannot be written becomes a fault of the run, and nothing else is lost."""
    failed: dict[str, str] = {}
    for format_name, path in options.report_targets(config):
        assert format_name == "json"
        from ..reporters import json_  # loaded where a report is asked for

        document = json_.document(
            run.leaks,
            tests=run.tests,
            checked=run.checked,
            canary=run.canary or {},
            overhead_s=run.spent_ns / 1e9,
            faults=run.faults,
            grown=run.grown,
        )
        try:
            json_.write(path, document)
        except OSError as error:
            failed[f"report {path}"] = f"{type(error).__name__}: {faults.words(error)}"
    return run._replace(faults={**(run.faults or {}), **failed}) if failed else run


def write(terminalreporter: Any, run: Run) -> None:
    """Print the summary of the run: one line where there is nothing to say."""
    noted = totals.broken_parts(run.canary or {}, run.faults or {})
    if run.leaks or noted or run.unattributed:
        from . import terminal  # loaded for a leak

        terminal.write_summary(terminalreporter, run)
    else:
        terminalreporter.write_line(
            totals.summary_line(totals.of(()), run.tests, run.checked, run.spent_ns / 1e9, noted, len(run.grown))
        )
