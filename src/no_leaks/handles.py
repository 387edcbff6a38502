"""What kind of handle a descriptor is, by what the system says of it."""

from __future__ import annotations

import stat

from .model import Kind

TERMINALS = ("/dev/pts/", "/dev/ptmx", "/dev/tty")


def kind_of(link: str, mode: int) -> Kind:
    """Sort a descriptor into its kind by its `/proc` link ("" where there is none) and the mode of its `fstat`."""
    if stat.S_ISSOCK(mode):
        return "sockets"
    if stat.S_ISFIFO(mode):
        return "pipes"
    if stat.S_ISREG(mode) and not link.startswith("/memfd:"):
        return "files"
    if stat.S_ISBLK(mode) or (stat.S_ISCHR(mode) and not link.startswith(TERMINALS)):
        return "files"
    return "fds"
