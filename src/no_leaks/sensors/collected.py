"""What an automatic collection is closing, described as the look at the scope's end would have described it.

When the collector comes by itself is an accident: neither kind, words nor fingerprint of a leak may depend on it.
"""

from __future__ import annotations

import os

from .. import births, env, older, paths
from ..ledger import Ledger, Record
from ..model import Sighting
from ..probes import descriptors

_ANONYMOUS = (":memory:", b":memory:", "", b"")
"""What SQLite takes for a path and keeps in memory, or in a file without a name."""


def as_seen(identity: str, birth: births.Birth | None, book: Ledger) -> Sighting | None:
    """Describe a thing by its descriptor, which its finalizer has yet to close; None where that cannot be told."""
    number = identity.removeprefix("fd ")
    begun = _begun(birth) if birth is not None else None
    fd = int(number) if number.isdecimal() else _open_at(begun.record if begun is not None else None, book)
    return descriptors.describe_now(fd, begun) if fd is not None else None


def _begun(birth: births.Birth) -> births.Birth:
    """Return the birth that has the path: a database's finished connection only has its address."""
    if birth.record.event != births.DATABASE:
        return birth
    begun = birth.ledger.of("sqlite3.connect")
    return next((births.Birth(birth.ledger, one) for one in begun if one.stack is birth.record.stack), birth)


def _open_at(record: Record | None, book: Ledger) -> int | None:
    """Return the one descriptor that leads to a record's path and was not open before the scope."""
    if record is None or not env.LINUX or record.event not in ("open", "sqlite3.connect"):
        return None
    path = record.facts[0]
    if path in _ANONYMOUS:
        return None
    found = [
        fd for fd in map(int, os.listdir("/proc/self/fd")) if paths.leads_to(fd, path) and not older.is_older(fd, book)
    ]
    return found[0] if len(found) == 1 else None
