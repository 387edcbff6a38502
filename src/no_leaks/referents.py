"""What objects refer to, safely: a module is never asked by the collector's way, only for its dictionary.

CPython 3.12's `_asyncio` hands out the freed iterators of its free list: each one that was handed out is freed a second
time, the list becomes a circle, and the next question never ends and takes all memory (3.12.1; no other to 3.13 does).
"""

from __future__ import annotations

import gc
from types import ModuleType


def of(*things: object) -> list[object]:
    """Return what these refer to directly, as `gc.get_referents` does; of a module, its dictionary alone."""
    plain = [thing for thing in things if not issubclass(type(thing), ModuleType)]
    held = gc.get_referents(*plain)
    if len(plain) < len(things):
        held += [vars(thing) for thing in things if issubclass(type(thing), ModuleType)]
    return held
