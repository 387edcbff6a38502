"""Session: one run; it owns probes and sensors, opens scopes, and turns what they left into explained leaks."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable

from . import canary, customs, faults, judge, ledger, origin
from .config import Settings
from .diff import Look
from .ledger import Ledger
from .model import Kind, Leak, Owner, Verdict
from .probes.panel import Panel
from .scope import Found, Scope
from .sensors import strays, warnings_
from .sensors.panel import Sensors
from .settle import run

OWN_WORK = ("threads", "tasks")
"""What works by itself is told to end, whoever holds it; what lies there to be used is closed only if nobody may use it."""

_sessions: list[Session] = []
"""The sessions that listen, innermost last: a test of this tool runs a session inside a session."""


class Session:
    """One run over some kinds; `start` begins to listen, `stop` puts everything back."""

    def __init__(self, kinds: Iterable[Kind], *, root: str = "", sleep: Callable[[float], None] = time.sleep) -> None:
        self.root = root
        self.panel = Panel(kinds)
        self.sensors = Sensors(kinds)
        self.leaks: list[Leak] = []
        self.canary: dict[Kind, bool] = {}
        self.checked = 0
        self.spent_ns = 0
        self._sleep = sleep
        self._pid = os.getpid()
        self._carried: Look = {}
        self._others: tuple[Ledger, ...] = ()
        self._carried_s = 0.0
        self._tuned: Settings | None = None
        self.is_outermost = False

    def start(self) -> None:
        """Begin to listen."""
        self.is_outermost = not _sessions
        if self.is_outermost:
            faults.clear()
            customs.tell()
            strays.kept.clear()
        self._others = tuple(ledger.all_ledgers())
        _sessions.append(self)
        origin.set_root(self.root)
        self.sensors.install()

    def stop(self) -> None:
        """Fall silent; an outer session goes on listening."""
        if self in _sessions:
            _sessions.remove(self)
        self.sensors.remove()
        if _sessions:
            for book in self._ledgers():
                book.judged = sys.maxsize  # what comes to light under it from now on is not the outer session's
            outer = _sessions[-1]
            origin.set_root(outer.root)
            outer.sensors.install()
            warnings_.listen()
        else:
            ledger.forget_all()

    def prove(self, kinds: Iterable[Kind]) -> None:
        """Plant a leak of each kind and look whether it is seen; `canary` keeps the answers."""
        self.canary = {kind: result.ok for kind, result in canary.check(self.panel, kinds).items()}

    def is_here(self) -> bool:
        """False in a forked child: it neither reports nor closes what is its parent's."""
        return os.getpid() == self._pid

    def open(self, owner: Owner, settings: Settings) -> Scope:
        """Open a scope; what the last one saw at its end is what this one begins with."""
        scope = Scope(self.panel, settings, owner, self.sensors.spin, self._carried, looked_s=self._carried_s)
        self._carried = {}
        warnings_.listen()
        if settings is not self._tuned:
            self._tuned = settings
            self.sensors.tune(settings)
            self.panel.tune(settings)
        scope.open()
        return scope

    def close(self, scope: Scope) -> tuple[Leak, ...]:
        """Close a scope: settle it if that has not been done, judge, explain, let go."""
        if scope.left is None and not scope.is_clean():
            run(scope.settle(), self._sleep)
        return self.conclude(scope)

    def conclude(self, scope: Scope) -> tuple[Leak, ...]:
        """Judge and explain what a settled scope left, let go of it, and end the scope."""
        leaks = self.account(scope)
        self.checked += 1
        if not scope.left and scope.after == scope.before:
            self._carried = scope.after
            self._carried_s = scope.looked_s
        return leaks

    def account(self, scope: Scope, *, shown: bool = False) -> tuple[Leak, ...]:
        """Conclude a settled scope that is no test's; `shown` says that a report of its own will show its leaks."""
        leaks = tuple(self._explain(scope, found)._replace(shown=shown) for found in scope.left or ())
        scope.end()
        self.leaks += leaks
        return leaks

    def forget(self) -> None:
        """Carry nothing on: something happened between two scopes that no scope answers for."""
        self._carried = {}

    def supersede(self, earlier: Iterable[Leak], later: Iterable[Leak]) -> None:
        """Keep what an attempt at a test left only where a further attempt has not left it again: it is one leak."""
        again = {(leak.kind, leak.fingerprint) for leak in later}
        gone = {id(leak) for leak in earlier if (leak.kind, leak.fingerprint) in again}
        self.leaks = [leak for leak in self.leaks if id(leak) not in gone]

    def late(self) -> tuple[Leak, ...]:
        """Return what came to light under scopes that had ended, in their name."""
        late = [
            (sighting, book.owner) for book in self._ledgers() if book.ended for sighting in book.losses[book.judged :]
        ]
        if not late:
            return ()
        from . import diagnose

        return tuple(diagnose.explain_late(sighting, owner=owner, root=self.root) for sighting, owner in late)

    def _ledgers(self) -> list[Ledger]:
        """Return the ledgers that were opened since this session began: others answer for the rest."""
        return [book for book in ledger.all_ledgers() if book not in self._others]

    def strays(self) -> tuple[str, ...]:
        """Describe what the collector revealed and no scope can be charged with."""
        return tuple(f"{stray.summary}: {stray.resource.type} {stray.resource.detail}" for stray in strays.kept)

    def drop(self, scope: Scope) -> None:
        """End a scope that was only a repetition: it counts for nothing, and what comes to light under it later, neither."""
        scope.end()
        scope.ledger.judged = sys.maxsize

    def let_go(self, scope: Scope, found: Found, held_by: tuple[str, ...] | None = None) -> str:
        """Close, cancel or kill one finding if nobody can miss it; return what was done."""
        if found.spot is None:
            return ""
        holders = self._held_by(scope, found) if held_by is None else held_by
        return self.panel.release(*found.spot, scope.ledger) if self._is_free(scope, found, holders) else ""

    def _explain(self, scope: Scope, found: Found) -> Leak:
        from . import diagnose  # what only a leak needs is loaded for a leak

        verdict, reason = judge.verdict(found.sighting, scope.settings.allowances)
        if verdict is Verdict.LEAK and found.verdict is not None:
            verdict, reason = found.verdict, found.reason
        held_by = found.sighting.held_by or self._held_by(scope, found)
        return diagnose.explain(
            found.sighting,
            verdict=verdict,
            evidence=found.evidence,
            owner=scope.owner,
            test=scope.owner.test,
            root=self.root,
            held_by=held_by,
            done=self.let_go(scope, found, held_by) if verdict.fails else "",
            reason=reason,
        )

    def _is_free(self, scope: Scope, found: Found, held_by: tuple[str, ...]) -> bool:
        """Whether nobody can miss a thing once it is closed: a later test that trips over it would fail on our account."""
        if found.sighting.kind in OWN_WORK and found.verdict is not Verdict.UNCONFIRMED:
            return True  # of what could not be repeated nobody knows whether it was made to stay
        if any(other.sighting.kind == "threads" for other in scope.left or ()):
            return False  # it may be at work with what was left beside it, a pool with its children
        if held_by:
            from .diagnose import holders

            return holders.is_passing(held_by)
        assert found.spot is not None
        return self.panel.thing(*found.spot, scope.ledger) is None

    def _held_by(self, scope: Scope, found: Found) -> tuple[str, ...]:
        if found.spot is None or found.held_by:
            return found.held_by
        from .diagnose import holders

        thing = self.panel.thing(*found.spot, scope.ledger)
        return holders.path_to(thing) if thing is not None else ()


def _fall_silent() -> None:
    """In a forked child: nothing is tracked, reported or closed that belongs to the parent."""
    for session in _sessions:
        session.sensors.remove()
    _sessions.clear()
    ledger.forget_all()


if hasattr(os, "register_at_fork"):  # pragma: no branch - only Windows has none
    os.register_at_fork(after_in_child=_fall_silent)
