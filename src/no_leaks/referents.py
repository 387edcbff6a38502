"""What objects refer to, safely: a module is never asked by the collector's way, only for its dictionary.

CPython 3.12's `_asyncio` hands out the freed iterators of its free list: each one that was handed out is freed a second
time, the list becomes a circle, and the next question never ends and takes all memory (3.12.1; no other to 3.13 does).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from itertools import compress
from types import ModuleType

CHUNK = 10_000
SIMPLE = frozenset({dict, tuple})
"""What the collector does not list while it holds nothing but strings, numbers and their like: a module's namespace, too."""
NESTED = 3
"""So deep one in another is looked into."""


def of(*things: object) -> list[object]:
    """Return what these refer to directly, as `gc.get_referents` does; of a module, its dictionary alone."""
    plain = [thing for thing in things if not issubclass(type(thing), ModuleType)]
    held = gc.get_referents(*plain)
    if len(plain) < len(things):
        held += [vars(thing) for thing in things if issubclass(type(thing), ModuleType)]
    return held


def levels(things: Sequence[object]) -> Iterator[list[object]]:
    """Yield all that these refer to, and what is in such dictionaries and tuples among it as the collector does not list."""
    for start in range(0, len(things), CHUNK):
        held = of(*things[start : start + CHUNK])
        yield held
        for _ in range(NESTED):
            held = of(*_unlisted(held))
            if not held:
                break
            yield held


def unlisted_holders(targets: Sequence[object], things: Sequence[object]) -> list[object]:
    """Return the dictionaries and tuples that hold any of the targets and that `gc.get_referrers` passes over."""
    wanted = {id(one) for one in targets}
    found = {id(one): one for held in levels(things) for one in _unlisted(held) if _holds(one, wanted)}
    return list(found.values())


def _unlisted(things: list[object]) -> Iterator[object]:
    simple = compress(things, map(SIMPLE.__contains__, map(type, things)))
    return (one for one in simple if not gc.is_tracked(one))


def _holds(thing: object, wanted: set[int]) -> bool:
    return not wanted.isdisjoint(map(id, gc.get_referents(thing)))
