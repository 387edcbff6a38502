"""The descriptor table: the ground truth for files, sockets, pipes and every other handle, by identity and not by count."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from .. import births, env, rules
from ..handles import kind_of
from ..ledger import Ledger, Record
from ..model import Ident, Kind, Sighting, Snapshot
from ..names import HANDLES
from . import fds, files, marks, objects, pipes, sockets
from .protocol import Unavailable

FIRST_FD = 3
"""Rule "standard streams": 0 to 2 belong to the runner's capture, which points them elsewhere between phases."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """One open descriptor: its identity, what it points to (`/proc` link) and what `fstat` said of its mode."""

    ident: tuple[int, int, int]
    link: str
    mode: int

    @property
    def fd(self) -> int:
        """Its number."""
        return self.ident[0]


@final
class DescriptorProbe:
    """Sees every open descriptor of the process; the birth records only explain it."""

    name = "descriptors"
    kinds: tuple[Kind, ...] = HANDLES

    def __init__(self, folder: str | None = env.FD_FOLDER) -> None:
        if folder is None:
            raise Unavailable(
                "this platform has no folder that lists descriptors (Linux: /proc/self/fd, macOS: /dev/fd)"
            )
        try:
            os.listdir(folder)
        except OSError as error:
            raise Unavailable(f"{folder} cannot be read: {error.strerror}") from error
        self._folder = folder
        self._links: dict[Ident, str] = {}
        self._marked: set[object] = set()
        self._counted = _counts(folder)
        self._count = -1
        self._known: list[tuple[int, int, int]] = []
        self._old = 0
        self._seen: Snapshot = frozenset()
        self._first: Snapshot | None = None

    def take(self, ledger: Ledger) -> Snapshot:
        """Return (fd, device, inode) of every descriptor; the listing's own is closed again and drops out."""
        nothing_made = not ledger.records
        if not (self._counted and os.stat(self._folder).st_size == self._count and self._same(nothing_made)):
            self._read_all()
        return self._seen if nothing_made else _told_apart(self._seen, ledger)

    def _same(self, nothing_made: bool) -> bool:
        """The usual case, a test that left nothing: as many as before, and one fstat each to see that they mean the same.

        What was open before the first look is compared only for a scope that made something: to pass unseen, it would
        have to close one of those and leave one that no sensor saw being made under the very same number.
        """
        known = self._known
        if nothing_made:
            known = known[self._old :]
        fstat = os.fstat
        try:
            for fd, device, inode in known:
                status = fstat(fd)
                if status.st_ino != inode or status.st_dev != device:
                    return False
        except OSError:
            return False
        return True

    def _read_all(self) -> Snapshot:
        names = os.listdir(self._folder)
        self._count = len(names) - 1
        found: list[tuple[int, int, int]] = []
        for fd in map(int, names):
            if fd >= FIRST_FD:
                try:
                    status = os.fstat(fd)
                except OSError:
                    continue
                found.append((fd, status.st_dev, status.st_ino))
        self._seen = frozenset(found)
        if self._first is None:
            self._first = self._seen
        old = [ident for ident in found if ident in self._first]
        self._old = len(old)
        self._known = old + [ident for ident in found if ident not in self._first]
        return self._seen

    def describe(self, ident: Ident, ledger: Ledger) -> Sighting | None:
        """Describe one descriptor, or None where it is closed by now or was born under another ledger."""
        descriptor = self.read(ident)
        if descriptor is None:
            return None
        birth = birth_of(descriptor, ledger)
        if birth is not None and birth.ledger is not ledger:
            return None
        if rules.excused(rules.CONNECTIONS, (descriptor.fd, ledger)):
            return None
        return _described(descriptor, birth.record if birth else None)

    def release(self, ident: Ident, ledger: Ledger) -> str:
        """Close it through the Python object that owns it; a bare number is left alone, somebody may close it yet."""
        descriptor = self.read(ident)
        return objects.close(descriptor.fd, kind_of(descriptor.link, descriptor.mode)) if descriptor is not None else ""

    def thing(self, ident: Ident, ledger: Ledger) -> object | None:
        """Return the Python object that owns the descriptor, for the search of who holds it."""
        descriptor = self.read(ident)
        return objects.of_descriptor(descriptor.fd) if descriptor is not None else None

    def mark(self, ident: Ident) -> None:
        """Mark what has no identity but its number, so that `made_again` can tell."""
        descriptor = self.read(ident)
        if descriptor is not None and marks.put(descriptor.fd, descriptor.link):
            self._marked.add(descriptor.fd)

    def unmark(self, ident: Ident) -> None:
        """Leave it as it was."""
        descriptor = self.read(ident)
        if ident[0] in self._marked and descriptor is not None:
            marks.take_off(descriptor.fd)
        self._marked -= {ident[0]}

    def made_again(self, ident: Ident, ledger: Ledger) -> bool:
        """Whether a later scope closed it and opened another under the same number: an open file, or what was marked."""
        descriptor = self.read(ident)
        if descriptor is None:
            return False
        if any(record.fd == descriptor.fd for record in ledger.of("open")):
            return True
        return descriptor.fd in self._marked and not marks.is_on(descriptor.fd)

    def remember(self, idents: Snapshot) -> None:
        """Keep in words what was open before a scope, for the warning that a test closed what it did not open."""
        for ident in idents:
            descriptor = self.read(ident)
            # logging.config.dictConfig closes every handler, pytest's own on the null device too: nobody misses it.
            if descriptor is not None and descriptor.link != os.devnull:
                self._links[ident] = descriptor.link or kind_of(descriptor.link, descriptor.mode)

    def recall(self, ident: Ident) -> str | None:
        """Return what a descriptor that is gone had been, if it was there before any test or made by a wider fixture."""
        link = self._links.pop(ident, None)
        return f"fd {ident[0]} ({link})" if link is not None else None

    def read(self, ident: Ident) -> Descriptor | None:
        """Read what a descriptor points to; None where it is closed or another by now."""
        fd = ident[0]
        assert isinstance(fd, int)
        return _read(fd, ident[:3], self._folder)


def describe_now(fd: int, birth: births.Birth | None) -> Sighting | None:
    """Describe a descriptor that is about to be closed; `birth` is known of what owns it. None where it is closed."""
    descriptor = _read(fd)
    if descriptor is None or birth is None:
        return _described(descriptor, None) if descriptor is not None else None
    nearer = birth_of(descriptor, birth.ledger)
    return _described(descriptor, (nearer if nearer is not None and nearer.ledger is birth.ledger else birth).record)


def _described(descriptor: Descriptor, record: Record | None) -> Sighting:
    kind = kind_of(descriptor.link, descriptor.mode)
    seen = _DESCRIBERS[kind](descriptor.fd, descriptor.link, descriptor.mode, record)
    # A loop's own descriptors were made where the loop was, and are left for the same reason.
    excuse = rules.name_of(rules.LOOPS, record.stack) if record is not None else ""
    return seen._replace(excuse=excuse) if excuse else seen


def _read(fd: int, same: Ident | None = None, folder: str | None = env.FD_FOLDER) -> Descriptor | None:
    """Read a descriptor; None where it is closed, or not the `same` any more."""
    try:
        status = os.fstat(fd)
        link = os.readlink(f"{folder}/{fd}") if env.LINUX else ""
    except OSError:
        return None
    ident = (fd, status.st_dev, status.st_ino)
    return Descriptor(ident, link, status.st_mode) if same in (None, ident) else None


def _told_apart(seen: Snapshot, ledger: Ledger) -> Snapshot:
    """Mark what the scope made under the very identity of something older that is gone: all epolls share one inode."""
    again = {ident for record in ledger.of("os.descriptor") for ident in _idents(record) if ident in ledger.older}
    return seen.difference(again) | {(*ident, "again") for ident in again & seen} if again else seen


def _idents(record: Record) -> tuple[Ident, ...]:
    idents: tuple[Ident, ...] = record.facts[1]  # type: ignore[assignment] # sensors/descriptors.py wrote it
    return idents


def _counts(folder: str) -> bool:
    """Whether the folder's size is the number of open descriptors (Linux 6.2): a look is then twice as fast."""
    before = os.stat(folder).st_size
    fd = os.open(os.sep, os.O_RDONLY)
    try:
        return before > 0 and os.stat(folder).st_size == before + 1 == len(os.listdir(folder)) - 1
    finally:
        os.close(fd)


def birth_of(descriptor: Descriptor, ledger: Ledger) -> births.Birth | None:
    """Find who made a descriptor, by its identity, the object, the path or the number it was wrapped from."""
    since_s, kind, ident = ledger.since_s, kind_of(descriptor.link, descriptor.mode), descriptor.ident
    if kind == "sockets":
        return births.of_socket(descriptor.fd, ledger, since_s) or births.of_bare(ident, ledger, since_s)
    bare = births.of_bare(ident, ledger, since_s)
    wrapped = births.of_opened_descriptor(descriptor.fd, ledger, since_s)
    if not descriptor.link or (kind == "pipes" and not descriptor.link.startswith("/")):
        return bare or wrapped
    by_path = births.of_file(descriptor.link, files.access_of(descriptor.fd), ledger, since_s, descriptor.fd)
    by_path = by_path or births.of_file(descriptor.link, None, ledger, since_s) or (None if bare else wrapped)
    mapped = births.of_mapping(descriptor.fd, descriptor.link, ledger, since_s)
    # A duplicate and a mapping are made from a descriptor that was open before them: the newest record is the nearest.
    known = [birth for birth in (by_path, mapped, bare) if birth is not None]
    return max(known, key=lambda birth: birth.record.born_s, default=None)


_DESCRIBERS: dict[Kind, Callable[[int, str, int, Record | None], Sighting]] = {
    "files": files.describe,
    "sockets": sockets.describe,
    "pipes": pipes.describe,
    "fds": fds.describe,
}
