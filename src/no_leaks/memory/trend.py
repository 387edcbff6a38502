"""Trend: a series of readings, one after each repetition, becomes what has grown on every one of them; pure."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from .readings import Reading

LEAST = 4
"""Repetitions that must all grow, after one that warms up."""
MOST = 40
"""So often is repeated what grows less each time, or is cheap: a cache that is bounded is full by then."""
NATIVE = 4096
"""Bytes of the native heap below which a change may be the noise of its own books, for a while."""

STEADY = 3
"""Repetitions over which blocks are added up."""


class Trend:
    """What has grown on every repetition so far; what is kept is of one size, or it would count itself."""

    __slots__ = ("_is_warm", "_last", "blocks", "heap", "rounds", "since", "types")

    def __init__(self) -> None:
        self.rounds = 0
        """How many changes have been seen after the first, which warms up."""
        self.since: int | None = None
        self.types: dict[str, array[int]] = {}
        """Growth of each type that grew every time."""
        self.blocks = array("q")
        self.heap = array("q")
        self._last: Reading | None = None
        self._is_warm = False

    def add(self, reading: Reading) -> None:
        """Take a reading; one that counts otherwise than the last begins the series anew."""
        last, self._last = self._last, reading
        if last is None or last.since != reading.since:
            self.rounds, self.since, self._is_warm = 0, reading.since, False
            self.types, self.blocks, self.heap = {}, array("q"), array("q")
            return
        changes = changed(last.types, reading.types)
        if not self._is_warm:
            self._is_warm = True  # the first change has in it what the first repetition, and counting it, takes
            return
        if not self.rounds:
            self.types = {name: array("q") for name in changes}
        self.types = {name: grown for name, grown in self.types.items() if changes.get(name, 0) > 0}
        for name, grown in self.types.items():
            grown.append(changes[name])
        self.blocks.append(reading.blocks - last.blocks)
        self.heap.append(reading.heap - last.heap)
        self.rounds += 1

    @property
    def grows(self) -> bool:
        """Whether anything has grown every time so far."""
        return self.objects_grow or self.blocks_grow or self.heap_grows

    @property
    def objects_grow(self) -> bool:
        """Whether objects have grown in number, and memory with them: what takes the place of older objects takes none."""
        return bool(self.types) and (sum(self.blocks) >= self.rounds or sum(self.heap) >= NATIVE * self.rounds)

    @property
    def blocks_grow(self) -> bool:
        """Whether the interpreter goes on to give out more blocks: a few come and go with every repetition."""
        return sum(self.blocks[-STEADY:]) > 0

    @property
    def heap_grows(self) -> bool:
        """Whether more of the native heap was in use each time."""
        return bool(self.heap) and min(self.heap) >= NATIVE

    @property
    def is_faint(self) -> bool:
        """Whether nothing tells but blocks: many things are warm only after a few repetitions."""
        return self.blocks_grow and not self.objects_grow and not self.heap_grows

    @property
    def shrinks(self) -> bool:
        """Whether it grows less than at first: a cache that fills up ends so."""
        series = [
            *self.types.values(),
            *([self.heap] if self.heap_grows else []),
        ]
        return bool(series) and all(grown[-1] < grown[0] for grown in series)

    @property
    def growth(self) -> tuple[int, ...]:
        """How much it grew each time: objects, or else blocks, or else bytes."""
        if self.types:
            return tuple(map(sum, zip(*self.types.values(), strict=True)))
        return tuple(self.blocks if self.blocks_grow else self.heap)


def changed(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Return by how much each number has changed, without those that have not."""
    names = before.keys() | after.keys()
    return {name: change for name in names if (change := after.get(name, 0) - before.get(name, 0))}
