"""Births on event loops: the loops themselves, their timers and async generators, and what they see destroyed.

Private parts of asyncio: `BaseEventLoop._asyncgen_firstiter_hook` and `._asyncgen_finalizer_hook` (3.10 to 3.14).
uvloop's class has the same hooks; its timers take no weak reference and cannot be seen.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

from .. import deaths, faults, ledger
from . import cleanups, losses, owned
from .patches import Patches

_PLUMBING = "asyncio."
_DESTROYED = "Task was destroyed but it is pending!"

_patches = Patches()
_at_loop: Callable[[], None] = lambda: None  # noqa: E731 - who asks for it sets it anew


def at_each_loop(call: Callable[[], None]) -> None:
    """Have `call()` called whenever a loop is made: who is about to run it is loaded by then, however it was imported."""
    global _at_loop
    _at_loop = call


def install(loop_class: Any) -> str:
    """Begin to see births on this class of loops; return "" or what cannot be seen."""
    owned.stop_at("_run", sys.modules["asyncio.events"].Handle._run.__code__)
    seen = {
        "event loops": _patches.put(loop_class, "__init__", _creating),
        "async generators": _patches.put(loop_class, "_asyncgen_firstiter_hook", _starting)
        and _patches.put(loop_class, "_asyncgen_finalizer_hook", _dropping),
        "unclosed loops": not hasattr(loop_class, "__del__") or _patches.put(loop_class, "__del__", _finalizing),
        "destroyed tasks": _patches.put(loop_class, "call_exception_handler", _destroying),
        "timers": hasattr(loop_class, "_run_once") and _patches.put(loop_class, "call_at", _scheduling),
    }
    return ", ".join(what for what, is_seen in seen.items() if not is_seen)


def remove() -> None:
    """Stop seeing births."""
    at_each_loop(lambda: None)
    _patches.undo()


def _creating(init: Callable[..., None]) -> Callable[..., None]:
    def noting(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        try:
            _at_loop()
            book = ledger.current()
            if book is not None:
                # With its thread, by the system's number: only that one may turn the loop later, and the next has its ident.
                owned.write(book, owned.LOOP, self, owned.frame_up(1), threading.get_native_id())
        except Exception as error:
            faults.note("event loops", error)

    return noting


def _finalizing(finalize: Callable[[Any], None]) -> Callable[[Any], None]:
    def noting(self: Any, *args: Any) -> None:
        losses.unclosed(self)
        finalize(self, *args)

    return noting


def _scheduling(call_at: Callable[..., Any]) -> Callable[..., Any]:
    def noting(self: Any, when: float, callback: Callable[..., object], *args: Any, **kwargs: Any) -> Any:
        handle = call_at(self, when, callback, *args, **kwargs)
        try:
            if handle._source_traceback:
                del handle._source_traceback[-1]  # debug mode: each caller takes its own frame off
            book = ledger.current()
            if book is not None and not str(getattr(callback, "__module__", "")).startswith(_PLUMBING):
                owned.write(book, owned.TIMER, handle, owned.frame_up(1))
        except Exception as error:
            faults.note("timers", error)
        return handle

    return noting


def _starting(first: Callable[..., None]) -> Callable[..., None]:
    def noting(self: Any, agen: Any) -> None:
        first(self, agen)
        try:
            book = ledger.current()
            if book is not None:
                owned.write(book, owned.AGEN, agen, owned.frame_up(1), weakref.ref(self))
            else:
                deaths.pass_over()
        except Exception as error:
            faults.note("async generators", error)

    return noting


def _dropping(finalize: Callable[..., None]) -> Callable[..., None]:
    def noting(self: Any, agen: Any) -> None:
        losses.dropped(agen, cleanups.is_pending)
        finalize(self, agen)

    return noting


def _destroying(handler: Callable[..., None]) -> Callable[..., None]:
    def noting(self: Any, context: dict[str, Any]) -> None:
        if context.get("message") == _DESTROYED:
            losses.destroyed(context.get("task"))
        handler(self, context)

    return noting
