"""Files: path, mode and position of a descriptor that was opened and never closed."""

from __future__ import annotations

import os
import time

from ..ledger import Record
from ..model import Resource, Sighting
from ..paths import DELETED

_ACCESS = {os.O_RDONLY: "reading", os.O_WRONLY: "writing", os.O_RDWR: "reading and writing"}


def access_of(fd: int) -> int | None:
    """Return O_RDONLY, O_WRONLY or O_RDWR of an open descriptor; None where the system does not tell."""
    try:
        import fcntl

        return fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
    except (ImportError, OSError):
        return None


def describe(fd: int, link: str, mode: int, record: Record | None) -> Sighting:
    """Describe an open file; an SQLite database, a mapped file and a removed one are called so."""
    event = record.event if record is not None else ""
    path = link.removesuffix(DELETED)
    access = access_of(fd)
    words = [path or "(path unknown)", f"open for {_ACCESS[access]}" if access in _ACCESS else ""]
    if link.endswith(DELETED):
        words.append("already removed from its folder")
    return Sighting(
        kind="files",
        resource=Resource(
            "database" if event == "sqlite3.connect" else "file", f"fd {fd}", ", ".join(filter(None, words))
        ),
        summary=_summary(event),
        fix=_fix(event, record),
        stack=record.stack if record is not None else (),
        age_s=time.monotonic() - record.born_s if record is not None else None,
    )


def _summary(event: str) -> str:
    if event == "sqlite3.connect":
        return "an SQLite database was connected to and never closed"
    if event == "mmap.__new__":
        return "a file was mapped into memory and never closed"
    if event == "os.descriptor":
        return "a descriptor of a file was duplicated and never closed"
    return "a file was opened and never closed"


def _fix(event: str, record: Record | None) -> str:
    if event == "sqlite3.connect":
        return "with contextlib.closing(sqlite3.connect(...)) as db: ..."
    if event == "mmap.__new__":
        return "with mmap.mmap(...) as mapped: ..."
    if event == "os.descriptor" or (record is not None and len(record.facts) > 1 and record.facts[1] is None):
        return "os.close(fd) in a finally block, or with os.fdopen(fd) as f: ..."
    return "with open(...) as f: ..."
