"""What a `__del__` that warns is about: the socket, file or child of its object, found among what the object holds."""

from __future__ import annotations

import socket
from types import FrameType, ModuleType
from typing import NamedTuple

from .. import births, env, ledger, referents
from ..layers import LAYERS, descriptor_of

_DEPTH = 4 if env.PY311 else 5
"""Steps from the object inwards; up to 3.10 an instance's dict is one of them."""
_MOST = 400
_UP = 4
"""Frames between `warnings.warn` and the `__del__` that calls it."""


class Holding(NamedTuple):
    """The descriptor and the birth that an object's own resource has; either may be unknown."""

    fd: int | None
    birth: births.Birth | None


def holding_of(frame: FrameType | None, book: ledger.Ledger) -> Holding:
    """Return what the object holds whose `__del__` is running in or above a frame."""
    thing = _dying(frame)
    if thing is None:
        return Holding(None, None)
    known = {id(made): birth for birth in _living() if (made := _object(birth)) is not None}
    seen: set[int] = set()
    waiting, depth = [thing], 0
    while waiting and depth < _DEPTH and len(seen) < _MOST:
        for held in waiting:
            if id(held) in known:
                return Holding(descriptor_of(held), known[id(held)])
            if issubclass(type(held), (*LAYERS, socket.socket)) and (fd := descriptor_of(held)) is not None:
                # The collector clears weak references before it finalizes: then the number still tells.
                return Holding(fd, births.of_descriptor(fd, book))
        seen.update(map(id, waiting))
        waiting = [held for held in referents.of(*waiting) if id(held) not in seen and not _leads_away(held)]
        depth += 1
    return Holding(None, None)


def _dying(frame: FrameType | None) -> object | None:
    for _ in range(_UP):
        if frame is None:
            return None
        if frame.f_code.co_name == "__del__":
            return frame.f_locals.get("self")
        frame = frame.f_back
    return None


def _living() -> list[births.Birth]:
    return [
        births.Birth(book, record)
        for book in ledger.all_ledgers()
        for record in book.of("socket.__new__", "subprocess.Popen")
    ]


def _object(birth: births.Birth) -> object | None:
    return birth.record.ref() if birth.record.ref is not None else None


def _leads_away(thing: object) -> bool:
    """Whether a referent is shared by the whole program: through its class or module one reaches everything."""
    return isinstance(thing, (type, ModuleType)) or hasattr(thing, "__code__")
