"""Thread births: each thread inherits the ledger at work where it is started, and its start is on record.

From 3.12 on the audit events of `_thread` carry the thread; 3.10 and 3.11 do not raise them, so `Thread.start` is wrapped there.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

from .. import env, faults, ledger, origin

_original: Callable[[threading.Thread], None] | None = None


def audited() -> dict[str, Callable[[tuple[Any, ...]], None]]:
    """Return the audit events that this sensor wants: event -> callable."""
    if not env.PY312:
        return {}
    return {"_thread.start_new_thread": on_start, "_thread.start_joinable_thread": on_start}


def on_start(args: tuple[Any, ...]) -> None:
    """Take note of a thread that is about to start: a `Thread`, or a bare function of a raw one."""
    target = args[0]
    thread = getattr(target, "__self__", None)
    # Frames up: on_start, the audit hook's lambda, the hook; then Thread.start or the user's own call.
    frame = origin.frame_up(3)
    if isinstance(thread, threading.Thread):
        note(thread, frame)
        return
    book = ledger.current()
    if book is not None:
        code = getattr(target, "__code__", None)
        name = getattr(target, "__qualname__", type(target).__qualname__)
        book.raw_starts += 1
        book.records.append(ledger.Record("_thread.start_new_thread", (code, name), origin.capture(frame)))


def note(thread: threading.Thread, frame: FrameType) -> None:
    """Hand the ledger at work to a thread and record where it was started."""
    ledger.hand_to(thread)
    book = ledger.current()
    if book is not None:
        book.records.append(
            ledger.Record("threading.Thread.start", (thread.name,), origin.capture(frame), weakref.ref(thread))
        )


def install() -> None:
    """Wrap `Thread.start` where the interpreter does not tell (3.10, 3.11)."""
    global _original
    if env.PY312 or _original is not None:
        return
    original = _original = threading.Thread.start

    @functools.wraps(original)
    def start(self: threading.Thread) -> None:
        try:
            note(self, origin.frame_up(1))
        except Exception as error:
            faults.note("thread starts", error)
        original(self)

    threading.Thread.start = start  # type: ignore[method-assign]


def remove() -> None:
    """Put `Thread.start` back, unless somebody else has replaced it since."""
    global _original
    if _original is not None and getattr(threading.Thread.start, "__wrapped__", None) is _original:
        threading.Thread.start = _original  # type: ignore[method-assign, assignment] # it was read from there
    _original = None
