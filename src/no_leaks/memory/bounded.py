"""Bounded: containers that grow for a while by design, and are no leak: named rules, each with its reason."""

from __future__ import annotations

import gc
from collections import deque
from typing import Any, NamedTuple

from ..rules import Rule, name_of
from . import owners, weak


class Holding(NamedTuple):
    """A container that grew, and the path of those that hold it."""

    container: object
    path: tuple[str, ...]


class Cache(NamedTuple):
    """A function's `lru_cache`: its name, whether it is a method, and its bound, None where it has none."""

    function: str
    is_method: bool
    maxsize: int | None


CACHES = (
    "module linecache",
    "module re",
    "module fnmatch",
    "module _strptime",
    "module typing",
    "module abc",
    "module tokenize",
    "module functools",
    "module struct",
    "module ctypes",
    "module encodings",
    "module warnings",
    "module sys",
)
"""Modules of Python's own that keep what they have worked out; each empties itself, or has an end."""

WEAK = "weak container"
"""The rule for what grows with something else."""

RULES: tuple[Rule[Holding], ...] = (
    Rule(
        "bounded cache",
        "functools.lru_cache forgets the oldest once it is full",
        lambda held: (cache := cache_of(held.container)) is not None and cache.maxsize is not None,
    ),
    Rule(
        "bounded deque",
        "collections.deque with a maxlen forgets the oldest once it is full",
        lambda held: issubclass(type(held.container), deque) and held.container.maxlen is not None,  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    ),
    Rule(
        WEAK,
        "it forgets what dies: whoever keeps that alive holds what grows",
        lambda held: weak.follows(held.container),
    ),
    Rule(
        "inside of a queue",
        "until 3.13 a SimpleQueue keeps a list that it shortens now and then; the queue itself is counted",
        lambda held: held.path[-1:] == ("_queue.SimpleQueue",),
    ),
    Rule(
        "cache of Python",
        "the standard library keeps compiled patterns, source lines and the like, and bounds them itself",
        lambda held: held.path[:1] != () and held.path[0] in CACHES,
    ),
    Rule(
        "book of a fixture",
        "a fixture's factory keeps what it has made until the fixture ends, and lets go of it then",
        lambda held: held.path[:1] != () and held.path[0].startswith("fixture ") and held.path[-1] == owners.BOOK,
    ),
    Rule(
        "warnings that were shown",
        "Python keeps them by text, to show each once; a test's are forgotten with the next change of filters",
        lambda held: held.path[-1:] == ("__warningregistry__",),
    ),
)


def excuse(container: object, path: tuple[str, ...]) -> str:
    """Return the name of the rule that excuses a container that grew, or ""."""
    return name_of(RULES, Holding(container, path))


def cache_of(container: object) -> Cache | None:
    """Return the `lru_cache` whose own dictionary a container is; None for any other."""
    if type(container) is not dict:
        return None
    for holder in gc.get_referrers(container):
        if type(holder).__name__ == "_lru_cache_wrapper":
            wrapper: Any = holder
            name: str = wrapper.__qualname__
            is_method = "." in name.rpartition("<locals>.")[2]
            return Cache(f"{wrapper.__module__}.{name}", is_method, wrapper.cache_parameters()["maxsize"])
    return None
