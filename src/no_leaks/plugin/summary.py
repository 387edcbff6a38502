"""The end of the run: the reports that were asked for are written, and the terminal says what was checked."""

from __future__ import annotations

from typing import Any

import pytest

from .. import faults
from ..session import Session
from . import options, totals


def close(config: pytest.Config, session: Session, tests: int) -> None:
    """Write each report; one that cannot be written is said, and nothing else is lost."""
    if not session.is_here():
        return
    session.leaks += session.late()
    for format_name, path in options.report_targets(config):
        assert format_name == "json"
        from ..reporters import json_

        document = json_.document(
            session.leaks,
            tests=tests,
            checked=session.checked,
            canary=session.canary,
            overhead_s=session.spent_ns / 1e9,
            faults=faults.noted(),
        )
        try:
            json_.write(path, document)
        except OSError as error:
            faults.note(f"report {path}", error)


def write(terminalreporter: Any, session: Session, tests: int) -> None:
    """Print the summary of the run: one line where there is nothing to say."""
    noted = totals.broken_parts(session.canary)
    if session.leaks or noted or session.strays():
        from . import terminal

        terminal.write_summary(terminalreporter, session, tests)
    else:
        line = totals.summary_line(totals.of(()), tests, session.checked, session.spent_ns / 1e9, noted)
        terminalreporter.write_line(line)
