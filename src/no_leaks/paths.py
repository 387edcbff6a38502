"""Paths: whether one that the program gave is the one that the system shows."""

from __future__ import annotations

import os

from . import env

_O_TMPFILE = getattr(os, "O_TMPFILE", 0)
DELETED = " (deleted)"
"""How Linux marks the link to a file that was removed from its folder."""

_SIBLINGS = ("-wal", "-journal", "-shm")
"""What SQLite opens beside a database."""


def is_path(raw: object, path: str, flags: int = 0) -> bool:
    """Whether a path as the program gave it is the one that the system shows."""
    if not isinstance(raw, (str, bytes, os.PathLike)):
        return False
    try:
        given = os.fsdecode(raw)  # pyright: ignore[reportUnknownArgumentType]
        if flags & _O_TMPFILE == _O_TMPFILE and _O_TMPFILE:
            return os.path.dirname(path) == os.path.realpath(given)
        real = os.path.realpath(given)
    except Exception:
        return False
    if path == real or (path.startswith(f"{real}-") and path.removeprefix(real) in _SIBLINGS):
        return True
    # The working directory may have changed since a relative path was given: then its end has to do.
    tail = os.path.normpath(given)
    while tail.startswith(os.pardir + os.sep):
        tail = tail[len(os.pardir + os.sep) :]
    return not os.path.isabs(given) and tail not in (os.curdir, os.pardir) and path.endswith(os.sep + tail)


def leads_to(fd: int, raw: object) -> bool:
    """Whether a descriptor is open at a path as the program gave it; False where the system does not tell."""
    try:
        return env.LINUX and is_path(raw, os.readlink(f"/proc/self/fd/{fd}").removesuffix(DELETED))
    except OSError:
        return False
