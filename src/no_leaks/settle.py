"""Settle: patience as a value; attempts bound it first, the clock second, so that a loaded machine gets no false alarm."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

ATTEMPTS = 20
FIRST_S = 1e-6
LONGEST_S = 0.1


class Patience(NamedTuple):
    """How long something may take to finish by itself: `grace_s` seconds, spread over at least 20 looks."""

    grace_s: float = 0.5

    def delays(self) -> Iterator[float]:
        """Yield the pauses between looks in seconds: doubling from 1 us to 100 ms, in sum the grace."""
        left, delay, attempts = self.grace_s, FIRST_S, 0
        while left > 0 or attempts < ATTEMPTS:
            pause = min(delay, LONGEST_S, left)
            yield pause
            left = max(0.0, left - pause)
            # What the doubling leaves over is spent in the last looks rather than lost.
            if pause == delay:
                delay *= 2
            attempts += 1


Steps = Generator[float, None, T]
"""A stage that asks for a pause by yielding its seconds; sync and async callers drive the same steps."""


def run(steps: Steps[T], sleep: Callable[[float], None] = time.sleep) -> T:
    """Drive steps by sleeping; return their result."""
    try:
        while True:
            sleep(next(steps))
    except StopIteration as done:
        result: T = done.value
        return result


async def arun(steps: Steps[T]) -> T:
    """Drive steps on the running loop, asyncio's or trio's."""
    sleep = _sleep_here()
    try:
        while True:
            await sleep(next(steps))
    except StopIteration as done:
        result: T = done.value
        return result


def _sleep_here() -> Callable[[float], Awaitable[object]]:
    """Return the sleep of the library that runs this task: anyio's asks for a trio of its own time (3.7: before 0.24)."""
    trio: Any = sys.modules.get("trio")
    if trio is not None and _is_in(trio):
        sleep: Callable[[float], Awaitable[object]] = trio.sleep
        return sleep
    import asyncio

    return asyncio.sleep


def _is_in(trio: Any) -> bool:
    """Whether this runs in a task of trio's; its host may be a loop of asyncio's."""
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return False
    return True
