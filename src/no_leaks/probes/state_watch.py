"""What every watcher of process-wide state shares: a change as a value, how two looks compare, and words for it."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import CodeType, MethodType
from typing import Any, Final, Protocol, TypeAlias, cast

from .. import origin
from ..ledger import Record
from ..model import Ident
from ..words import safe_repr

Key: TypeAlias = tuple[str, ...]


class _Missing(Enum):
    MISSING = "missing"


MISSING: Final = _Missing.MISSING
"""Stands where there is no value: an environment variable that is not set, an attribute that was deleted."""


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One thing that is not as it was; it holds the old and the new value until its scope is forgotten."""

    watcher: str
    key: Key
    old: object
    new: object
    place: object = None
    """Where the value lives, if the key does not say it: the module, the class, the logger."""

    @property
    def ident(self) -> Ident:
        """What makes two looks at the same change equal."""
        return (self.watcher, *self.key, token(self.old), token(self.new))


Since: TypeAlias = Callable[[], Iterator[Change]]
"""What a look returns: asked later, it yields what has changed since."""


@dataclass(frozen=True, slots=True)
class Words:
    """A change told to a reader."""

    type: str
    id: str
    summary: str
    fix: str
    detail: str = ""


class Watcher(Protocol):
    """One piece of process-wide state."""

    @property
    def name(self) -> str:
        """What it is called in the table and in faults."""
        ...

    @property
    def events(self) -> tuple[str, ...]:
        """The records that may say who changed it."""
        ...

    def look(self) -> Since:
        """Remember how it is now."""
        ...

    def words(self, change: Change) -> Words:
        """Say what it was, what it is, and the remedy."""
        ...

    def restore(self, change: Change) -> None:
        """Put the old value back."""
        ...

    def made(self, record: Record, change: Change) -> bool:
        """Whether this record is the birth of this change."""
        ...


def token(value: object) -> Hashable:
    """Return what stands for a value: plain values for themselves, everything else by identity; calls no foreign code."""
    kind = type(value)
    if kind is tuple:
        return tuple(token(part) for part in entries(value))
    return value if value is None or kind in _PLAIN else id(value)


_PLAIN: frozenset[type] = frozenset({str, bytes, int, bool, re.Pattern})


def compare(watcher: str, before: Mapping[Key, object], now: Mapping[Key, object]) -> Iterator[Change]:
    """Yield what was added, removed and replaced between two looks."""
    for key, old in before.items():
        new = now.get(key, MISSING)
        if new is not old and token(new) != token(old):
            yield Change(watcher, key, old, new)
    for key, new in now.items():
        if key not in before:
            yield Change(watcher, key, MISSING, new)


def mapped(watcher: str, read: Callable[[], Mapping[Key, object]]) -> Since:
    """Look at a piece of state that reads as a mapping."""
    before = read()
    return lambda: compare(watcher, before, read())


def called(value: object) -> str:
    """Name a function, class or handler in a report."""
    if value is MISSING:
        return "nothing"
    code = code_of(value)
    if code is not None:
        name: str = getattr(value, "__qualname__", code.co_name)
        return f"{name.replace('.<locals>', '')}() at {origin.relative(code.co_filename, origin.root())}:{code.co_firstlineno}"
    if isinstance(value, type):
        return f"the class {value.__module__}.{value.__qualname__}"
    return safe_repr(value, 80)


def code_of(value: object) -> CodeType | None:
    """Return the code behind a function, method, partial, property or static method."""
    kind = type(value)
    if kind in _WRAPPERS:
        value = getattr(value, _WRAPPERS[kind])
    code = getattr(value, "__code__", None)
    return code if isinstance(code, CodeType) else None


_WRAPPERS: dict[type, str] = {
    staticmethod: "__func__",
    classmethod: "__func__",
    MethodType: "__func__",
    property: "fget",
    functools.partial: "func",
}


def difference(old: Sequence[object], new: Sequence[object]) -> str:
    """Say what was added to a list and what was taken out of it."""
    olds, news = {token(entry) for entry in old}, {token(entry) for entry in new}
    added = [entry for entry in new if token(entry) not in olds]
    removed = [entry for entry in old if token(entry) not in news]
    parts = [
        f"{verb} {', '.join(map(called, entries))}"
        for verb, entries in (("added", added), ("removed", removed))
        if entries
    ]
    return "; ".join(parts) or "the same entries, in another order"


def put_back(live: list[object], old: Sequence[object], new: Sequence[object]) -> None:
    """Make a list what it was; entries that the watcher does not look at stay, in front."""
    known = {id(entry) for entry in new}
    live[:] = [*(entry for entry in live if id(entry) not in known), *old]


def entries(value: Any) -> tuple[object, ...]:
    """Return a list-like value of a change; nothing is an empty one."""
    return cast("tuple[object, ...]", value) if isinstance(value, tuple) else ()
