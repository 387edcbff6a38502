"""Thread births: each thread inherits the ledger at work where it is started, and its start is on record.

From 3.12 on the audit events of `_thread` carry the thread; 3.10 and 3.11 do not raise them, so `Thread.start` is wrapped there.
No event tells the ident of a raw thread, which is soon another's: the functions that start one are wrapped by name, too.
"""

from __future__ import annotations

import _thread
import functools
import itertools
import threading
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

from .. import env, faults, ledger, origin
from .patches import Patches

RAW = "_thread.start_new_thread"
"""The event of a raw thread's record: its facts are the code, the name and, where it is known, the serial number."""

_original: Callable[[threading.Thread], None] | None = None
_patches = Patches()
_serials: dict[int, int] = {}
_numbers = itertools.count(1)


def audited() -> dict[str, Callable[[tuple[Any, ...]], None]]:
    """Return the audit events that this sensor wants: event -> callable."""
    if not env.PY312:
        return {}
    return {RAW: on_start, "_thread.start_joinable_thread": on_start}


def on_start(args: tuple[Any, ...]) -> None:
    """Take note of a thread that is about to start: a `Thread`, or a bare function of a raw one."""
    target = args[0]
    thread = getattr(target, "__self__", None)
    # Frames up: on_start, the audit hook's lambda, the hook; then Thread.start or the user's own call.
    frame = origin.frame_up(3)
    if isinstance(thread, threading.Thread):
        note(thread, frame)
        return
    note_raw(target, frame)


def note_raw(target: Any, frame: FrameType) -> None:
    """Record where a raw thread was started, and with what function."""
    book = ledger.current()
    if book is not None:
        code = getattr(target, "__code__", None)
        name = getattr(target, "__qualname__", type(target).__qualname__)
        book.raw_starts += 1
        book.records.append(ledger.Record(RAW, (code, name), origin.capture(frame)))


def note(thread: threading.Thread, frame: FrameType) -> None:
    """Hand the ledger at work to a thread and record where it was started."""
    ledger.hand_to(thread)
    book = ledger.current()
    if book is not None:
        book.records.append(
            ledger.Record("threading.Thread.start", (thread.name,), origin.capture(frame), weakref.ref(thread))
        )


def serial_of(ident: int) -> int:
    """Return the number of the last start of a raw thread with this ident; 0 where none was seen."""
    return _serials.get(ident, 0)


def _starting(start: Callable[..., int]) -> Callable[..., int]:
    @functools.wraps(start)
    def noting(*args: Any, **kwargs: Any) -> int:
        ident = start(*args, **kwargs)
        if not env.PY312:
            _guarded(note_raw, args[0], origin.frame_up(1))
        _guarded(_number, ident, args[0])
        return ident

    return noting


def _number(ident: int, target: Any) -> None:
    """Give a raw thread that has just started a number of its own, and its record the same."""
    serial = _serials[ident] = next(_numbers)
    book = ledger.current()
    code = getattr(target, "__code__", None)
    for record in book.of(RAW) if book is not None else ():
        if len(record.facts) == 2 and record.facts[0] is code:
            record.facts = (*record.facts, serial)
            break


def _guarded(call: Callable[..., None], *args: Any) -> None:
    try:
        call(*args)
    except Exception as error:
        faults.note("thread starts", error)


def install() -> None:
    """Wrap what starts raw threads, and `Thread.start` where the interpreter does not tell (3.10, 3.11)."""
    global _original
    for name in ("start_new_thread", "start_new"):
        _patches.put(_thread, name, _starting)
    if env.PY312 or _original is not None:
        return
    original = _original = threading.Thread.start

    @functools.wraps(original)
    def start(self: threading.Thread) -> None:
        _guarded(note, self, origin.frame_up(1))
        original(self)

    threading.Thread.start = start  # type: ignore[method-assign]


def remove() -> None:
    """Put back what was wrapped, unless somebody else has replaced it since; idents keep their numbers."""
    global _original
    _patches.undo()
    if _original is not None and getattr(threading.Thread.start, "__wrapped__", None) is _original:
        threading.Thread.start = _original  # type: ignore[method-assign, assignment] # it was read from there
    _original = None
