"""The kind `cycles`: garbage of a scope that only the cycle collector could free; the sensor has described it, this hands it on."""

from __future__ import annotations

import gc
import sys
from typing import final

from ..diagnose import circles
from ..ledger import Ledger
from ..model import Ident, Kind, Sighting, Snapshot
from ..sensors import cycles
from .protocol import Unavailable


@final
class CyclesProbe:
    """Sees what is garbage when a scope ends, and what a collection has taken away before."""

    name = "cycles"
    kinds: tuple[Kind, ...] = ("cycles",)

    def __init__(self) -> None:
        if not hasattr(gc, "callbacks") or not hasattr(sys, "getrefcount"):
            raise Unavailable("this interpreter does not count references")
        if not getattr(sys, "_is_gil_enabled", lambda: True)():
            raise Unavailable("free-threaded builds of Python count references in another way")

    def take(self, ledger: Ledger) -> Snapshot:
        """Begin to watch at a scope's first look; at each later one, return the numbers of what it has left so far."""
        if cycles.is_watched(ledger):
            return frozenset((number,) for number in cycles.look(ledger))
        if not ledger.ended:
            cycles.begin(ledger)
        return frozenset()

    def describe(self, ident: Ident, ledger: Ledger) -> Sighting | None:
        """Say how the circle goes, and how to cut it."""
        number = ident[0]
        assert isinstance(number, int)
        circle = cycles.circle(ledger, number)
        return circles.sighting(circle) if circle is not None else None

    def release(self, ident: Ident, ledger: Ledger) -> str:
        """The collector frees it, before the scope ends."""
        return ""
