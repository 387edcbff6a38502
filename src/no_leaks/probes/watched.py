"""Watched: objects that the program wants gone by the end of a scope (`no_leaks.watch`), whatever kinds are checked."""

from __future__ import annotations

from typing import final

from ..ledger import Ledger, Watched
from ..model import Ident, Kind, Resource, Sighting, Snapshot
from ..names import KINDS

_NOTHING: Snapshot = frozenset()


@final
class WatchedProbe:
    """Sees which of a scope's watched objects are alive, by their place in its ledger."""

    name = "watched"
    kinds: tuple[Kind, ...] = KINDS

    def take(self, ledger: Ledger) -> Snapshot:
        """Return the watched objects that are alive."""
        watched = ledger.watched
        return (
            frozenset((place,) for place, one in enumerate(watched) if one.ref() is not None) if watched else _NOTHING
        )

    def describe(self, ident: Ident, ledger: Ledger) -> Sighting | None:
        """Describe one, or None where it is gone."""
        one = _watched(ident, ledger)
        return sighting(one) if one.ref() is not None else None

    def thing(self, ident: Ident, ledger: Ledger) -> object | None:
        """Return the object itself."""
        return _watched(ident, ledger).ref()

    def release(self, ident: Ident, ledger: Ledger) -> str:
        """Only its holder can let go of it."""
        return ""


def sighting(one: Watched) -> Sighting:
    """Return what a report is made of."""
    return Sighting(
        kind="memory",
        resource=Resource("watched object", one.type),
        summary=f"an object was watched and did not die: {one.why}",
        fix="let go of it where it is held, or hold it there weakly: weakref.ref(...), WeakValueDictionary, WeakMethod",
        stack=one.stack,
        asked=True,
    )


def _watched(ident: Ident, ledger: Ledger) -> Watched:
    place = ident[0]
    assert isinstance(place, int)
    return ledger.watched[place]
