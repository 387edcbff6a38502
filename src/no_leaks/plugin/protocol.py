"""The protocol: whoever runs an item, pytest or a plugin that runs it by itself, asks here for its phases, and has them checked.

Private: `_pytest.runner.runtestprotocol`: pytest's own protocol calls it, and plugins that run an item several times or
elsewhere (pytest-rerunfailures, pytest-forked) import it by name; `call_and_report`, for which flaky puts its own;
`Session.gethookproxy`, from which an item has its hooks. The same in pytest 8.0 to 9.2.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, cast

import pytest
from _pytest import runner

from .. import faults, ledger
from ..config import Settings
from ..model import Leak
from ..session import Session
from ..words import count
from . import neighbours, phases, workers

Reports = list[pytest.TestReport]
Run = Callable[[pytest.Item, "pytest.Item | None", Settings, Reports], phases.Steps]

_NAME = "runtestprotocol"
_at_work: list[Protocol] = []
"""Those whose run is under way, innermost last: a test of a plugin runs pytest inside pytest."""

if not hasattr(runner, _NAME):
    raise pytest.UsageError(
        f"pytest-no-leaks cannot check tests under pytest {pytest.__version__} "
        f"(it has no _pytest.runner.{_NAME}); --no-leaks-off runs them unchecked"
    )
_plain: Callable[..., Reports] = runner.runtestprotocol


class NotChecked(Exception):
    """Noted where another plugin runs tests without asking for their phases, so that nobody could look at them."""


class Protocol:
    """Which items of a run are checked, and by what; it answers from `install` to `remove`."""

    def __init__(
        self, config: pytest.Config, session: Session, checked: Mapping[pytest.Item, Settings], run: Run
    ) -> None:
        self.tests = 0
        """How many items came, checked or not."""
        self._config = config
        self._session = session
        self._mail = workers.Mail(session) if workers.is_worker(config) else None
        self._checked = checked
        self._run = run
        self._due: pytest.Item | None = None
        """Announced, and not run so far."""
        self._missed = 0
        self._is_running = False
        self._last: pytest.Item | None = None
        self._left: list[Leak] = []
        """What the attempts at the last item left."""
        self._unlogged: Reports = []
        """What another plugin has not logged, although it ran the phase."""

    def install(self) -> None:
        """Stand where the phases of an item are asked for."""
        _at_work.append(self)
        ledger.set_depth(len(_at_work))
        _replace(_plain, dispatch)

    def remove(self) -> None:
        """Step back, and say which tests were never asked for."""
        _at_work.remove(self)
        ledger.set_depth(len(_at_work))
        if not _at_work:
            _replace(dispatch, _plain)
        self._count_missed()
        others = ", ".join(sorted(other_protocols(self._config)))
        if self._missed and others and self._session.is_here():
            faults.note(
                count(self._missed, "test"), NotChecked(f"run by {others} in a way that nobody else can look at")
            )

    def announce(self, item: pytest.Item) -> None:
        """Hear which item comes next; one that was announced before and has not run by now was run elsewhere."""
        self.tests += 1
        self._count_missed()
        self._due = item if item in self._checked else None

    def _count_missed(self) -> None:
        self._missed += self._due is not None

    def takes(self, item: pytest.Item) -> bool:
        """Whether an item is one of this run's that are checked; none is in a forked child."""
        return item in self._checked and self._session.is_here()

    def stops_at(self, item: pytest.Item) -> bool:
        """Whether the run has to stop: another item is under way, in a thread beside this one's."""
        if self._is_running:
            self._due = None
            item.session.shouldstop = neighbours.AT_ONCE
        return self._is_running

    def steps(self, item: pytest.Item, nextitem: pytest.Item | None, log: bool, reports: Reports) -> phases.Steps:
        """Ask for the phases of one attempt at an item; a further one takes the place of the one before it."""
        session, self._due = self._session, None
        self._is_running = True
        known, checked = len(session.leaks), session.checked
        try:
            yield from self._run(item, nextitem, self._checked[item], reports)
        finally:
            self._is_running = False
            if self._mail is not None and reports:
                self._mail.send(reports, self.tests)
            if log:
                self._log(item, reports)
        left = session.leaks[known:]
        if item is self._last:
            session.supersede(self._left, left)
            session.checked = checked
            left = [*self._left, *left]
        self._last, self._left = item, left

    @property
    def phase(self) -> phases.Phase:
        """What runs a phase of an item: pytest, or what another plugin has put in its place."""
        theirs: phases.Phase = vars(runner)["call_and_report"]
        return theirs if theirs is phases.one else functools.partial(self._phase, theirs)

    def _phase(self, theirs: phases.Phase, item: Any, when: str, *, log: bool, **more: Any) -> pytest.TestReport:
        """Run a phase by another plugin, which decides whether its report is logged (flaky's failed tries are not)."""
        logged: Reports = []
        with _overheard(item.session, logged):
            report = theirs(item, when, log=True, **more)
        for other in logged:
            if other is not report:
                item.ihook.pytest_runtest_logreport(report=other)
        if not any(other is report for other in logged):
            self._unlogged.append(report)
        return report

    def _log(self, item: pytest.Item, reports: Reports) -> None:
        unlogged, self._unlogged = self._unlogged, []
        hear = item.ihook.pytest_runtest_logreport
        for report in reports:
            if not any(report is other for other in unlogged):
                hear(report=report)


def dispatch(item: Any, log: bool = True, nextitem: pytest.Item | None = None) -> Reports:
    """Stand in for pytest's `runtestprotocol`: run an item under its scope, or as pytest does where nobody checks it."""
    for protocol in reversed(_at_work):
        if protocol.takes(item):
            if protocol.stops_at(item):
                break
            reports: Reports = []
            drive(protocol.steps(item, nextitem, log, reports), item, protocol.phase)
            return reports
    return _plain(item, log=log, nextitem=nextitem)


def drive(steps: phases.Steps, item: pytest.Item, phase: phases.Phase) -> None:
    """Run the phases that are asked for, each straight from here.

    Whoever asks is no frame of the test's stack then: a loop in debug mode formats all of that for each callback.
    """
    try:
        when, more = next(steps)
        while True:
            try:
                report = phase(item, when, log=False, **more)
            except (
                BaseException
            ) as error:  # the end of the run, or the fault of a hook: whoever asks puts things in order
                when, more = steps.throw(error)
            else:
                when, more = steps.send(report)
    except StopIteration:
        pass
    finally:
        steps.close()


def other_protocols(config: pytest.Config) -> Iterator[str]:
    """Yield the names of the plugins, not pytest's and ours, that may run an item by themselves."""
    for one in config.hook.pytest_runtest_protocol.get_hookimpls():
        own = one.function.__module__.partition(".")[0] in ("_pytest", __name__.partition(".")[0])
        if not (own or one.wrapper or one.hookwrapper):
            yield one.plugin_name


class _Overhearing:
    """The hooks of an item, but for one: what would be logged is kept."""

    def __init__(self, hooks: Any, logged: Reports) -> None:
        self._hooks = hooks
        self._logged = logged

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hooks, name)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._logged.append(report)


@contextmanager
def _overheard(session: Any, logged: Reports) -> Generator[None]:
    """Keep what is logged by way of an item's hooks."""
    real: Callable[[Any], Any] = session.gethookproxy

    def overhearing(path: Any) -> _Overhearing:
        return _Overhearing(real(path), logged)

    session.gethookproxy = overhearing
    try:
        yield
    finally:
        del session.gethookproxy


def _replace(old: Callable[..., Reports], new: Callable[..., Reports]) -> None:
    """Put one function for another, in `_pytest.runner` and wherever it was imported by name."""
    for module in tuple(cast("Mapping[str, object]", sys.modules).values()):
        if _contents(module).get(_NAME) is old:
            setattr(module, _NAME, new)


def _contents(module: object) -> Mapping[str, object]:
    """Return what a module holds, without asking it: one that loads itself when first used would, and cffi's only pretend."""
    is_module = issubclass(type(module), ModuleType)
    contents: Mapping[str, object] = vars(ModuleType)["__dict__"].__get__(module) if is_module else {}
    return contents
