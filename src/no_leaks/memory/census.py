"""Census: how much each container on the heap holds, twice, so that those that have grown in between are named.

A walk over the whole heap, made only for growth that is proven or asked for. A dictionary of strings, a `bytearray` and
their like are unknown to the collector: they are found in what holds them, and that may be such a dictionary itself.
"""

from __future__ import annotations

import gc
import io
from array import array
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from itertools import compress
from queue import SimpleQueue
from typing import Any, NamedTuple, cast

from .. import referents
from ..sensors import window
from . import readings

LENGTHS: dict[type, Callable[[Any], int]] = {
    dict: vars(dict)["__len__"],
    list: vars(list)["__len__"],
    set: vars(set)["__len__"],
    deque: vars(deque)["__len__"],
    bytearray: vars(bytearray)["__len__"],
    array: vars(array)["__len__"],
    io.BytesIO: lambda buffer: buffer.getbuffer().nbytes,
    io.StringIO: lambda buffer: len(io.StringIO.getvalue(buffer)),
    SimpleQueue: vars(SimpleQueue)["qsize"],
}
"""How long a container is, by its own type's word: a subclass may say anything."""
UNTRACKED = frozenset({dict, bytearray, array, io.BytesIO, io.StringIO})
"""What the collector may not list."""
BLOCK_S = 5e-7
"""What a census takes for each block of memory."""
SAMPLES = 100
"""So many of the young objects are asked who holds them."""
_MRO = vars(type)["__mro__"]


class Grown(NamedTuple):
    """A container, for the moment in which it is described, and its length before and after."""

    container: object
    before: int
    after: int


Census = dict[int, int]
"""Identity of a container -> its length."""


def cost_s() -> float:
    """Return about how long a census takes on this heap, without walking over it."""
    return readings.blocks() * BLOCK_S


def take() -> Census:
    """Count every container that there is."""
    return {id(thing): length for thing in containers() if (length := length_of(thing)) is not None}


def grown(before: Census, times: int) -> list[Grown]:
    """Return the containers that hold at least so many more than before, those that grew most first."""
    found: dict[int, Grown] = {}
    for thing in containers():
        was = before.get(id(thing))
        if was is not None:
            length = length_of(thing)
            if length is not None and length - was >= times:
                found[id(thing)] = Grown(thing, was, length)
    return sorted(found.values(), key=lambda one: one.before - one.after)


def containers() -> Iterator[object]:
    """Yield what can hold more or less, some of it twice."""
    things = window.everything()
    kinds = {cls for cls in set(map(type, things)) if _measure(cls) is not None}
    yield from compress(things, map(kinds.__contains__, map(type, things)))
    for held in referents.levels(things):
        yield from compress(held, map(UNTRACKED.__contains__, map(type, held)))


def holding(types: Container[str], most: int = SAMPLES) -> list[object]:
    """Return the old containers that hold young objects of these types: one pass over the heap at the collector's speed."""
    things = [thing for thing in window.young() if readings.name_of(type(thing)) in types][-most:]
    young = {id(thing) for thing in window.young()}
    found = [one for one in gc.get_referrers(*things) if id(one) not in young and type(one) in LENGTHS]
    found = [one for one in found if one is not things]
    things.clear()
    return found


def length_of(thing: object) -> int | None:
    """Return how much a container holds; None for what is none."""
    measure = _measure(type(thing))
    try:
        return measure(thing) if measure is not None else None
    except (TypeError, ValueError):  # a buffer that is closed, an object that is half made
        return None


def _measure(cls: type) -> Callable[[Any], int] | None:
    """Return how a container, or a subclass of one, is measured."""
    known = LENGTHS.get(cls)
    if known is not None:
        return known
    bases = cast("Iterable[type]", _MRO.__get__(cls))
    return next((LENGTHS[base] for base in bases if base in LENGTHS), None)
