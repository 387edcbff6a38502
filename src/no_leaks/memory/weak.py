"""Weak: containers whose items something else keeps alive; they grow with that, and shrink with it."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from itertools import islice
from typing import cast

from .. import referents
from ..diagnose import roots
from . import samples

LOOKED_AT = 5
"""So many of the newest items tell for all."""
REACHED = 500
"""Objects among which a value is searched for its own key."""


def follows(container: object) -> bool:
    """Whether a container holds its items weakly, forgets those that die, and does not keep them alive itself."""
    if issubclass(type(container), dict):
        pairs = samples.pairs(container, LOOKED_AT)
        return bool(pairs) and all(_is_weak(value) or _is_weak_key(key, value) for key, value in pairs)
    if issubclass(type(container), set):
        every = cast("Iterator[object]", vars(set)["__iter__"](container))
        items = list(islice(every, LOOKED_AT))
        return bool(items) and all(map(_is_weak, items))
    return False


def _is_weak(item: object) -> bool:
    """Whether it is a reference to something alive, and takes itself out when that dies."""
    return issubclass(type(item), weakref.ref) and _alive(item) is not None and _callback(item) is not None


def _is_weak_key(key: object, value: object) -> bool:
    return _is_weak(key) and not _reaches(value, _alive(key))


def _alive(reference: object) -> object:
    return vars(weakref.ref)["__call__"](reference)


def _callback(reference: object) -> object:
    return vars(weakref.ref)["__callback__"].__get__(reference)


def _reaches(start: object, target: object) -> bool:
    """Whether an object keeps another alive, not by way of a module, class or thread: those would be named for it."""
    named = roots.Roots()
    seen = {id(start): start}
    level = [start]
    while level and id(target) not in seen and len(seen) < REACHED:
        held = {id(one): one for one in referents.of(*level) if id(one) not in seen and named.name(one) is None}
        seen |= held
        level = list(held.values())
    return id(target) in seen
