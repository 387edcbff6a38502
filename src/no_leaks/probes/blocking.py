"""The kind `blocking`: callbacks that still hold up their loop when a scope ends; what has ended stands in the ledger's losses."""

from __future__ import annotations

from typing import final

from .. import origin
from ..ledger import Ledger
from ..model import Ident, Kind, Sighting, Snapshot
from ..sensors import blocking, blocking_words
from ..sensors import blocking_watch as watch


@final
class BlockingProbe:
    """Sees a loop in another thread that is held up right now, or the callback that this scope itself runs in."""

    name = "blocking"
    kinds: tuple[Kind, ...] = ("blocking",)

    def take(self, ledger: Ledger) -> Snapshot:
        """Return the callbacks under way that are over the threshold and run under this ledger."""
        late = [(thread, span) for thread, span in list(watch.busy.items()) if span is not None and watch.is_over(span)]
        return frozenset(
            (thread, span[1])
            for thread, span in late
            if not watch.mark_of(thread, span).told and blocking.book_of(span) is ledger
        )

    def describe(self, ident: Ident, ledger: Ledger) -> Sighting | None:
        """Say what it is and where it stands; None once it has ended."""
        mark = _mark(ident)
        if mark is None or mark.told:
            return None
        holder, started_s = mark.span
        held_s = watch.clock() - started_s
        found = blocking_words.sighting(holder, mark.sample, held_s, watch.threshold_s, so_far=" so far")
        return found._replace(now=origin.frames_of(mark.sample or ()))

    def release(self, ident: Ident, ledger: Ledger) -> str:
        """Nothing can end a callback; it is not told again when it ends."""
        mark = _mark(ident)
        if mark is not None:
            mark.told = True
        return ""


def _mark(ident: Ident) -> watch.Mark | None:
    thread, started_s = ident
    assert isinstance(thread, int)
    span = watch.busy.get(thread)
    return watch.mark_of(thread, span) if span is not None and span[1] == started_s else None
