"""Budget: how much of the run's time may go to us; what is over it is not repeated, and listed as unconfirmed."""

from __future__ import annotations

import time
from collections.abc import Callable

SHARE = 0.10
"""Share of the run's time that all of ours may take, looks at other kinds included."""
UNMEASURED = 0.5
"""Part of that share which is kept for what cannot be measured: the sensors in the middle of the tests, a proof under way."""
LEAST_S, MOST_S, TESTS_S = 0.1, 2.0, 20.0
"""What a run has beside its share, at least and at most: so much divided by its tests. A suite of one test is repeated, too."""
GRANT_S = 2.0
"""So much of the processor's time a proof may take that has begun within the budget, and finds growth each time."""


class Budget:
    """Time as it passes, against the time that we have spent; `spent` is asked in seconds."""

    def __init__(
        self,
        share: float = SHARE,
        tests: int = 1,
        spent: Callable[[], float] = lambda: 0.0,
        clock: Callable[[], float] = time.monotonic,
        before_s: float | None = None,
    ) -> None:
        self.share = share
        self.start_s = max(LEAST_S, min(MOST_S, TESTS_S / max(tests, 1)))
        self._spent = spent
        self._clock = clock
        # What the process has done before its first test (imports, collection) is part of the run.
        self._begun_s = clock() - (time.process_time() if before_s is None else before_s)

    def affords(self, seconds: float) -> bool:
        """Whether so much more is within the budget."""
        if not self.share:
            return False
        elapsed = self._clock() - self._begun_s
        return self._spent() + seconds <= self.start_s + self.share * UNMEASURED * elapsed
