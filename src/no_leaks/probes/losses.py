"""Unclosed: the losses that sensors proved while the scope ran; nothing is left to look at, so the ledger is the source."""

from __future__ import annotations

from typing import final

from ..ledger import Ledger
from ..model import Ident, Kind, Sighting, Snapshot
from ..names import KINDS


@final
class LossProbe:
    """Hands on what the sensors proved: closed by the collector, thrown away by a runner, dropped un-awaited."""

    name = "losses"
    kinds: tuple[Kind, ...] = KINDS

    def take(self, ledger: Ledger) -> Snapshot:
        """Return one identity per loss so far."""
        return frozenset((number,) for number in range(len(ledger.losses)))

    def describe(self, ident: Ident, ledger: Ledger) -> Sighting | None:
        """Return the sighting as the sensor wrote it."""
        number = ident[0]
        assert isinstance(number, int)
        return ledger.losses[number]

    def release(self, ident: Ident, ledger: Ledger) -> str:
        """Nothing is left to let go of."""
        return ""
