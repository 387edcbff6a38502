"""Wider fixtures: each has a scope of its own, open in its set-up and its teardown, and is judged when that ends."""

from __future__ import annotations

import functools
import math
import threading
import time
from collections.abc import Callable, Generator
from time import perf_counter_ns
from typing import Any, ParamSpec, TypeVar

import pytest

from .. import faults
from ..config import Settings
from ..errors import SettingError
from ..ledger import Ledger, enter, hand_over, leave
from ..model import Owner, Snapshot, Spot
from ..probes.panel import CARRIED, TAKEN
from ..scope import Scope
from ..session import Session
from ..settle import run as wait_out
from . import again, coroutines, extra, markers, phases, sources
from .wide import Wide, born, look_of, spots

P = ParamSpec("P")
R = TypeVar("R")


class Wider:
    """The wider fixtures that are set up, and the verdict on each that ends."""

    def __init__(self, session: Session, base: Settings, reports: extra.Reports) -> None:
        self._session = session
        self._base = base
        self._reports = reports
        self._living: dict[int, Wide] = {}
        self._under_way: list[Scope] = []
        self.repeated: object = None
        """The fixture that is being set up and torn down once more."""
        self.item: pytest.Item | None = None
        """The item that runs, in whose teardown fixtures end."""

    def set_up(self, fixturedef: Any, request: Any, test: Scope | None) -> Generator[None, object, object]:
        """Run a wider fixture's set-up in a scope of its own; what appears meanwhile is no test's and no other fixture's."""
        wide = self._guarded(self._begin, fixturedef, request, test)
        if wide is None:
            return (yield)
        wide.failed, start = True, perf_counter_ns()
        try:
            with coroutines.own_fixture(fixturedef, request, wide.scope.ledger):
                result = yield
            wide.failed = False
            return result
        finally:
            wide.took_s = (perf_counter_ns() - start) / 1e9
            self._guarded(self._done, wide)
            self._guarded(fixturedef.addfinalizer, functools.partial(self._guarded, self._resume, wide))

    def end(self, fixturedef: Any, test: Scope | None) -> bool:
        """Judge a wider fixture after its last finalizer; False for one that was not set up before our eyes."""
        if fixturedef is self.repeated or not self._session.is_here():
            return False
        wide = self._living.pop(id(fixturedef), None)
        if wide is None:
            return False
        if wide.scope.ledger.watched:
            self._let_go(fixturedef)
        self._guarded(self._judge, wide, test, lambda: self._once_more(fixturedef, wide.request))
        if not wide.scope.ledger.ended:
            wide.scope.end()
        return True

    def descriptors_of(self, fixturedef: Any) -> Snapshot:
        """Return the descriptors that a wider fixture has made."""
        wide = self._living.get(id(fixturedef))
        return frozenset(ident for name, ident in (wide.made if wide else ()) if name == "descriptors")

    def claim(self, test: Scope) -> None:
        """Take over what a test has had made by a fixture's own factory: the fixture closes it, and answers for it."""
        for wide in self._living.values():
            for record in [record for record in test.ledger.records if wide.wrote(record.stack)]:
                test.ledger.records.remove(record)
                wide.scope.ledger.records.append(record)
                made = record.ref() if record.ref is not None else None
                if isinstance(made, threading.Thread):
                    hand_over(made, wide.scope.ledger)

    def keep_apart(self, test: Scope) -> None:
        """Take note of what a test is about to leave open: no fixture is to answer for it, whatever it is named."""
        if self._living and test.after != test.before:
            new = spots(born(test.after, test.before))
            self._keep_from_others({spot for spot in new if self._session.panel.describe(*spot, test.ledger)})

    def keep_apart_unchecked(self, book: Ledger) -> None:
        """Do the same for a test that nobody checks: there is only its ledger to tell what it has left."""
        for wide in self._living.values() if book.records else ():
            new = set(spots(born(self._look(wide), wide.scope.before))) - wide.made
            sightings = {spot: self._session.panel.describe(*spot, book) for spot in new}
            wide.foreign.update(spot for spot, seen in sightings.items() if seen and (seen.stack or seen.places))

    def forget(self) -> None:
        """The run is over, or was interrupted: what is torn down from now on is not judged."""
        for wide in self._living.values():
            wide.scope.end()
        self._living.clear()

    def _let_go(self, fixturedef: Any) -> None:
        """Let go of a fixture's value, which pytest would when we have answered: it may be watched."""
        fixturedef.cached_result = None
        if self.item is not None:
            phases.let_go(self.item)

    def _begin(self, fixturedef: Any, request: Any, test: Scope | None) -> Wide:
        session, node = self._session, request.node
        settings = self._settings(node)
        kinds = test.settings.kinds if test is not None else frozenset[str]()
        if not settings.enabled:
            settings = settings._replace(kinds=kinds)
        source = sources.of(fixturedef, request, session.root)
        owner = Owner(fixturedef.scope, source.name, place=f"{source.file}:{source.line}")
        # Also what only the test asks for: it has to know what it does not answer for.
        names = session.panel.names(settings.kinds | kinds)
        scope = Scope(session.panel, settings, owner, session.sensors.spin, names=names)
        outer = [*([test] if test is not None else []), *self._under_way]
        states = [(one, self._state(one)) for one in outer]
        scope.open()
        wide = self._living[id(fixturedef)] = Wide(scope, source, fixturedef.func, request, states)
        self._under_way.append(scope)
        return wide

    def _settings(self, node: Any) -> Settings:
        """Return what holds for a fixture: the markers of its node, a class or module, over the settings of the run."""
        try:
            return markers.settings_of(node, self._base)
        except SettingError:  # of a marker that the fixture has just added
            return self._base

    def _done(self, wide: Wide) -> None:
        self._under_way.remove(wide.scope)
        leave(wide.scope.ledger, wide.scope.outer)
        seen = self._look(wide)
        appeared = born(seen, wide.scope.before)
        wide.made.update(spots(appeared))
        self._keep_from_others(wide.made, wide)
        for scope, state in wide.outer:
            scope.adopt({name: new for name, new in appeared.items() if name in CARRIED})
            scope.adopt(born(self._state(scope), state))
        wide.outer = ()
        wide.used_s = (time.monotonic(), math.inf)

    def _resume(self, wide: Wide) -> None:
        """Name the fixture as the one at work again: its own finalizers come next."""
        if wide in self._living.values() and self._session.is_here():
            wide.scope.outer = enter(wide.scope.ledger)
            wide.at_end = self._look(wide)
            wide.used_s = (wide.used_s[0], time.monotonic())

    def _judge(self, wide: Wide, test: Scope | None, once_more: Callable[[], tuple[str, Scope]]) -> None:
        scope = wide.scope
        self._settle(wide, test)
        scope.settings = self._settings(wide.request.node)._replace(kinds=scope.settings.kinds)
        if scope.left:
            self._confirm(wide, once_more)
        leaks = self._session.account(scope, shown=not wide.failed)
        if leaks and not wide.failed:
            self._reports.add(wide.source, leaks, scope.settings)

    def _confirm(self, wide: Wide, once_more: Callable[[], tuple[str, Scope]]) -> None:
        """Set the fixture up once more where only that tells a leak from something made once."""
        from .repetition import Repetition  # loaded for a suspicion

        scope = wide.scope
        repetition = Repetition(self._session, scope)
        if repetition.is_due(()):
            why = again.FAILED if wide.failed else again.obstacle(scope.settings, wide.took_s)
            if why:
                repetition.leave_open(why)
            else:
                repetition.ask(self.item, once_more)
                scope.left = tuple(again.told(found, scope.ledger, *wide.used_s) for found in scope.left or ())

    def _once_more(self, fixturedef: Any, request: Any) -> tuple[str, Scope]:
        """Set a fixture up and tear it down in a further scope, which is settled as the first was."""
        self.repeated = fixturedef
        try:
            failure = again.once_more(fixturedef, request)
        finally:
            self.repeated = None
            wide = self._living.pop(id(fixturedef))
            self._settle(wide, None)
            self._session.drop(wide.scope)
        return failure, wide.scope

    def _settle(self, wide: Wide, test: Scope | None) -> None:
        """Look what a fixture has left, and wait for what may still end; what others left is none of its."""
        scope = wide.scope
        now = self._look(wide)
        appeared = born(now, {name: wide.at_end.get(name, now[name]) for name in now})
        wide.made.update(spots(appeared))
        wide.foreign.difference_update(spots(appeared))
        if test is not None:
            test.adopt({name: new for name, new in appeared.items() if name in CARRIED})
        new = set(spots(born(now, scope.before)))
        its_own = {spot for spot in new if self._is_its_own(wide, spot)}
        self._keep_from_others(its_own)
        scope.adopt(look_of(new - its_own))
        if not scope.is_clean():
            wait_out(scope.settle())

    def _keep_from_others(self, theirs: set[Spot], maker: Wide | None = None) -> None:
        for wide in self._living.values():
            if wide is not maker:
                wide.foreign |= theirs

    def _is_its_own(self, wide: Wide, spot: Spot) -> bool:
        """Whether a fixture answers for what is there now and was not: it, or what it has set to work, made it."""
        if spot in wide.foreign:
            return False
        sighting = self._session.panel.describe(*spot, wide.scope.ledger)
        return sighting is not None and (spot in wide.made or bool(sighting.stack or sighting.places))

    def _look(self, wide: Wide) -> dict[str, Snapshot]:
        return self._session.panel.look(wide.names, wide.scope.ledger)

    def _state(self, scope: Scope) -> dict[str, Snapshot]:
        """Look at what is counted anew for each scope, in the eyes of one."""
        return self._session.panel.look(tuple(name for name in scope.names if name in TAKEN), scope.ledger)

    def _guarded(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
        """Our own fault never breaks the user's fixture: it is noted, and the summary says so."""
        start = perf_counter_ns()
        try:
            return call(*args, **kwargs)
        except pytest.exit.Exception:
            raise
        except Exception as error:
            faults.note("wider fixtures", error)
            return None
        finally:
            self._session.spent_ns += perf_counter_ns() - start
