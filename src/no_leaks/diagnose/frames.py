"""Frames: which local variable holds what, in the frames that run now and in suspended ones; leaves no trace in them.

Until 3.12 `frame.f_locals` is a snapshot that the frame keeps, and that would hold each of its values until the function
ends: it is emptied again, unless somebody else (a debugger, a `locals()` of the user's) has it too.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from inspect import CO_OPTIMIZED
from types import FrameType

HIDDEN = ("no_leaks", "_pytest", "pluggy", "pytest")
"""Packages whose frames and objects hold things for the time of the check alone."""

DEPTH = 64
SNAPSHOTS = sys.version_info < (3, 13)
_OWN_REFERENCES = 3
"""References to a snapshot that nobody else has: the frame's, ours, and the one of the call that counts them."""

Held = dict[int, tuple[str, ...]]


def running(thing: object) -> Held:
    """Return identity -> name for the local variables of all running frames, but the thing's own if it is a thread."""
    held: Held = {}
    threads = {thread.ident: thread for thread in threading.enumerate()}
    # No variable for a frame: this function's own is among them, and would keep itself and its callers alive.
    tops = sys._current_frames()  # pyright: ignore[reportPrivateUsage]  # public in all but name, and documented
    try:
        for ident in tops:
            thread = threads.get(ident)
            if thread is None or thread is not thing:
                name = thread.name if thread is not None else str(ident)
                _add(held, tops[ident], () if ident == threading.get_ident() else (f"thread {name}",))
    finally:
        tops.clear()
    return held


def variable(frame: FrameType | None, thing: object) -> str:
    """Return "frame f: variable x" for the variable of a frame that holds a thing."""
    if frame is None:
        return ""
    name = next((name for name, ident in local_ids(frame) if ident == id(thing)), None)
    return f"frame {frame.f_code.co_name}" + (f": variable {name}" if name is not None else "")


def local_ids(frame: FrameType) -> list[tuple[str, int]]:
    """Return name and identity of each variable of a function's frame; nothing of modules, classes and rewritten asserts."""
    if not frame.f_code.co_flags & CO_OPTIMIZED:
        return []
    space = frame.f_locals
    names = [(name, id(value)) for name, value in list(space.items()) if name.isidentifier()]
    if SNAPSHOTS and sys.getrefcount(space) <= _OWN_REFERENCES:
        space.clear()
    return names


def is_hidden(frame: FrameType) -> bool:
    """Whether a frame runs our code or the test runner's."""
    return is_hidden_module(str(frame.f_globals.get("__name__", "")))


def is_hidden_module(name: str) -> bool:
    """Whether a module is ours or the test runner's."""
    return name.partition(".")[0] in HIDDEN


def _add(held: Held, top: FrameType, prefix: tuple[str, ...]) -> None:
    for frame in _chain(top):
        if not is_hidden(frame):
            for name, ident in local_ids(frame):
                held.setdefault(ident, (*prefix, f"frame {frame.f_code.co_name}: variable {name}"))


def _chain(top: FrameType) -> Iterator[FrameType]:
    frame: FrameType | None = top
    for _ in range(DEPTH):
        if frame is None:
            return
        yield frame
        frame = frame.f_back
