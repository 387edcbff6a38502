"""Temporary files and folders left on disk: what was made through `tempfile` or below the temporary folder and still exists."""

from __future__ import annotations

import os
import tempfile
import time
from typing import final

from .. import births, env, origin, rules
from ..ledger import Ledger, Record
from ..model import Ident, Kind, Resource, Sighting, Snapshot

_EVENTS = frozenset({"tempfile.mkstemp", "tempfile.mkdtemp", "open", "os.mkdir"})


@final
class TempProbe:
    """Sees temporary paths by their births; a scope that made none costs nothing."""

    name = "temp"
    kinds: tuple[Kind, ...] = ("temp",)

    def take(self, ledger: Ledger) -> Snapshot:
        """Return the paths that the scope made below the temporary folder and that still exist, outermost only."""
        records = ledger.records
        if not records:
            return frozenset()
        made = {path for record in records if record.event in _EVENTS and (path := made_by(record)) is not None}
        left = {path for path in made if os.path.lexists(path)}
        return frozenset((path,) for path in left if not _inside_another(path, left))

    def describe(self, ident: Ident, ledger: Ledger) -> Sighting | None:
        """Describe one path that is left, or None where it is gone."""
        path = str(ident[0])
        if not os.path.lexists(path):
            return None
        birth = births.find(ledger, lambda record: made_by(record) == path, *_EVENTS)
        if birth is not None and _removes_itself(birth.record, path):
            return None
        folder = os.path.isdir(path)
        what = "temporary folder" if folder else "temporary file"
        return Sighting(
            kind="temp",
            resource=Resource(what, path, _size(path, folder)),
            summary=f"a {what} was made and left on disk",
            fix="with tempfile.TemporaryDirectory() as folder: ..."
            if folder
            else "remove it in a finally block, or use pytest's tmp_path",
            stack=birth.record.stack if birth is not None else (),
            age_s=time.monotonic() - birth.record.born_s if birth is not None else None,
        )

    def made_again(self, ident: Ident, ledger: Ledger) -> bool:
        """Whether a scope wrote a path anew that was there already; one that is only read, or appended to, was made once."""
        return any(
            record.facts[0] == ident[0] and isinstance(record.facts[2], int) and bool(record.facts[2] & os.O_TRUNC)
            for record in ledger.of("open")
        )

    def release(self, ident: Ident, ledger: Ledger) -> str:
        """It stays: it is evidence, and in nobody's way."""
        return ""


def made_by(record: Record) -> str | None:
    """Return the absolute path below the temporary folder that a record's event made, or None; excused paths are None."""
    raw = record.facts[0]
    if not isinstance(raw, (str, bytes)):
        return None
    path = os.fsdecode(raw)
    if record.event == "open":
        flags, existed = record.facts[2:4]
        if existed or not isinstance(flags, int) or not flags & os.O_CREAT:
            return None
    if not path.startswith(os.sep):
        if record.event in ("open", "os.mkdir"):
            return None  # relative to a working directory that may have changed; tempfile gives absolute paths
        path = os.path.abspath(path)
    if record.event in ("open", "os.mkdir") and not _below_temp(path):
        return None
    return None if rules.excused(rules.PATHS, path) else path.rstrip(os.sep)


def _removes_itself(record: Record, path: str) -> bool:
    """Whether a NamedTemporaryFile is still open: the open file is the leak, and closing it removes the path."""
    if not any(code.co_name == "NamedTemporaryFile" for code, _ in record.stack):
        return False
    links = (os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")) if env.LINUX else ()
    return os.path.realpath(path) in links


def _below_temp(path: str) -> bool:
    """Whether a path is below the temporary folder, and not in a project that is checked out there."""
    folder, project = tempfile.tempdir, origin.root()
    if folder is None or not _is_below(path, folder):
        return False
    return not (_is_below(project, folder) and _is_below(path, project))


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def _inside_another(path: str, paths: set[str]) -> bool:
    parent = os.path.dirname(path)
    while len(parent) > 1:
        if parent in paths:
            return True
        parent = os.path.dirname(parent)
    return False


def _size(path: str, folder: bool) -> str:
    try:
        if folder:
            entries = len(os.listdir(path))
            return f"{entries} entr{'y' if entries == 1 else 'ies'}"
        return f"{os.lstat(path).st_size} bytes"
    except OSError:
        return ""
