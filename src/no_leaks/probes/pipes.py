"""Pipes: which end of which pipe was left open; nothing tells of `os.pipe`, so often only the table knows."""

from __future__ import annotations

import os
import time

from .. import rules
from ..ledger import Record
from ..model import Resource, Sighting
from .files import access_of


def describe(fd: int, link: str, mode: int, record: Record | None) -> Sighting:
    """Describe one open end of a pipe, or a FIFO by its path."""
    named = link.startswith("/")
    end = {os.O_RDONLY: "read end", os.O_WRONLY: "write end"}.get(access_of(fd) or 0, "both ends")
    what = "FIFO" if named else "pipe"
    return Sighting(
        kind="pipes",
        resource=Resource(what, f"fd {fd}", f"{end} of {link or 'a pipe'}"),
        summary=f"the {end} of a {what} was opened and never closed",
        fix="os.close(fd) for both ends in a finally block; for a child's pipes: with subprocess.Popen(...) as process: ...",
        stack=record.stack if record is not None else (),
        age_s=time.monotonic() - record.born_s if record is not None else None,
        excuse=_excuse(fd, record),
    )


def _excuse(fd: int, record: Record | None) -> str:
    return rules.name_of(rules.UNSEEN_PIPES, fd) if record is None else rules.name_of(rules.PIPES, record.stack)
