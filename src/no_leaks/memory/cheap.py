"""Cheap: whether repetitions beyond what is needed cost next to nothing, by both clocks."""

from __future__ import annotations

from collections.abc import Callable

CHEAP_S = 0.15
"""So much of the processor's time is given to repetitions beyond what is needed: a cache that is bounded is full by then."""
LOADED = 10
"""And so many times that by the clock on the wall."""
FIRST, LATER = 2, 10
"""How many times that native memory is worth: while nothing is known, and once it has grown over many repetitions."""


class Cheap:
    """Both clocks, since `begin`."""

    def __init__(self, clock: Callable[[], float], work: Callable[[], float]) -> None:
        self._clock = clock
        self._work = work
        self.begin()

    def begin(self) -> None:
        """From now on it counts."""
        self._from = self._clock(), self._work()

    def is_so(self, times: int = 1) -> bool:
        """Whether there is more to give, or so many times more."""
        wall, work = self._from
        return self._work() - work < CHEAP_S * times and self._clock() - wall < CHEAP_S * times * LOADED
