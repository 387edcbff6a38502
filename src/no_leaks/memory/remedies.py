"""Remedies: how to end a growth, by the pattern of what grows; the first that fits wins."""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType, MethodType
from typing import NamedTuple

from ..rules import Rule
from . import samples
from .bounded import Cache

DEFAULT = "remove what was added when it is no longer needed, in a finally block or a fixture's teardown; or bound it"


class Pattern(NamedTuple):
    """What a remedy goes by: one of the newest items, who holds the container, the cache that it is."""

    item: object
    path: tuple[str, ...]
    cache: Cache | None
    is_dict: bool


RULES: tuple[Rule[Pattern], ...] = (
    Rule(
        "cached method",
        "@lru_cache on a method keeps each self: use functools.cached_property, or cache by key outside of the instance",
        lambda seen: seen.cache is not None and seen.cache.is_method,
    ),
    Rule(
        "unbounded cache",
        "give the cache a bound: @lru_cache(maxsize=...), or call cache_clear(): its key never repeats",
        lambda seen: seen.cache is not None,
    ),
    Rule(
        "log handler",
        "logger.removeHandler(handler) and handler.close() in a finally block",
        lambda seen: seen.path[-1:] in (("Logger.handlers",), ("RootLogger.handlers",)),
    ),
    Rule(
        "exception",
        "keep str(error), or error.with_traceback(None): an exception keeps each frame of its traceback alive",
        lambda seen: issubclass(type(seen.item), BaseException),
    ),
    Rule(
        "callback",
        "remove the callback where it was added, in a finally block; or keep weakref.WeakMethod(callback)",
        lambda seen: issubclass(type(seen.item), (FunctionType, MethodType, BuiltinFunctionType)),
    ),
    Rule(
        "thread-local",
        "delete it from the threading.local() when the work is done: a pool's threads live on",
        lambda seen: any("_thread._local" in step or "threading.local" in step for step in seen.path),
    ),
    Rule(
        "closure",
        "a closure keeps it alive: hand it in as an argument, or empty it when the work is done",
        lambda seen: any(step.startswith("closure ") for step in seen.path),
    ),
    Rule(
        "registry",
        "take the entry out again when its owner ends (del, pop), or use a weakref.WeakValueDictionary, or bound it: its key never repeats",
        lambda seen: seen.is_dict,
    ),
)


def of_container(container: object, path: tuple[str, ...], cache: Cache | None) -> str:
    """Return the remedy for a container that grows."""
    item = samples.last(container)
    seen = Pattern(item, path, cache, issubclass(type(container), dict))
    return next((rule.reason for rule in RULES if rule.holds(seen)), DEFAULT)


def of_objects(path: tuple[str, ...]) -> str:
    """Return the remedy for objects that nothing countable holds."""
    return "let go of them where they were made" if not path else f"let go of them: {path[0]} still holds them"
