"""The window: what is older than the tests is frozen, so that a collection costs what the last few tests have made.

All that is odd about `gc.freeze()` lives here. What is frozen, the collector neither walks nor frees, `gc.get_objects()`
does not list and `gc.get_referrers()` does not see. A program must notice none of this: before it asks, all is unfrozen
(the audit events `gc.get_objects` and `gc.get_referrers` come before the answer, and the callbacks of a collection before
the generations are merged: CPython 3.10 to 3.13). What was alive when it was frozen and is garbage now waits for the next
thaw. Where the interpreter's collector works otherwise (see `reason`), nothing is frozen, and every collection walks the heap.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from . import warnings_

THAW_SHARE = 0.01
"""Share of the processor's time that thawing may take: a suite that mostly waits would else be thawed for nothing."""
WALK_S = 1e-7
"""What a collection takes for one block of memory, until one has been measured; counting the objects would walk the heap."""

BORN_FROZEN = 1000
"""An interpreter may freeze some objects at its own start (3.12: 375); a program that freezes does so with more."""

_users = 0
_reason: str | None = None
_frozen = False
_is_kept = False
_ours = False
freezes: int = 0
"""How often all was frozen so far: what was young before is hidden since."""
_thawed_s = 0.0
"""The processor's time at the last thaw."""
_asked_s = 0.0
"""When that was last asked for, by the clock."""
_cost_s = 0.0


def reason() -> str:
    """Return why nothing can be frozen here, "" where it can; asked of the interpreter once, by trying."""
    global _reason
    if _reason is None:
        _reason = _why_not()
    return _reason


def install() -> None:
    """Freeze all that there is; a run within a run looks through the outer one's window."""
    global _users, _thawed_s, _asked_s, _cost_s
    _users += 1
    if _users > 1 or reason() or gc.get_freeze_count() > BORN_FROZEN:
        return  # what the program has frozen by itself is to stay so
    warnings_.asked = _asked
    _freeze()
    _thawed_s, _asked_s = time.process_time(), time.monotonic()
    _cost_s = WALK_S * sys.getallocatedblocks()


def remove() -> None:
    """Unfreeze all."""
    global _users
    _users -= 1
    if not _users:
        warnings_.asked = None
        unfreeze()


def audited() -> dict[str, Callable[[tuple[Any, ...]], None]]:
    """Return what to do at which audit event: who asks for objects is to see them all."""
    return dict.fromkeys(("gc.get_objects", "gc.get_referrers"), lambda _: None if _ours else unfreeze())


def turn() -> bool:
    """Let all that there is be old from now on: what is made next is young. False where nothing can be frozen."""
    if warnings_.asked is None:
        return False
    _freeze()
    return True


def young() -> list[object]:
    """Return the objects made since the last turn that are alive; what is old stays old."""
    global _ours
    _ours = True
    try:
        return gc.get_objects()
    finally:
        _ours = False


def everything() -> list[object]:
    """Return all objects that the collector knows of, old and young: a walk over the heap."""
    with wide_open():
        return gc.get_objects()


@contextmanager
def kept() -> Generator[None]:
    """Let nothing become old meanwhile that is young now, unless the program itself asks for a collection."""
    global _is_kept
    outer, _is_kept = _is_kept, True
    try:
        yield
    finally:
        _is_kept = outer


def shut() -> None:
    """Freeze again where somebody had to see all; collect all first, if that is cheap against the time since the last."""
    if warnings_.asked is None or _is_kept:
        return
    if _is_due():
        _thaw()
    elif not _frozen:
        _freeze()


def _is_due() -> bool:
    """Whether a thaw is cheap against the processor's time since the last; that is asked for (2 to 50 us) when the clock allows it."""
    global _asked_s
    now = time.monotonic()
    if (now - _asked_s) * THAW_SHARE <= _cost_s:
        return False
    _asked_s = now
    return (time.process_time() - _thawed_s) * THAW_SHARE > _cost_s


def _thaw() -> None:
    global _thawed_s, _cost_s
    start = time.process_time()
    unfreeze()
    warnings_.collect()
    _freeze()
    _thawed_s = time.process_time()
    _cost_s = _thawed_s - start


def listed(generation: int) -> list[object]:
    """Return what is in one generation and not frozen; for us alone, nothing is unfrozen for this question."""
    global _ours
    _ours = True
    try:
        return gc.get_objects(generation)
    finally:
        _ours = False


def is_shut() -> bool:
    """Whether a collection would pass over something."""
    return _frozen


@contextmanager
def wide_open() -> Generator[None]:
    """Let us see and collect all that there is, old and young."""
    was_frozen = _frozen
    unfreeze()
    try:
        yield
    finally:
        if was_frozen:
            _freeze()


def unfreeze() -> None:
    """Let all be seen again, by whoever asks."""
    global _frozen
    if _frozen:
        _frozen = False
        gc.unfreeze()


def _asked(begins: bool) -> None:
    """Let a collection that the program asks for free all that it would have freed."""
    if begins:
        unfreeze()
    else:
        _freeze()


def _freeze() -> None:
    global _frozen, freezes
    gc.freeze()
    _frozen = True
    freezes += 1


def _why_not() -> str:
    """Try with a list that is young: frozen, it must hide, and nothing must stay frozen when all is unfrozen."""
    if not hasattr(gc, "freeze") or not hasattr(sys, "getallocatedblocks"):
        return "this interpreter cannot freeze objects"
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return "free-threaded builds of Python freeze nothing"
    # A collection of the interpreter's own may come in between.
    return "" if any(_hides() for _ in range(3)) else "gc.freeze() does not hide what it freezes"


def _hides() -> bool:
    theirs = gc.get_freeze_count() > BORN_FROZEN
    plant: list[object] = []
    plant.append(plant)
    was_listed = _is_young(plant)
    gc.freeze()
    hides = not _is_young(plant)
    if not theirs:
        gc.unfreeze()
    thaws = theirs or gc.get_freeze_count() == 0
    plant.clear()
    return was_listed and hides and thaws


def _is_young(thing: object) -> bool:
    return any(one is thing for one in gc.get_objects(0))
