"""What an event loop and its timers say of themselves; values only.

Private parts of asyncio (3.10 to 3.14): a loop's `_ready`, `_scheduled`, `_asyncgens`, `_selector`, `_ssock`, `_csock`, and a timer
handle's `_scheduled`, `_loop`, `_callback`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from . import uvloops


def scheduled_s(handle: Any) -> float | None:
    """Return in how many seconds a timer fires; None if it fired, was cancelled, or its loop is closed."""
    if handle.cancelled() or not handle._scheduled or handle._loop.is_closed():
        return None
    return float(handle.when() - handle._loop.time())


def callback_of(handle: Any) -> Any:
    """Return what a timer calls."""
    return handle._callback


def timers_of(loop: Any) -> list[Any]:
    """Return the timers that a loop has scheduled; uvloop does not say."""
    return list(getattr(loop, "_scheduled", ()))


def generators_of(loop: Any) -> list[Any] | None:
    """Return the async generators that are alive on a loop; None of uvloop's, which does not say."""
    alive: Iterable[Any] | None = getattr(loop, "_asyncgens", None)
    return None if alive is None else list(alive)


def descriptors_of(loop: Any) -> tuple[int, ...]:
    """Return the descriptors that a loop has for itself: its selector's, and its pipe to itself; what uvloop opens, as `uvloops` saw it."""
    found: list[int] = []
    for name in ("_selector", "_ssock", "_csock"):
        part = getattr(loop, name, None)
        try:
            if part is not None:
                found.append(part.fileno())
        except (AttributeError, OSError, ValueError):
            continue  # the portable selectors (select, poll) have none
    backend: Callable[[], int] | None = getattr(loop, "_get_backend_id", None)  # uvloop's selector; it says no more
    if backend is not None:
        found.append(backend())
    return tuple(fd for fd in dict.fromkeys((*found, *getattr(loop, uvloops.OWN, ()))) if fd >= 0)


def is_quiet(loop: Any, within_s: float) -> bool:
    """Whether a loop of asyncio's has no callback, descriptor or timer that could wake it in time; False if unknown."""
    selector = getattr(loop, "_selector", None)
    if selector is None or getattr(loop, "_ready", True) or len(selector.get_map() or ()) > 1:
        return False
    return all((left_s := scheduled_s(handle)) is None or left_s > within_s for handle in loop._scheduled)
