"""Task births, whatever the loop: asyncio registers each task in one weak set, and the set's `add` is ours.

Private part of asyncio: `asyncio.tasks._all_tasks` (3.10, 3.11) or `_scheduled_tasks` (3.12, 3.13), whose `add` the
C accelerator looks up for every task, uvloop's and eager ones that did not finish at once included. From 3.14 on C
tasks live in a linked list instead: there `BaseEventLoop.create_task` is wrapped, and other loops' tasks are unseen.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .. import env, faults, ledger
from . import owned
from .patches import Patches

HOUSEKEEPING = frozenset(
    f"{loop}.{name}"
    for loop in ("BaseEventLoop", "Loop")
    for name in ("shutdown_asyncgens", "shutdown_default_executor")
)
"""Coroutines of the loop itself, which every runner runs to their end: two of three tasks of a test."""

_patches = Patches()
_once: Callable[[Any], None] | None = None


def install() -> str:
    """Begin to see births; return "" or the reason why they cannot be seen. Needs a loaded asyncio."""
    if env.PY314:
        seen = _patches.put(sys.modules["asyncio.base_events"].BaseEventLoop, "create_task", _creating)
    else:
        registry: Any = getattr(sys.modules["asyncio.tasks"], "_scheduled_tasks" if env.PY312 else "_all_tasks", None)
        is_known: bool = hasattr(registry, "add") and hasattr(registry, "data")
        seen = is_known and _patches.put(registry, "add", _adding)
    return "" if seen else "this asyncio registers its tasks in a way that is not known here"


def remove() -> None:
    """Stop seeing births."""
    global _once
    _once = None
    _patches.undo()


def at_next_birth(call: Callable[[Any], None]) -> None:
    """Have `call(task)` called once, when the next task is born: by then a module whose import began is loaded."""
    global _once
    _once = call


def _adding(add: Callable[[Any], None]) -> Callable[[Any], None]:
    def noting(task: Any) -> None:
        add(task)
        _note(task)

    return noting


def _creating(create_task: Callable[..., Any]) -> Callable[..., Any]:
    def noting(*args: Any, **kwargs: Any) -> Any:
        task = create_task(*args, **kwargs)
        _note(task)
        return task

    return noting


def _note(task: Any) -> None:
    global _once
    try:
        book = ledger.current()
        if book is not None and getattr(task.get_coro(), "__qualname__", "") not in HOUSEKEEPING:
            owned.write(book, owned.TASK, task, owned.frame_up(2))
            if _once is not None:
                call, _once = _once, None
                call(task)
    except Exception as error:
        faults.note("task births", error)
