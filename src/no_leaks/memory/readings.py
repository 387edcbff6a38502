"""Readings: how much memory is in use at one moment: objects by type, blocks of the interpreter, bytes of the native heap."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from .. import referents
from ..diagnose import frames, roots
from ..sensors import warnings_, window

_QUALNAME = vars(type)["__qualname__"]
_OF_TYPE = vars(type)["__dict__"]


class Reading(NamedTuple):
    """One look at the memory in use; two are comparable if their `since` is the same."""

    types: Mapping[str, int]
    """Objects that the collector knows, by the name of their type: those made since the last turn, or all."""
    blocks: int
    heap: int
    since: int
    """Which turn of the window is counted from; -1 where all objects were counted."""


WHOLE = -1
PARTS = (dict, list, tuple)
"""What an object of the runner's is made of."""


def take(*, whole: bool = False) -> Reading:
    """Collect what nobody can reach, and count what is left: what is young, or, where that cannot be told, all."""
    if whole or not window.is_shut():
        with window.wide_open():
            warnings_.collect()
        return Reading(by_name(theirs(window.everything())), blocks(), heap(), WHOLE)
    warnings_.collect()
    return Reading(by_name(theirs(window.young())), blocks(), heap(), window.freezes)


def theirs(things: list[object]) -> list[object]:
    """Return the objects that are not the runner's or ours, nor what those are made of: some plugins write down each call."""
    hidden = {cls for cls in set(map(type, things)) if frames.is_hidden_module(roots.module_of(cls))}
    own = [thing for thing in things if type(thing) in hidden]
    parts = [part for part in referents.of(*own) if type(part) in PARTS]
    parts += [part for part in referents.of(*parts) if type(part) in PARTS]
    left_out = {id(one) for one in (*own, *parts)}
    return [thing for thing in things if id(thing) not in left_out]


def by_name(things: Iterable[object]) -> Counter[str]:
    """Count objects by the name of their type: a class that each run defines anew is one name."""
    counted: Counter[str] = Counter()
    for cls, number in Counter(map(type, things)).items():
        counted[name_of(cls)] += number
    return counted


def name_of(cls: type) -> str:
    """Return the qualified name of a class, without "builtins.", from the slots themselves: no code of the user's runs."""
    module: object = _OF_TYPE.__get__(cls).get("__module__")
    name = str(_QUALNAME.__get__(cls))
    return name if module == "builtins" or not isinstance(module, str) else f"{module}.{name}"


def blocks() -> int:
    """Return how many blocks of memory the interpreter has given out."""
    return sys.getallocatedblocks()


def heap() -> int:
    """Return how many bytes are in use of what C code has from the system; 0 where that cannot be asked."""
    ask = _native()
    if ask is None:
        return 0
    used = ask()
    return int(used.heap_used) + int(used.mmap_used)


_asked: list[Callable[[], Any] | None] = []


def _native() -> Callable[[], Any] | None:
    """Return psutil's `heap_info`, loaded when it is first asked for; None where this system has none."""
    if not _asked:
        import psutil

        _asked.append(getattr(psutil, "heap_info", None))
    return _asked[0]
