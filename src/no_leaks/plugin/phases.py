"""The phases of one item, with its reports held back until its leaks are known: the one file on pytest's private parts.

Private: `_pytest.runner.call_and_report`, `Item._request`, `_initrequest` and `funcargs`, as `_pytest.runner.runtestprotocol`
uses them; the code of the functions in `_CALLERS`. pytest 8.0 to 9.2.
"""

from __future__ import annotations

import sys
from types import CodeType
from typing import Any

import pytest

try:
    from _pytest.runner import call_and_report  # pyright: ignore[reportUnknownVariableType]  # its **kwds have no type
except ImportError as error:
    raise pytest.UsageError(
        f"pytest-no-leaks cannot check tests under pytest {pytest.__version__} ({error}); --no-leaks-off runs them unchecked"
    ) from error


_CALLERS = (
    ("python", "pytest_pyfunc_call"),
    ("fixtures", "call_fixture_func"),
    ("fixtures", "_teardown_yield_fixture"),
)


def callers() -> dict[str, CodeType]:
    """Return the code in which pytest calls tests and fixtures, by name; what a release does not have, it does not call."""
    found: dict[str, CodeType] = {}
    for module, name in _CALLERS:
        code = getattr(getattr(sys.modules.get(f"_pytest.{module}"), name, None), "__code__", None)
        if isinstance(code, CodeType):
            found[name] = code
    return found


def run(item: Any, nextitem: pytest.Item | None, reports: list[pytest.TestReport]) -> None:
    """Run set-up, call and teardown; append each report as it is made, so that an interruption loses none."""
    has_request = hasattr(item, "_request")
    if has_request and not item._request:
        item._initrequest()
    try:
        reports.append(call_and_report(item, "setup", log=False))
        if reports[0].passed:
            if item.config.getoption("setupshow", False):
                _show(item)
            if not item.config.getoption("setuponly", False):
                reports.append(call_and_report(item, "call", log=False))
        if is_stopping(item, reports):
            nextitem = None
        reports.append(call_and_report(item, "teardown", log=False, nextitem=nextitem))
    finally:
        if has_request:
            item._request = False
            item.funcargs = None


def is_stopping(item: Any, reports: list[pytest.TestReport]) -> bool:
    """Whether the session ends after this item: pytest then tears down every fixture in it, errors and all."""
    session = item.session
    failed = sum(report.failed and not hasattr(report, "wasxfail") for report in reports)
    most = item.config.getvalue("maxfail")
    return bool(session.shouldfail or session.shouldstop or (failed and most and session.testsfailed + failed >= most))


def _show(item: Any) -> None:
    """Print the item amid its fixtures, for --setup-show, in pytest's own words."""
    writer = item.config.get_terminal_writer()
    used = ", ".join(sorted(getattr(item, "fixturenames", [])))
    writer.line()
    writer.write(f"        {item.nodeid}{f' (fixtures used: {used})' if used else ''} ")
    writer.flush()
