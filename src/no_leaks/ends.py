"""Ends of a connection within this process: a server's end stays open for as long as the client's, whoever has that."""

from __future__ import annotations

import os
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from typing import Any

from . import births, env, ledger
from .ledger import Ledger, Record

Ends = tuple[Any, Any]
"""What a socket is bound to, and what it is connected to."""


def is_accepted(record: Record | None) -> bool:
    """Whether a socket's record is that of a server which accepted it."""
    return record is not None and any(code.co_name == "accept" for code, _ in record.stack[:2])


def serves_another(fd: int, book: Ledger) -> bool:
    """Whether a fixture of a wider scope accepted it from a client that somebody else keeps open in this process.

    Then it is the client that was left; what a test itself has accepted is the test's in any case.
    """
    if book.owner.scope == "function":
        return False
    accepted = births.of_socket(fd, book)
    if accepted is None or accepted.ledger is not book or not is_accepted(accepted.record):
        return False
    client = other_end(fd)
    made = births.of_socket(client, book) if client is not None else None
    return client is not None and (made is None or made.ledger is not book)


def works_for_another(thread: threading.Thread, book: Ledger) -> bool:
    """Whether a thread of such a fixture is at work with what it accepted from such a client."""
    return book.owner.scope != "function" and any(serves_another(fd, book) for fd in _sockets_of(thread))


def _sockets_of(thread: threading.Thread) -> set[int]:
    """Return the descriptors of the sockets that stand in the variables of a thread's frames."""
    frame = sys._current_frames().get(thread.ident or 0)  # pyright: ignore[reportPrivateUsage]  # documented
    found: set[int] = set()
    while frame is not None:
        found |= {thing.fileno() for thing in frame.f_locals.values() if issubclass(type(thing), socket.socket)}
        frame = frame.f_back
    return found - {-1}


def other_end(fd: int) -> int | None:
    """Return the descriptor of this process at the other end of an internet connection, if that is here, too."""
    here = _ends(fd)
    if here is None or env.FD_FOLDER is None:
        return None
    there = (here[1], here[0])
    return next((other for other in _open_sockets(env.FD_FOLDER) if _ends(other) == there), None)


def _open_sockets(folder: str) -> Iterator[int]:
    for fd in map(int, os.listdir(folder)):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                yield fd
        except OSError:
            continue


def _ends(fd: int) -> Ends | None:
    """Return both ends; None for what is not connected, or has no addresses to tell ends by."""
    with ledger.at_work(None):
        try:
            with socket.socket(fileno=os.dup(fd)) as twin:
                is_named = twin.family in (socket.AF_INET, socket.AF_INET6)
                return (twin.getsockname()[:2], twin.getpeername()[:2]) if is_named else None
        except OSError:
            return None
