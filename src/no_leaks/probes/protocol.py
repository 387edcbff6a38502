"""What every probe is: a cheap look, a full description, and a safe way to let go."""

from __future__ import annotations

from typing import Protocol

from ..ledger import Ledger
from ..model import Ident, Kind, Sighting, Snapshot


class Unavailable(Exception):
    """Raised when a probe is made where it cannot see; the message is the reason that `doctor` and the report show."""


class Probe(Protocol):
    """One way of seeing; `name` is the file's name, `kinds` what its sightings may be.

    A probe that also has `thing(ident, ledger)` hands out the object itself, for the search of who holds it.
    """

    name: str
    kinds: tuple[Kind, ...]

    def take(self, ledger: Ledger) -> Snapshot:
        """Look, in microseconds: the identities of what is there now; equal snapshots mean that nothing is left."""
        ...

    def describe(self, ident: Ident, ledger: Ledger) -> Sighting | None:
        """Describe one identity for a report; None where it is gone, or belongs to another scope than the ledger's."""
        ...

    def release(self, ident: Ident, ledger: Ledger) -> str:
        """Let go of it after reporting if that is safe; return what was done ("closed") or ""."""
        ...
