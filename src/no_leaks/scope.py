"""Scope: one measured span, sync and async: look, compare, settle where there is a difference, and say what was left."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable, Iterator
from itertools import takewhile
from types import CodeType
from typing import NamedTuple

from . import judge, rules
from .config import Settings
from .diff import Look, diff
from .ledger import Ledger, end_ledger, enter, leave, open_ledger
from .model import Evidence, Owner, Sighting, Snapshot, Spot, Verdict
from .probes.panel import CARRIED, EMPTY, TAKEN, Panel
from .sensors import warnings_, window
from .settle import Patience, Steps

QUICK_LOOKS = 4
"""Looks that yield to other threads and loops before the one collection."""

PATIENT = frozenset({"threads", "processes", "tasks"})
"""What these saw may end by itself with nobody else at work in this process."""

_COLLECTED = "nothing could reach it any more: the garbage collector closed it"


class Found(NamedTuple):
    """What a scope left behind, with the probe and identity to release it by."""

    sighting: Sighting
    spot: Spot | None
    evidence: Evidence
    verdict: Verdict | None = None
    """What repeating the scope has shown; None where it was not repeated."""
    reason: str = ""
    """Why the verdict is so, where it is none of a leak."""
    held_by: tuple[str, ...] = ()
    """Who holds it, where that is known already."""


class Scope:
    """A span that is open from `open` to `end`; `left` holds what it left once it is settled."""

    def __init__(
        self,
        panel: Panel,
        settings: Settings,
        owner: Owner,
        spin: Callable[[Ledger], None],
        before: Look | None = None,
        names: tuple[str, ...] = (),
        looked_s: float = 0.0,
    ) -> None:
        self.panel = panel
        self.settings = settings
        self.owner = owner
        self.spin = spin
        self.before: Look = {} if before is None else before
        self.names = names
        self.last: tuple[str, ...] = ()
        """Those that look once all others have nothing to ask."""
        self.looked_s = looked_s
        """When it last looked; at its begin, when `before` was seen."""
        self.ledger: Ledger
        self.outer: tuple[Ledger | None, Ledger | None] = (None, None)
        """Whose ledger was at work before: a run within a run hands it back."""
        self.after: dict[str, Snapshot] = {}
        self.left: tuple[Found, ...] | None = None
        self.opener: CodeType | None = None
        """What code opened it, where that is the program's own."""
        self.foreign: tuple[Spot, ...] = ()
        """What was there before and is gone: closed by a scope that did not open it."""

    def open(self) -> None:
        """Begin: name the scope's ledger as the one at work; look only where no earlier look can be carried on."""
        self.ledger = open_ledger(self.owner)
        self.outer = enter(self.ledger)
        self.names = self.names or self.panel.names(self.settings.kinds)
        if tuple(self.before) != self.names or not TAKEN.isdisjoint(self.names):
            self._look_first()
        self.last = self.panel.last(self.settings.kinds)
        if self.last:
            self.panel.begin(self.last, self.ledger)
        self.ledger.older = self.before.get("descriptors", EMPTY)
        self.ledger.since_s = self.looked_s

    def _look_first(self) -> None:
        """Make `before` whole: carried on where it can be, looked at where it cannot, and nothing where all is counted anew."""
        before = {name: seen for name, seen in self.before.items() if name in CARRIED}
        missing = tuple(name for name in self.names if name in TAKEN or (name in CARRIED and name not in before))
        if CARRIED.intersection(missing):
            self.looked_s = time.monotonic()
        if missing:
            before.update(self.panel.look(missing, self.ledger))
        self.before = {name: before.get(name, EMPTY) for name in self.names}

    def adopt(self, born: Look) -> None:
        """Take into the baseline what a wider scope made meanwhile."""
        self.before = {name: seen | born.get(name, EMPTY) for name, seen in self.before.items()}

    def is_clean(self) -> bool:
        """Look once; True, and settled, if everything is as it was."""
        self.looked_s = time.monotonic()
        self.after = self.panel.look(self.names, self.ledger)
        if self.after == self.before and self.last:
            self._look_last()
        if self.after == self.before:
            self.left = ()
            return True
        return False

    def _look_last(self) -> None:
        """Let look who collects, and look again for what that has shown."""
        suspected = {name: seen for name, seen in self.panel.look(self.last, self.ledger).items() if seen}
        if self.ledger.losses:
            self.after = self.panel.look(self.names, self.ledger)
        self.after = {**self.after, **suspected}

    def settle(self) -> Steps[None]:
        """Wait, in attempts, for what may end by itself; what stays is `left`."""
        delta = diff(self.before, self.after)
        self.foreign = delta.gone
        suspects = dict(self._described(delta.born))
        attempts, waited, collected = 1, 0.0, any(spot[0] == "cycles" for spot in suspects)
        proven = (
            self._collect(suspects) if collected else {}
        )  # what it closes is this test's, and nobody else's to hear of
        for pause in Patience(self.settings.grace_s).delays():
            if not any(self._may_end(spot, sighting) for spot, sighting in suspects.items()):
                break
            if attempts >= QUICK_LOOKS and not collected:
                collected = True
                proven = self._collect(suspects)
            if collected and not self._somebody_at_work(suspects):
                break
            self.spin(self.ledger)
            yield pause
            attempts, waited = attempts + 1, waited + pause
            self._keep_present(suspects)
        if window.is_shut() and any(self._may_end(spot, sighting) for spot, sighting in suspects.items()):
            with window.wide_open():  # what is older may be part of the circle that holds it
                proven |= self._collect(suspects)
        self._finish(suspects, proven, Evidence(attempts, round(waited, 6)))

    def end(self) -> None:
        """End the ledger: what still comes under it comes late, and so does what came after the last look at a clean scope."""
        end_ledger(self.ledger, len(self.after["losses"]) if self.left == () and "losses" in self.after else None)
        leave(self.ledger, self.outer)

    def _described(self, spots: tuple[Spot, ...]) -> Iterator[tuple[Spot, Sighting]]:
        for spot in spots:
            sighting = self.panel.describe(*spot, self.ledger)
            if sighting is not None and judge.wanted(sighting, self.settings) and not self._is_of_import(sighting):
                yield spot, sighting

    def _is_of_import(self, sighting: Sighting) -> bool:
        """Whether a module made it while it was imported in this scope; a block may itself stand in such a module."""
        within = tuple(takewhile(lambda pair: pair[0] is not self.opener, sighting.stack))
        return rules.excused(rules.STACKS, within)

    def _keep_present(self, suspects: dict[Spot, Sighting]) -> None:
        now = self.panel.look(self.names, self.ledger)
        for spot in [spot for spot in suspects if spot[1] not in now.get(spot[0], EMPTY)]:
            del suspects[spot]

    def _may_end(self, spot: Spot, sighting: Sighting) -> bool:
        # What a rule excuses stays: nobody waits for it.
        return not sighting.proof and not sighting.excuse and spot[0] not in ("losses", "state", "memory")

    def _somebody_at_work(self, suspects: dict[Spot, Sighting]) -> bool:
        """Whether waiting can change anything: another thread is alive, or a suspect ends by itself."""
        raw = _thread._count()  # pyright: ignore[reportPrivateUsage]  # nothing public counts raw threads
        others = raw > 0 or threading.active_count() > 1
        return others or any(spot[0] in PATIENT for spot in suspects)

    def _collect(self, suspects: dict[Spot, Sighting]) -> dict[Spot, Sighting]:
        """Collect once: what nobody could reach is closed now, and proven where Python warns that it was unclosed.

        What Python closes without a word when it goes (a selector, a pipe's Connection) is no leak: dropped outside
        of a cycle it would have been closed at once, and a cycle only makes it later.
        """
        self._keep_present(suspects)
        heard = len(self.ledger.losses)
        warnings_.collect()
        now = self.panel.look(self.names, self.ledger)
        names = {loss.resource.id for loss in self.ledger.losses[heard:]} - {""}
        stacks = {id(loss.stack) for loss in self.ledger.losses[heard:] if loss.stack}
        proven: dict[Spot, Sighting] = {}
        for spot, sighting in list(suspects.items()):
            if spot[0] == "descriptors" and spot[1] not in now.get(spot[0], EMPTY):
                if sighting.resource.id in names or id(sighting.stack) in stacks:
                    proven[spot] = sighting._replace(proof=_COLLECTED)
                del suspects[spot]
        return proven

    def _finish(self, suspects: dict[Spot, Sighting], proven: dict[Spot, Sighting], evidence: Evidence) -> None:
        self.looked_s = time.monotonic()
        self.after = self.panel.look(self.names, self.ledger)
        if self.last:
            self._look_last()
        born = diff(self.before, self.after).born
        seen_late = ("losses", *self.last)
        final = dict(self._described(tuple(spot for spot in born if spot in suspects or spot[0] in seen_late)))
        sightings = judge.sited({**proven, **final})
        kept = {id(sighting) for sighting in judge.without_echoes(sightings.values())}
        self.left = tuple(
            Found(sighting, None if spot in proven or spot[0] == "losses" else spot, evidence)
            for spot, sighting in sightings.items()
            if id(sighting) in kept
        )
