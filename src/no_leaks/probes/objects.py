"""The Python object behind a descriptor: searched for only where something leaked, to name its holder and to close it."""

from __future__ import annotations

import gc
import io
import socket

from .. import faults
from ..layers import LAYERS, descriptor_of
from ..model import Kind

_OWNERS = (*LAYERS, socket.socket)
_SELECTORS = ("EpollSelector", "KqueueSelector")
"""They own an epoll or kqueue, whose own objects the collector does not know; an event loop may own the selector."""
_NAMED = (*_SELECTORS, "Connection")


def all_of_descriptor(fd: int) -> list[object]:
    """Return the live files, sockets and selectors that say they own this descriptor."""
    found: list[object] = []
    things: list[object] = gc.get_objects()
    for thing in things:
        cls = type(thing)
        # type() and not isinstance(): a proxy's __class__ would run the user's code for every object of the heap.
        if (issubclass(cls, _OWNERS) or cls.__name__ in _NAMED) and descriptor_of(thing) == fd:
            found.append(thing)
    return found


def of_descriptor(fd: int) -> object | None:
    """Return the object that a user would call the owner: a socket, or the outermost layer of a file."""
    things = all_of_descriptor(fd)
    return min(things, key=_rank, default=None)


def close(fd: int, kind: Kind) -> str:
    """Close the owner of a descriptor; return "closed", or "" where that is not safe or nobody owns it."""
    owner = of_descriptor(fd)
    if owner is None or type(owner).__name__ in _SELECTORS:
        return ""  # a loop whose selector is taken away spins
    if kind == "pipes" and not isinstance(owner, (io.BufferedReader, io.FileIO)):
        return ""  # flushing into a full pipe would block
    try:
        owner.close()  # type: ignore[attr-defined]
    except Exception as error:
        faults.words(error)
        return ""
    return "closed"


def _rank(thing: object) -> int:
    for rank, layer in enumerate(LAYERS):
        if isinstance(thing, layer):
            return rank
    return -1
