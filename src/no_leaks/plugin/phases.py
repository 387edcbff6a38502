"""The phases of one item, with its reports held back until its leaks are known: the one file on pytest's private parts.

Private: `_pytest.runner.call_and_report`, `Item._request`, `_initrequest` and `funcargs`, as `_pytest.runner.runtestprotocol`
uses them; `Session._setupstate.stack`; `_pytest.tmpdir.tmppath_result_key`; unittest's `_excinfo`, doctest's `dtest`;
`FixtureManager._arg2fixturedefs`, `FixtureDef._finalizers`, `Function._instance` and `_obj`; the code of the functions in
`_CALLERS`. pytest 8.0 to 9.2.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator, Sequence
from types import CodeType
from typing import Any, NamedTuple, cast

import pytest

try:
    from _pytest.runner import call_and_report  # pyright: ignore[reportUnknownVariableType]  # its **kwds have no type
    from _pytest.tmpdir import tmppath_result_key
except ImportError as error:
    raise pytest.UsageError(
        f"pytest-no-leaks cannot check tests under pytest {pytest.__version__} ({error}); --no-leaks-off runs them unchecked"
    ) from error


Phase = Callable[..., pytest.TestReport]
"""Runs one phase of an item and reports on it."""
Steps = Generator[tuple[str, dict[str, Any]], pytest.TestReport, None]
"""An item's phases, asked for one by one: when, and what else `Phase` is to be told; it is sent the report."""
one: Phase = call_and_report  # pyright: ignore[reportUnknownVariableType]  # its **kwds have no type

_CALLERS = (
    ("python", "pytest_pyfunc_call"),
    ("fixtures", "call_fixture_func"),
    ("fixtures", "_teardown_yield_fixture"),
)
_NAMES = pytest.StashKey[dict[str, object]]()
_INSTANCES = ("_instance", "_testcase")
ENDS_THE_RUN = (pytest.exit.Exception, KeyboardInterrupt)


def _skips() -> tuple[type[BaseException], ...]:
    """Return what a test raises to be skipped; a suite that has never loaded unittest skips without it."""
    unittest = sys.modules.get("unittest")
    return (pytest.skip.Exception, *((unittest.SkipTest,) if unittest is not None else ()))


def callers() -> dict[str, CodeType]:
    """Return the code in which pytest calls tests and fixtures, by name; what a release does not have, it does not call."""
    found: dict[str, CodeType] = {}
    for module, name in _CALLERS:
        code = getattr(getattr(sys.modules.get(f"_pytest.{module}"), name, None), "__code__", None)
        if isinstance(code, CodeType):
            found[name] = code
    return found


def steps(item: Any, nextitem: pytest.Item | None, reports: list[pytest.TestReport]) -> Steps:
    """Ask for set-up, call and teardown; keep each report as it comes, so that an interruption loses none."""
    has_request = hasattr(item, "_request")
    if has_request and not item._request:
        item._initrequest()
    names: dict[str, object] | None = getattr(getattr(item, "dtest", None), "globs", None)
    if names is not None:
        item.stash[_NAMES] = names.copy()  # a doctest forgets them when it has run
    try:
        reports.append((yield "setup", {}))
        if reports[0].passed:
            option = item.config.option
            if getattr(option, "setupshow", False):
                _show(item)
            if not getattr(option, "setuponly", False):
                reports.append((yield "call", {}))
        if is_stopping(item, reports):
            nextitem = None
        reports.append((yield "teardown", {"nextitem": nextitem}))
    finally:
        if has_request:
            item._request = False
            item.funcargs = None


def is_stopping(item: Any, reports: Sequence[pytest.TestReport]) -> bool:
    """Whether the session ends after this item: pytest then tears down every fixture in it, errors and all."""
    session = item.session
    if session.shouldfail or session.shouldstop:
        return True
    failed = sum(report.failed and not hasattr(report, "wasxfail") for report in reports)
    most = item.config.getvalue("maxfail") if failed else 0
    return bool(most and session.testsfailed + failed >= most)


class Held:
    """The collectors of an item, kept set up although its teardown is about to reach them: its repetitions need them."""

    def __init__(self, item: Any) -> None:
        """Take them out of sight; called by a finalizer of the item, when the item itself has left the stack."""
        self._item = item
        self._stack: dict[Any, Any] = item.session._setupstate.stack
        self._kept = dict(self._stack)
        self._stack.clear()

    def put_back(self) -> None:
        """Let them be seen again."""
        self._stack.update(self._kept)

    def let_go(self, nextitem: pytest.Item | None, reports: list[pytest.TestReport]) -> None:
        """Tear down what the next item does not need, as the item's own teardown would have; its errors are reported."""
        item = self._item
        after = None if is_stopping(item, reports) else nextitem
        capture = item.config.pluginmanager.getplugin("capturemanager")

        def tear_down() -> None:
            with capture.item_capture("teardown", item) if capture is not None else contextlib.nullcontext():
                item.session._setupstate.teardown_exact(after)

        heard = len(item._report_sections)
        call = _called(tear_down, "teardown")
        if call.excinfo is None:
            sections = item._report_sections[heard:]
            reports[-1].sections += [(f"Captured {key} {when}", content) for when, key, content in sections]
            return
        report: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
        reports[-1:] = [report] if reports[-1].passed else [reports[-1], report]


def let_go(item: Any) -> None:
    """Let go of what pytest would in a moment: the values of a test's own fixtures, and the instance of its class.

    Called by a finalizer of the item, after its fixtures were torn down; a repetition makes all of it anew.
    """
    values: dict[str, object] | None = getattr(item, "funcargs", None)
    if values:
        values.clear()
    if isinstance(item.parent, pytest.Class):
        own = cast("dict[str, object]", vars(item))
        kept = [name for name in _INSTANCES if own.get(name) is not None]
        for name in (*kept, "_obj") if kept else ():
            setattr(item, name, None)


class Ending(NamedTuple):
    """How a run of an item ended: "passed", "skipped" or "failed", and the last line of what it raised."""

    outcome: str
    words: str = ""


def again(item: Any) -> Ending:
    """Run an item's phases once more, without reports."""
    has_request = hasattr(item, "_request")
    if has_request:
        item._initrequest()
    if getattr(item, "_instance", item) is None:
        del item._instance  # pytest 8.2 leaves None there, which it would then take for the test case
    if _NAMES in item.stash:
        item.dtest.globs.update(item.stash[_NAMES])
    hook = item.ihook
    finalizers = _wider_finalizers(item)
    try:
        ending = _ending(item, lambda: hook.pytest_runtest_setup(item=item), "setup")
        if ending.outcome == "passed":
            ending = _ending(item, lambda: hook.pytest_runtest_call(item=item), "call")
        # tmp_path's teardown asks for what the reports of the phases would have left.
        item.stash.setdefault(tmppath_result_key, {})
        # The parent as next item: its function's own fixtures are torn down, and no wider one.
        end = _ending(item, lambda: hook.pytest_runtest_teardown(item=item, nextitem=item.parent), "teardown")
        return end if end.outcome == "failed" else ending
    finally:
        if has_request:
            item._request = False
            item.funcargs = None
        for known, length in finalizers:
            known[length:] = [one for one in known[length:] if not _is_over(one)]


def _wider_finalizers(item: Any) -> list[tuple[list[Any], int]]:
    """Return the finalizers of the wider fixtures, and how many there are."""
    manager = getattr(item.session, "_fixturemanager", None)
    known: dict[str, Any] = getattr(manager, "_arg2fixturedefs", {})
    wider = [one for defs in known.values() for one in defs if one.scope != "function"]
    return [(one._finalizers, len(one._finalizers)) for one in wider if one._finalizers]


def _is_over(finalizer: Any) -> bool:
    """Whether it ends a test's own fixture, which has ended: such only pile up until the wider one ends. All others are the test's."""
    owner = getattr(getattr(finalizer, "func", None), "__self__", None)
    return isinstance(owner, pytest.FixtureDef) and owner.scope == "function"


def _called(phase: Callable[[], object], when: Any) -> pytest.CallInfo[object]:
    made: Any = pytest.CallInfo  # it is generic in what the phase returns, and does not say so
    call: pytest.CallInfo[object] = made.from_call(phase, when, reraise=ENDS_THE_RUN)
    return call


def _ending(item: Any, phase: Callable[[], object], when: Any) -> Ending:
    call = _called(phase, when)
    raised: list[pytest.ExceptionInfo[BaseException]] = [call.excinfo] if call.excinfo is not None else []
    recorded: list[Any] = getattr(item, "_excinfo", None) or []  # unittest's: what its result was told of
    raised += recorded
    recorded.clear()
    if not raised:
        return Ending("passed")
    skipped = all(isinstance(one.value, _skips()) for one in raised)
    return Ending("skipped" if skipped else "failed", raised[-1].exconly(tryshort=True).partition("\n")[0])


def _show(item: Any) -> None:
    """Print the item amid its fixtures, for --setup-show, in pytest's own words."""
    writer = item.config.get_terminal_writer()
    used = ", ".join(sorted(getattr(item, "fixturenames", [])))
    writer.line()
    writer.write(f"        {item.nodeid}{f' (fixtures used: {used})' if used else ''} ")
    writer.flush()
