"""Older: what was open before a scope began is not its own, whatever number or path it shares with what is."""

from __future__ import annotations

import os

from . import env
from .ledger import Ledger


def is_older(fd: int, book: Ledger) -> bool:
    """Whether a descriptor was open, and the same, before the ledger's scope began."""
    try:
        status = os.fstat(fd)
    except OSError:
        return False
    return (fd, status.st_dev, status.st_ino) in book.older


def has_all_older(book: Ledger) -> bool:
    """Whether everything that was open before the ledger's scope is open still; False where nobody looked."""
    return bool(book.older) and all(isinstance(fd, int) and is_older(fd, book) for fd, *_ in book.older)


def is_held_since_before(raw: object, book: Ledger) -> bool:
    """Whether a descriptor from before the ledger's scope leads to this path."""
    if not env.LINUX or not isinstance(raw, (str, bytes, os.PathLike)):
        return False
    path = os.path.realpath(os.fsdecode(raw))  # pyright: ignore[reportUnknownArgumentType]
    numbers = [fd for fd, *_ in book.older if isinstance(fd, int) and is_older(fd, book)]
    return any(os.path.realpath(f"/proc/self/fd/{fd}") == path for fd in numbers)
