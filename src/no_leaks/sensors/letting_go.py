"""Lets go of what was reported: cancels a task or timer, closes a loop or generator, where this thread may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import owned, patience


def of(event: str, thing: Any) -> str:
    """Let go of one thing; return what was done, or "" where it is not safe."""
    return _HOW[event](thing)


def _cancel_task(task: Any) -> str:
    loop = task.get_loop()
    if loop.is_closed() or not _is_this_threads(loop):
        return ""
    task.cancel()
    patience.turn(loop)
    return "cancelled"


def _cancel_timer(handle: Any) -> str:
    handle.cancel()
    return "cancelled"


def _close_loop(loop: Any) -> str:
    if loop.is_running():
        return ""
    for task in patience.tasks_of(loop):
        task.cancel()  # closed under them, they would be destroyed while pending, and complain of it later
    patience.turn(loop)
    loop.close()
    return "closed"


def _is_this_threads(loop: Any) -> bool:
    """Whether a loop is idle or running here: a loop that another thread runs is not thread-safe."""
    return not loop.is_running() or patience.running_loop() is loop


def _leave(thing: Any) -> str:
    """Leave a generator alone: only the code that iterates over it can close it in the right place."""
    return ""


_HOW: dict[str, Callable[[Any], str]] = {
    owned.TASK: _cancel_task,
    owned.TIMER: _cancel_timer,
    owned.LOOP: _close_loop,
    owned.AGEN: _leave,
}
