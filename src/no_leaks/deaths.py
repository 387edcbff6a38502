"""What has just died: an address is soon another's, and a reference that was cleared in this moment is not."""

from __future__ import annotations

import weakref
from collections import deque
from itertools import islice

_NEAR = 8
"""Deaths between that of a thing and its finalizer: none, but for what other threads let go of in between."""
_dead: deque[weakref.ref[object] | None] = deque(maxlen=65536)
"""References in the order in which they died, in a collection those that it cleared; None where a thing was born unwatched."""
_before: tuple[weakref.ref[object] | None, ...] = ()
"""The last deaths before the collection that runs: it may come between the death of a thing and its finalizer."""
_is_collecting = False


def watch(thing: object) -> weakref.ref[object]:
    """Return a weak reference whose death is noted (0.1 us)."""
    return weakref.ref(thing, _dead.append)


def pass_over() -> None:
    """Take note that a thing is born which nobody watches: what died before this moment is not it."""
    _dead.append(None)


def collection(*, begins: bool) -> None:
    """Take note that a collection begins, or has ended."""
    global _is_collecting, _before
    _is_collecting = begins
    if begins:
        _before = tuple(islice(reversed(_dead), _NEAR))
    _dead.clear()
    if not begins:
        _dead.extend(reversed(_before))


def is_dying(reference: weakref.ref[object]) -> bool:
    """Whether the thing of a dead reference is being destroyed now: by the collection that runs, or as the last of all.

    The collector clears all references before the first finalizer; an async generator's are always cleared before its own.
    """
    if _is_collecting:
        return reference in _dead
    for dead in islice(reversed(_dead), _NEAR):
        if dead is None or dead is reference:
            return dead is not None
    return False
