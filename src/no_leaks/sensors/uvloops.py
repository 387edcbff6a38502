"""Births of what a loop of uvloop has for itself: libuv opens it in C, so the open descriptors are compared around it.

Private: all of it is opened by `uvloop.Loop.__new__` (0.20 to 0.23): an epoll, one or two io_urings, a pipe, an eventfd.
What a later release opens elsewhere is open without a record, as what any C code opens.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from typing import Any

from .. import env, faults, ledger
from . import audit, descriptors
from .patches import Patches

MAKER = "uvloop"
"""The maker's name in the record, which names the epoll first."""
OWN = "_no_leaks_own"
"""The attribute in which a loop keeps the descriptors that it opened for itself."""

_patches = Patches()
_active = False


def install() -> None:
    """Begin to listen, as soon as uvloop is there."""
    global _active
    _active = True
    look_again()


def remove() -> None:
    """Leave uvloop to itself."""
    global _active
    _active = False
    _patches.undo()


def on_import(name: object) -> None:
    """Take note that an import begins: uvloop may have come since the last one."""
    look_again()


def look_again() -> None:
    """Patch uvloop where it has been loaded since; its class comes last in its import."""
    loop_class: Any = getattr(sys.modules.get("uvloop"), "Loop", None)
    if _active and loop_class is not None:
        _patches.put(loop_class, "__new__", _making)


def _making(make: Callable[..., Any]) -> Any:
    def noting(cls: Any, *args: Any, **kwargs: Any) -> Any:
        book = ledger.current()
        before = _open_now() if book is not None else set[str]()
        loop = make(cls, *args, **kwargs)
        if book is not None and before:
            try:
                own = _own(loop, before)
                setattr(loop, OWN, own)
                descriptors.note(book, MAKER, own)
            except Exception as error:
                faults.note("loops of uvloop", error)
        return loop

    return staticmethod(noting)


def _open_now() -> set[str]:
    """Return the open descriptors, without the one that lists them: it had the lowest free number."""
    free = audit.next_descriptor()
    try:
        return set(os.listdir(env.FD_FOLDER)) - {str(free)} if env.FD_FOLDER else set()
    except OSError:
        return set()  # no descriptor is free: making the loop is about to fail, too


def _own(loop: Any, before: set[str]) -> tuple[int, ...]:
    """Return what was opened since, the epoll first."""
    made = [fd for fd in map(int, _open_now() - before) if _is_libuvs(fd)]
    return tuple(sorted(made, key=lambda fd: (fd != loop._get_backend_id(), fd)))


def _is_libuvs(fd: int) -> bool:
    """Whether libuv may have opened a descriptor for a loop: its pipes do not block.

    The one that locks signals does: it is made with the first loop, and is the process's own (`rules.UNSEEN_PIPES`).
    """
    try:
        mode = os.fstat(fd).st_mode
        return not stat.S_IFMT(mode) or (stat.S_ISFIFO(mode) and not os.get_blocking(fd))
    except OSError:
        return False  # another thread's, and closed again


def own_of(record: ledger.Record) -> tuple[int, ...]:
    """Return the descriptors that a loop opened for itself, the epoll first, if this is its record."""
    if record.event != descriptors.EVENT or record.facts[0] != MAKER:
        return ()
    idents: tuple[tuple[int, ...], ...] = record.facts[1]  # type: ignore[assignment] # `descriptors.note` wrote it
    return tuple(fd for fd, *_ in idents)
