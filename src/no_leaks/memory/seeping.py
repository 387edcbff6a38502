"""Seeping: whether a little native memory is lost each time; told over many repetitions, as a heap gives it out in batches.

A C library's heap keeps what was freed, and hands it out again by the handful (glibc: eight pieces of a size at once). So
what one repetition takes from it says nothing, and what eight times sixteen take, each about as much, does.
"""

from __future__ import annotations

from array import array

from ..sensors import warnings_
from . import readings

WINDOW = 16
"""Repetitions that are taken together: some handfuls."""
WINDOWS = 8
"""So many in a row have to agree: a heap that is used at random takes more now and then, and less and less."""
MOST_WINDOWS = 14
LEAST = 64
"""Bytes a repetition: the least that is told; half of it in one window, where a handful was taken before."""
EVEN = 1.3
"""One window may take so many times another's."""


class Seeping:
    """The native heap, from one window to the next."""

    def __init__(self) -> None:
        self.calls = 0
        self._windows = array("q")
        self._last = readings.heap()
        self.is_answered = self._last == 0
        """Whether there is nothing more to learn; so from the start where the heap cannot be asked."""

    def look(self) -> None:
        """Take note of a repetition."""
        self.calls += 1
        if self.calls % WINDOW:
            return
        warnings_.collect()
        used = readings.heap()
        self._windows.append(used - self._last)
        self._last = used
        is_little = self._windows[-1] < LEAST * WINDOW // 2
        self.is_answered = is_little or self.is_proven or len(self._windows) >= MOST_WINDOWS

    @property
    def is_proven(self) -> bool:
        """Whether the last windows took about as much each."""
        last = self._windows[-WINDOWS:]
        return len(last) == WINDOWS and min(last) > 0 and max(last) <= EVEN * min(last)

    @property
    def rounds(self) -> tuple[int, ...]:
        """Bytes a repetition in each of the last windows."""
        return tuple(taken // WINDOW for taken in self._windows[-WINDOWS:])
