"""The kind `state`: what a scope changed in the process and in the interpreter, and did not put back.

A snapshot holds changes, not state: a scope's first `take` remembers how everything is and returns nothing; each later one
returns what differs from that. So a scope must take its own first snapshot; another scope's last does not serve.
Old and new values are held until the scope has ended and another begins, so that `release` can put them back.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import final

from .. import faults, origin
from .. import ledger as ledgers
from ..ledger import Ledger, Record
from ..model import Ident, Kind, Resource, Sighting, Snapshot
from ..sensors import state as births
from . import state_process, state_python
from .state_modules import Attributes
from .state_rules import is_exempt
from .state_watch import Change, Since, Watcher

TABLE: tuple[Watcher, ...] = (*state_python.WATCHERS, *state_process.WATCHERS)
"""The watchers that keep nothing themselves. Patches come first: to stop one puts its attribute back."""


@dataclass(slots=True)
class _Start:
    """How everything was when a scope began, and what had changed when it was last looked at."""

    began_s: float
    since: dict[str, Since]
    changes: dict[Ident, Change] = field(default_factory=dict[Ident, Change])


@final
class StateProbe:
    """Sees what a scope changed in process-wide state."""

    name = "state"
    kinds: tuple[Kind, ...] = ("state",)

    def __init__(self) -> None:
        self._watchers: dict[str, Watcher] = {watcher.name: watcher for watcher in (*TABLE, Attributes())}
        self._starts: dict[Ledger, _Start] = {}

    def take(self, ledger: Ledger) -> Snapshot:
        """Return what has changed since this ledger's first look; nothing for the first."""
        start = self._starts.get(ledger)
        if start is None:
            births.refresh()
            self._starts = {book: kept for book, kept in self._starts.items() if not book.ended}
            self._starts[ledger] = _Start(time.monotonic(), self._begin())
            return frozenset()
        start.changes = {
            change.ident: change for change in self._changes(start) if self._is_ours(change, start, ledger)
        }
        return frozenset(start.changes)

    def describe(self, ident: Ident, ledger: Ledger) -> Sighting | None:
        """Say what it was and what it is now; None where it has been put back."""
        start = self._starts.get(ledger)
        change = start.changes.get(ident) if start is not None else None
        if start is None or change is None:
            return None
        words = self._watchers[change.watcher].words(change)
        birth, _ = self._birth(change, start)
        return Sighting(
            kind="state",
            resource=Resource(words.type, words.id, words.detail),
            summary=words.summary,
            fix=words.fix,
            stack=birth.stack if birth is not None else (),
        )

    def release(self, ident: Ident, ledger: Ledger) -> str:
        """Put the old value back, so that the next test finds what this one found."""
        start = self._starts.get(ledger)
        change = start.changes.pop(ident, None) if start is not None else None
        if change is None:
            return ""
        try:
            self._watchers[change.watcher].restore(change)
        except Exception:
            # The folder is gone, the handler was set by C code, the call is not on the main thread: it stays as it is.
            return ""
        return "restored"

    def forget(self) -> None:
        """Drop everything that is held: the session ends."""
        self._starts.clear()
        self._watchers["attributes"] = Attributes()

    def watched(self) -> tuple[Ledger, ...]:
        """Return the ledgers whose beginning is remembered."""
        return tuple(self._starts)

    def _begin(self) -> dict[str, Since]:
        since: dict[str, Since] = {}
        for watcher in self._watchers.values():
            part = f"state ({watcher.name})"
            if not faults.has(part):
                try:
                    since[watcher.name] = watcher.look()
                except Exception as error:
                    faults.note(part, error)
        return since

    def _changes(self, start: _Start) -> Iterator[Change]:
        for name, look in list(start.since.items()):
            try:
                yield from [change for change in look() if not is_exempt(change)]
            except Exception as error:
                faults.note(f"state ({name})", error)
                del start.since[name]

    def _is_ours(self, change: Change, start: _Start, ledger: Ledger) -> bool:
        """Whether the scope itself did it: no wider fixture or earlier test's thread, and no module's first import."""
        birth, book = self._birth(change, start)
        return birth is None or (book is ledger and not _in_import(birth))

    def _birth(self, change: Change, start: _Start) -> tuple[Record | None, Ledger | None]:
        """Return the newest record that explains a change, and whose it is; what happened before the scope explains nothing."""
        watcher = self._watchers[change.watcher]
        found: tuple[Record | None, Ledger | None] = (None, None)
        newest = start.began_s
        for book in ledgers.all_ledgers() if watcher.events else ():
            for record in book.of(*watcher.events):
                if record.born_s < newest:
                    break
                if watcher.made(record, change):
                    found, newest = (record, book), record.born_s
                    break
        return found


def _in_import(record: Record) -> bool:
    """Whether a module did it while it was first imported: its code runs once, no test would leave it again."""
    files = [code.co_filename for code, _ in record.stack]
    below = takewhile(lambda file: not origin.is_runner(file), files)
    return "<frozen importlib._bootstrap>" in below
