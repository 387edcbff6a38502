"""Patience with event loops: turns of an idle loop, attempts first and the clock second, until what was pending is done."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from .. import ledger
from . import asyncio_loops, owned

MOST_TURNS = 20
LEAST_TURNS = 6
"""Turns that are granted whatever the clock says: a loaded machine is no reason to accuse."""
FIRST_DELAY_S = 1e-6
LONGEST_DELAY_S = 0.1

_grace_s = 0.5


def set_grace(seconds: float) -> None:
    """Set how long something pending may take to finish by itself."""
    global _grace_s
    _grace_s = seconds


def grace_s() -> float:
    """Return how long something pending may take to finish by itself."""
    return _grace_s


def spin_until(loop: Any, is_done: Callable[[], bool]) -> None:
    """Turn an idle loop until `is_done()`, the patience ends, or nothing is left that could wake it."""
    deadline = time.monotonic() + _grace_s
    delay_s = FIRST_DELAY_S
    for turns in range(1, MOST_TURNS + 1):
        if not turn(loop, delay_s) or is_done():
            return
        left_s = deadline - time.monotonic()
        if turns >= LEAST_TURNS and (left_s <= 0 or _sleeps_for_good(loop, left_s)):
            return
        delay_s = min(delay_s * 2, LONGEST_DELAY_S, max(left_s, FIRST_DELAY_S))


def running_loop() -> Any:
    """Return the loop that runs in this thread, or None."""
    return sys.modules["asyncio"]._get_running_loop()


def tasks_of(loop: Any) -> list[Any]:
    """Return the tasks that are pending on a loop, oldest first where their names count up."""
    asyncio: Any = sys.modules["asyncio"]
    return sorted(asyncio.all_tasks(loop), key=lambda task: (len(task.get_name()), task.get_name()))


def turn(loop: Any, delay_s: float = 0.0) -> bool:
    """Run an idle loop for a moment; False where it cannot be run, or was stopped by its own callbacks."""
    asyncio: Any = sys.modules["asyncio"]
    if loop.is_closed() or loop.is_running() or running_loop() is not None:
        return False
    # Not loop.create_task: a factory of the user's (eager tasks, say) has no business with ours.
    task = asyncio.Task(asyncio.sleep(delay_s), loop=loop)
    try:
        loop.run_until_complete(task)
    except RuntimeError:  # a callback called loop.stop()
        task.cancel()
        return False
    return True


def _sleeps_for_good(loop: Any, within_s: float) -> bool:
    """Whether nothing can wake a loop in time: no callback, timer, descriptor, and no thread that could call it."""
    return threading.active_count() == 1 and asyncio_loops.is_quiet(loop, within_s)


def spin_loops(book: ledger.Ledger) -> None:
    """Turn once every idle loop of this thread on which a task of the ledger is pending."""
    if "asyncio" in sys.modules:
        tasks: list[Any] = [task for _, task in owned.living(book, owned.TASK)]
        for loop in {task.get_loop() for task in tasks if not task.done()}:
            if _is_this_threads(loop):
                turn(loop)


def _is_this_threads(loop: Any) -> bool:
    """Whether a loop was made by this thread, or nobody else can have made it."""
    birth = owned.find(loop, owned.LOOP)
    if birth is None:
        return threading.active_count() == 1
    return birth.record.facts[1] == threading.get_native_id()
