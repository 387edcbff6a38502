"""Suspicion: whether a test may have left objects or native memory; a guess in microseconds that a repetition then checks.

What a test leaves alive by itself, for its runner and its fixtures, has a signature: how many objects of each type. It is
learned, and not listed: a test whose signature is new is suspected, and if its repetition shows no growth, the signature
is known from then on. So it goes for every pytest and every plugin, and for a cache that is warm after its first use.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from ..sensors import warnings_, window
from . import readings
from .budget import Budget

FUNCTIONS = 2
"""So many functions have to show that a signature is harmless until it is for all."""
ROUND_S = 0.002
"""What a repetition takes beside the test itself."""
NATIVE_BITS = 15
"""Native memory counts in powers of two from 32 KiB on: less comes and goes with every buffer."""
NOISE = 64
"""Blocks that may be more where objects cannot be told apart."""


class Suspicions:
    """What is known of the tests so far, and the one that runs."""

    def __init__(self, budget: Budget | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.budget = budget if budget is not None else Budget()
        self.unconfirmed: list[str] = []
        """Tests that were suspected and could not be repeated within the budget."""
        self._clock = clock
        self._known: dict[int, set[str]] = {}
        self._signature = 0
        self._begun_s = 0.0
        self._heap = 0
        self._blocks = 0
        self._most_blocks = 0
        self._turns = 0

    def begin(self) -> None:
        """A test begins: what is there is none of its doing."""
        self._begun_s = self._clock()
        self._heap = readings.heap()
        self._turns = window.freezes + 1
        if not window.turn():
            self._turns = -1
            self._blocks = readings.blocks()

    def is_new(self, function: str) -> bool:
        """Collect what the test has left, and say whether it may have left more than such tests do."""
        self._signature = self._sign()
        known = self._known.get(self._signature, ())
        return not (len(known) >= FUNCTIONS or function in known)

    def is_affordable(self) -> bool:
        """Whether there is time to repeat the test that runs."""
        return self.budget.affords(2 * (self._clock() - self._begun_s + ROUND_S))

    def spares(self, took_s: float) -> bool:
        """Whether there is time to go on for about as long again as a proof took so far."""
        return self.budget.affords(2 * took_s)

    def clear(self, function: str) -> None:
        """Take note that what this test left was no growth."""
        self._known.setdefault(self._signature, set()).add(function)

    def is_large(self, number: int) -> bool:
        """Whether at least so many objects are young: for the canary."""
        if window.is_shut():
            warnings_.collect()
            return len(window.young()) >= number
        return readings.blocks() - self._blocks >= number

    def _sign(self) -> int:
        grown = max(0, readings.heap() - self._heap) >> NATIVE_BITS
        if self._turns < 0 or not window.is_shut():
            return self._sign_by_blocks(grown)
        warnings_.collect()
        if window.freezes != self._turns:
            return hash(("collected by the test", grown.bit_length()))
        return hash((frozenset(Counter(map(type, window.young())).items()), grown.bit_length()))

    def _sign_by_blocks(self, grown: int) -> int:
        warnings_.collect()
        blocks = max(0, readings.blocks() - self._blocks - NOISE)
        return hash((blocks.bit_length(), grown.bit_length()))
