"""What runs in the event loops just now, and the one thread that looks where a callback over the threshold stands."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any, TypeAlias, final

from .. import faults
from ..model import RawStack

DEPTH = 64
"""Frames looked at between the blocking line and the loop: more than for a birth, since this is done once per finding."""
DEBUGGERS = frozenset({"pdb", "bdb", "IPython", "ipdb", "pudb", "pydevd", "_pydevd_bundle", "debugpy"})
"""Modules whose frames, or trace function, mean that a person is at work."""


Span: TypeAlias = tuple[Any, float]
"""One callback or task step while it runs: the asyncio handle or trio task, and when it began."""


@final
@dataclass(slots=True)
class Mark:
    """What is known of a callback over the threshold: where it stood, and whether nothing more is to be said of it."""

    span: Span
    sample: RawStack | None = None
    told: bool = False
    """It was reported, or a debugger held it."""


busy: dict[int, Span | None] = {}
"""Thread -> the callback that runs in it; a tuple and two dictionary writes are what a callback pays."""
marks: dict[int, Mark] = {}
"""Thread -> what is known of a callback over the threshold; never touched for others."""
clock = time.monotonic
on_sample: Callable[[], None] | None = None
"""A seam for tests: called by the monitor after it has looked at a callback that is over the threshold."""
threshold_s = 0.2
interval_s = 0.01
idle = False
"""Whether the monitor sleeps, so that the next callback has to wake it."""
stops: set[CodeType] = set()
"""The loops' own code: what called the callback is of no use to the reader."""


@final
class Monitor(threading.Thread):
    """Sleeps until a callback runs, then looks at each interval; a daemon, so that it never keeps the interpreter alive."""

    _no_leaks_own = True  # the thread probe's sign that this one is ours

    def __init__(self) -> None:
        super().__init__(name="no-leaks-blocking-monitor", daemon=True)
        self._stopping = threading.Event()
        self._wake = threading.Event()

    def wake(self) -> None:
        """A callback runs while the monitor sleeps."""
        global idle
        idle = False
        self._wake.set()

    def stop(self) -> None:
        """End it and wait for its end: it never waits for anybody else."""
        self._stopping.set()
        self._wake.set()
        self.join()

    def run(self) -> None:
        """Look while there is a callback to look at."""
        global idle
        try:
            while not self._stopping.is_set():
                idle = True
                if not is_busy():  # asked after `idle` is set: a callback that begins in between wakes it
                    self._wake.wait()
                self._wake.clear()
                idle = False
                # At least one interval: it gets its turn when the loop waits, and would sleep and be woken for each callback.
                while not self._stopping.wait(interval_s) and is_busy():
                    look()
        except Exception as error:
            faults.note("blocking monitor", error)


def is_busy() -> bool:
    """Whether a callback runs in any thread."""
    return any(span is not None for span in list(busy.values()))


def is_over(span: Span) -> bool:
    """Whether a callback has run longer than the threshold."""
    return clock() - span[1] > threshold_s


def mark_of(thread: int, span: Span) -> Mark:
    """Return what is known of a callback over the threshold."""
    mark = marks.get(thread)
    if mark is None or mark.span is not span:
        mark = marks[thread] = Mark(span)
    return mark


def look() -> None:
    """Take the stack of each callback that is over the threshold, once."""
    late = {thread: mark_of(thread, span) for thread, span in list(busy.items()) if span is not None and is_over(span)}
    if any(mark.sample is None for mark in late.values()):
        frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage]  # public in all but name, and documented
        for thread, mark in late.items():
            mark.sample = mark.sample or _stack(frames.get(thread), mark)
        if on_sample is not None:
            on_sample()


def _stack(frame: FrameType | None, mark: Mark) -> RawStack:
    """Return where a callback stands, innermost first, down to the loop that called it."""
    pairs: list[tuple[CodeType, int]] = []
    while frame is not None and frame.f_code not in stops and len(pairs) < DEPTH:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in DEBUGGERS:
            mark.told = True
        pairs.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return tuple(pairs)
