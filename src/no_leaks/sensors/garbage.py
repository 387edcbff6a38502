"""Garbage: what only the cycle collector can free, found by its own rule and left as it is: nothing is finalized for a look.

The collector would tell the same (`gc.DEBUG_SAVEALL`), but runs finalizers and clears weak references first: by then a
`__del__` has taken the circle apart, and the program has heard of it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable

from .. import referents


def unreachable(things: list[object]) -> list[object]:
    """Return those of `things` that nothing outside of them holds, directly or over others; the list has the only new references.

    Counts are taken again of what seems unheld: another thread may have moved a reference between two steps.
    """
    known = set(map(id, things))
    lonely = _not_held(things)
    reached = known.difference(map(id, lonely))
    _reach([thing for thing in things if id(thing) in reached], known, reached)
    left = [thing for thing in lonely if id(thing) not in reached]
    del lonely
    while left:
        still = _not_held(left, others=1)
        if len(still) == len(left):
            break
        left = still
    return left


def _not_held(things: list[object], others: int = 0) -> list[object]:
    """Return what has no more references than its fellows in the list have to it; `others` is how many lists of ours have it, too."""
    things.append([])  # what nothing but the list holds
    counts = list(map(sys.getrefcount, things))
    things.pop()
    ours = counts.pop() + others
    inner = Counter(map(id, referents.of(*things)))
    return [thing for thing, count in zip(things, counts, strict=True) if count - ours <= inner[id(thing)]]


def _reach(roots: Iterable[object], known: set[int], reached: set[int]) -> None:
    """Add to `reached` what can be reached from roots within the known."""
    front = list(roots)
    while front:
        front = [thing for thing in referents.of(*front) if id(thing) in known and not _is_in(id(thing), reached)]


def _is_in(number: int, numbers: set[int]) -> bool:
    if number in numbers:
        return True
    numbers.add(number)
    return False
