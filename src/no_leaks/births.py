"""Finds the birth of a thing: the record, and with it the ledger, that a descriptor, path, pid or thread belongs to."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from typing import NamedTuple

from . import env
from .ledger import Ledger, Record, all_ledgers
from .paths import DELETED, is_path, leads_to

_SAME_START_S = 1.0
"""A child's start as the system dates it (in ticks of 10 ms) and the call that forked it are no further apart."""


DATABASE = "sqlite3.connect/handle"
"""The event of a connection that is made: its fact is the address, since it takes no weak reference (from 3.11)."""

_NOT_OPEN = -1
_unseen: deque[Record] = deque(maxlen=4096)


class Birth(NamedTuple):
    """A record and the ledger that it stands in."""

    ledger: Ledger
    record: Record


def find(first: Ledger, matches: Callable[[Record], bool], *events: str, since_s: float = 0.0) -> Birth | None:
    """Return the newest matching record of these events, of the ledger `first` before any other's.

    Numbers and paths are used again: of another ledger's records only those count that are not older than `since_s`.
    """
    for ledger in _ledgers(first):
        for record in ledger.of(*events) if ledger is first else _counting(ledger, events, since_s):
            if matches(record):
                return Birth(ledger, record)
    return None


def _counting(ledger: Ledger, events: tuple[str, ...], since_s: float) -> list[Record]:
    """Return the records that still count, newest first, in one pass: there may be thousands, and each search meets them all."""
    # A live object is no mere number, and SQLite opens its files when it first needs them.
    return [
        record
        for record in reversed(ledger.records)
        if record.event in events
        and (
            record.born_s >= since_s
            or record.event == "sqlite3.connect"
            or (record.ref is not None and record.ref() is not None)
        )
    ]


def of_socket(fd: int, first: Ledger, since_s: float = 0.0) -> Birth | None:
    """Find the socket object that has this descriptor, or had it when it was last looked at."""
    inode = inode_of(fd)

    def has(record: Record) -> bool:
        return descriptor_of(record) == fd and record.inode == inode

    return find(first, has, "socket.__new__", since_s=since_s)


def of_file(path: str, access: int | None, first: Ledger, since_s: float = 0.0, fd: int | None = None) -> Birth | None:
    """Find who opened a path as `/proc` shows it; `fd` and `access` (O_RDONLY …) pick among several opens of one file."""
    name = path.removesuffix(DELETED)

    def opened(record: Record) -> bool:
        path, *more = record.facts
        flags = more[1] if len(more) > 1 else None
        right = access is None or not isinstance(flags, int) or (flags & os.O_ACCMODE) == access
        return right and is_path(path, name, flags if isinstance(flags, int) else 0)

    known = find(first, lambda record: record.fd == fd and opened(record), "open", since_s=since_s) if fd else None
    return known or find(first, opened, "open", "sqlite3.connect", "os.scandir", "tempfile.mkstemp", since_s=since_s)


def of_opened_descriptor(fd: int, first: Ledger, since_s: float = 0.0) -> Birth | None:
    """Find who wrapped a bare descriptor by `open(fd)` or `os.fdopen`, and not another that had its number."""
    inode = inode_of(fd)

    def wrapped(record: Record) -> bool:
        same = inode is None or record.inode in (None, inode)
        return same and record.facts[0] == fd and type(record.facts[0]) is int

    return find(first, wrapped, "open", since_s=since_s)


def of_name(name: object, first: Ledger) -> Birth | None:
    """Find who opened a file by the name that was given, one that is open still before any other."""

    def opened(record: Record) -> bool:
        return record.facts[0] == name

    return find(first, lambda record: opened(record) and is_there(record), "open") or find(first, opened, "open")


def is_there(record: Record) -> bool:
    """Whether the number that an open was to get leads to its path."""
    return record.fd is not None and leads_to(record.fd, record.facts[0])


def of_mapping(fd: int, path: str, first: Ledger, since_s: float = 0.0) -> Birth | None:
    """Find who mapped a file into memory: the mapping keeps a duplicate, under a number that nothing tells."""
    name = path.removesuffix(DELETED)

    def mapped(record: Record) -> bool:
        return record.facts[0] != fd and record.facts[-1] == name

    return find(first, mapped, "mmap.__new__", since_s=since_s)


def of_bare(ident: Hashable, first: Ledger, since_s: float = 0.0) -> Birth | None:
    """Find who made a bare descriptor, by its whole identity; all epolls and eventfds share an inode, though."""

    def made(record: Record) -> bool:
        return ident in record.facts[1]  # type: ignore[operator] # facts: see there

    return find(first, made, "os.descriptor", since_s=since_s)


def of_descriptor(fd: int, first: Ledger) -> Birth | None:
    """Find who made a descriptor, whatever it is: by its object, by the number it was wrapped from, or by its path."""
    known = of_socket(fd, first) or of_opened_descriptor(fd, first)
    if known is not None or not env.LINUX:
        return known
    try:
        link = os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return None
    return of_file(link, None, first) if link.startswith("/") else None


def of_database(address: int, first: Ledger) -> Birth | None:
    """Find the connection that stands at an address: of all that stood there it is the one made last."""
    made = (
        Birth(book, record) for book in _ledgers(first) for record in book.of(DATABASE) if record.facts[0] == address
    )
    return max(made, key=lambda birth: birth.record.born_s, default=None)


def forget_database(address: int) -> None:
    """Forget who had an address: now it is that of a connection which nobody answers for."""
    for book in all_ledgers():
        for record in [record for record in book.of(DATABASE) if record.facts[0] == address]:
            book.records.remove(record)


def of_child(pid: int, started_s: float | None, first: Ledger) -> Birth | None:
    """Find who started a child: the Popen object or the call that knows the pid, else the fork nearest in time."""
    known = find(first, lambda record: _is_of_child(_object(record), pid), "subprocess.Popen")
    known = known or find(first, lambda record: record.facts[0] == pid, "fork_exec", since_s=first.since_s)
    if known is not None or started_s is None:
        return known
    births = [
        Birth(ledger, record)
        for ledger in _ledgers(first)
        for record in ledger.of("os.fork", "os.forkpty", "os.posix_spawn", "subprocess.Popen")
        if _object(record) is None and (ledger is first or record.born_s >= first.since_s)
    ]
    nearest = min(births, key=lambda birth: abs(birth.record.born_s - started_s), default=None)
    return nearest if nearest is not None and abs(nearest.record.born_s - started_s) < _SAME_START_S else None


def _is_of_child(popen: object | None, pid: int) -> bool:
    """Whether a Popen object's child has this pid still: of one that was waited for it may be another's by now."""
    return getattr(popen, "pid", None) == pid and getattr(popen, "returncode", None) is None


def of_thread(thread: threading.Thread, first: Ledger) -> Birth | None:
    """Find where a thread was started."""
    return of_made(thread, first, "threading.Thread.start")


def of_made(thing: object, first: Ledger, *events: str) -> Birth | None:
    """Find the birth of a live object."""
    return find(first, lambda record: _object(record) is thing, *events)


def descriptor_of(record: Record) -> int | None:
    """Return the descriptor of a socket's record, remembered for the time after the object has died."""
    thing = _object(record)
    if thing is not None:
        fileno: Callable[[], int] | None = getattr(thing, "fileno", None)
        try:
            record.fd = fileno() if fileno is not None else None
        except Exception:
            record.fd = None
        record.inode = inode_of(record.fd)
    return record.fd


def note_socket(record: Record) -> None:
    """Have a new socket's descriptor looked up before the next collection: the collector clears weak references first."""
    _unseen.append(record)


def remember() -> None:
    """Look up the descriptors of the sockets made since the last collection; one that is only being made, once more."""
    for _ in range(len(_unseen)):
        record = _unseen.popleft()
        seen = record.fd is not None
        if descriptor_of(record) == _NOT_OPEN and not seen:
            _unseen.append(record)


def inode_of(fd: int | None) -> int | None:
    """Return what a descriptor leads to, by number; None where it is closed."""
    try:
        return os.fstat(fd).st_ino if fd is not None else None
    except OSError:
        return None


def is_open(fd: int) -> bool:
    """Whether a descriptor is open."""
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _object(record: Record) -> object | None:
    return record.ref() if record.ref is not None else None


def _ledgers(first: Ledger) -> Iterator[Ledger]:
    yield first
    yield from (ledger for ledger in all_ledgers() if ledger is not first)
