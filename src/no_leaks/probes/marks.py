"""Marks: tells an epoll or inotify that was closed and opened again under its number from one that is still the same.

All of them share one inode, so that number, device and inode stay as they were. The open description of the old one is
given the flag O_APPEND, which says nothing to a thing that has no end; a new one comes without it (Linux).
"""

from __future__ import annotations

import os

ANONYMOUS = "anon_inode:"
"""How the system's names for what has no inode of its own begin."""


def put(fd: int, link: str) -> bool:
    """Mark a descriptor; return False where it cannot be marked, since its flag would mean something, or is set."""
    if not link.startswith(ANONYMOUS) or is_on(fd):
        return False
    import fcntl

    try:
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_APPEND)
    except OSError:
        return False
    return is_on(fd)


def take_off(fd: int) -> None:
    """Take the mark from a descriptor."""
    import fcntl

    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_APPEND)


def is_on(fd: int) -> bool:
    """Whether an open descriptor has the mark."""
    import fcntl

    return bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_APPEND)
