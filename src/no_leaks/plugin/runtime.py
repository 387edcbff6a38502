"""The run time: listens while tests run, and hands each checked item, each wider fixture and the end of the run to who judges it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import pytest

from .. import origin, rules
from ..config import Settings
from ..model import Kind
from ..sensors import window
from ..session import Session
from . import (
    attempts,
    coroutines,
    extra,
    fixtures,
    options,
    ownership,
    phases,
    protocol,
    run,
    summary,
    workers,
)
from .loading import as_they_are


class Runtime:
    """Registered as a plugin while at least one test of the run is checked."""

    def __init__(self, config: pytest.Config, checked: Mapping[pytest.Item, Settings]) -> None:
        self.config = config
        self.checked = checked
        self.kinds: frozenset[Kind] = frozenset().union(*(settings.kinds for settings in checked.values()))
        self.session = Session(self.kinds, root=str(config.rootpath))
        if "memory" in self.session.panel.probes:
            from . import growing

            growing.set_budget(self.session, options.read(config).budget, len(checked))
        self.extra = extra.Reports(config)
        wider = fixtures.Wider(self.session, options.read(config), self.extra)
        self.owners = ownership.Fixtures(self.session, wider)
        self.attempts = attempts.Attempts(config, self.session, self.owners)
        self.protocol = protocol.Protocol(config, self.session, checked, self.attempts.steps)
        self.found: run.Run | None = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Listen while tests run; prove first that each kind is seen at all."""
        self._excuse_base_temp()
        origin.stops.update(phases.callers())
        self.session.start()
        self.protocol.install()
        window.install()
        try:
            with as_they_are():  # what only a leak needs is loaded for the first time
                self.session.prove(self.kinds)
            self.config.pluginmanager.register(self.extra, "no_leaks_fixtures")
            return (yield)
        finally:
            self.protocol.remove()
            self.owners.end_unchecked()
            self.owners.wider.forget()
            if self.session.is_here():
                self.extra.log()
                self._report()
            window.remove()
            self.session.stop()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Hear which item comes; whoever answers, pytest or another plugin, has its phases asked for by `attempts`."""
        if self.session.is_here():
            self.owners.end_unchecked()
            self.protocol.announce(item)
            self.owners.wider.item = item
            if item not in self.checked:
                self.session.forget()
                self.owners.begin_unchecked(item)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Generator[None, object, object]:
        """Let what a wider fixture makes be the fixture's; before the first fixture, arm the end of the test's scope."""
        if fixturedef is not self.owners.wider.repeated:
            self.attempts.arm(request._pyfuncitem)
        scope = self.attempts.scope
        if fixturedef.scope != "function" and self.session.is_here():
            return (yield from self.owners.around(fixturedef, request, scope))
        if scope is None or not coroutines.is_async(fixturedef):
            return (yield)
        with coroutines.own_fixture(fixturedef, request, scope.ledger):
            return (yield)

    @pytest.hookimpl(trylast=True)
    def pytest_fixture_post_finalizer(self, fixturedef: Any) -> None:
        """Judge a wider fixture once its last finalizer has run."""
        if fixturedef.scope != "function":
            self.owners.end(fixturedef, self.attempts.scope)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Arm a test without fixtures, and let a coroutine test run under its own scope whatever loop it runs on."""
        self.attempts.arm(item)
        self.attempts.own(item)

    def _excuse_base_temp(self) -> None:
        given = self.config.option.basetemp
        if given:
            rules.add_home(str(self.config.invocation_params.dir.joinpath(given)))

    def _report(self) -> None:
        """Write the reports, or hand what was found to the controller of pytest-xdist."""
        self.found = run.of(self.session, self.protocol.tests)
        if workers.is_worker(self.config):
            workers.hand_in(self.config, self.found)
        else:
            self.found = summary.close(self.config, self.found)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say at the end what was checked, what leaked and what it cost."""
        if self.found is not None:
            summary.write(terminalreporter, self.found)
