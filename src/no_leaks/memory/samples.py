"""Samples: the newest items of a container, as they may be shown and weighed: bounded, without secrets, never raising."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, cast

from ..diagnose import steps

SHOWN = 2
WEIGHED = 50
"""So many of the newest items are weighed, at most."""
_UNITS: tuple[tuple[type, str], ...] = ((bytearray, "byte"), (io.BytesIO, "byte"), (io.StringIO, "character"))


def unit(container: object) -> str:
    """Return what a container holds: items, bytes or characters."""
    return next((unit for kind, unit in _UNITS if issubclass(type(container), kind)), "item")


def newest(container: object) -> str:
    """Return the keys or items that came last; "" where a container has no order, or holds no objects."""
    return ", ".join(steps.key(item)[1:-1] for item in _last(container, SHOWN))


def bytes_of_newest(container: object, number: int) -> int:
    """Return about how many bytes that many of the newest items take, by themselves; 0 where that cannot be told."""
    items = _last(container, min(number, WEIGHED))
    if issubclass(type(container), dict):
        items += [_value(container, key) for key in items]
    return sum(map(size, items)) * max(number, 1) // max(min(number, WEIGHED), 1)


def size(thing: object) -> int:
    """Return the size of an object without what it refers to; 0 where it does not say."""
    from pympler import asizeof

    weigh = cast("Callable[[object], int]", vars(asizeof)["flatsize"])
    try:
        return weigh(thing)
    except Exception:
        return 0


def last(container: object) -> object:
    """Return the item that came last, of a dictionary its value; None where there is none."""
    items = _last(container, 1)
    if items and issubclass(type(container), dict):
        return _value(container, items[0])
    return items[0] if items else None


def pairs(container: object, number: int) -> list[tuple[object, object]]:
    """Return that many of the newest keys of a dictionary, with their values."""
    return [(key, _value(container, key)) for key in _last(container, number)]


def _value(container: Any, key: object) -> object:
    return vars(dict)["get"](container, key)


def _last(container: object, number: int) -> list[Any]:
    """Return the items that came last, by the container's own type: a subclass may have any others."""
    thing: Any = container
    bases: tuple[Any, ...] = (dict, list, deque)
    for base in bases:
        if issubclass(type(container), base):
            ordered: Iterable[Any] = base.__reversed__(thing)
            return list(islice(ordered, number))
    return []
