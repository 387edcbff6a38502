"""Lists of kinds, as options, markers and the library take them: "default,state,-memory" becomes a set of kinds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple, cast

from . import customs
from .errors import SettingError
from .model import Kind
from .names import DEFAULT, GROUPS, KINDS
from .values import did_you_mean

_NONE: frozenset[Kind] = frozenset()


def all_kinds() -> tuple[Kind, ...]:
    """Return every kind there is: those built in, and what others have added."""
    return (*KINDS, *customs.names())


def default_kinds() -> frozenset[Kind]:
    """Return the kinds that are checked unless told otherwise."""
    return frozenset((*DEFAULT, *customs.names(by_default=True)))


def known_names() -> tuple[str, ...]:
    """Return every word that may stand in a list: kinds and groups."""
    return (*all_kinds(), *GROUPS)


def members(name: str) -> frozenset[Kind]:
    """Return the kinds of a group; of a kind, itself."""
    if name == "default":
        return default_kinds()
    return frozenset(all_kinds() if name == "all" else GROUPS.get(name, (name,)))


class KindChange(NamedTuple):
    """What a list does to the kinds of the layer below; `start` None means: it begins with those."""

    start: frozenset[Kind] | None = None
    removed: frozenset[Kind] = _NONE
    added: frozenset[Kind] = _NONE

    def on(self, inherited: frozenset[Kind]) -> frozenset[Kind]:
        """Return the kinds that result."""
        start = inherited if self.start is None else self.start
        return (start - self.removed) | self.added

    def then(self, name: str, *, add: bool) -> KindChange:
        """Return this change followed by one more kind or group, added or taken out; the later one wins."""
        kinds = members(name)
        if add:
            return KindChange(self.start, self.removed - kinds, self.added | kinds)
        return KindChange(self.start, self.removed | kinds, self.added - kinds)

    @property
    def is_void(self) -> bool:
        """Whether it leaves no kind, whatever it is applied to."""
        return not self.on(frozenset(all_kinds()))


NO_CHANGE = KindChange()


def read_change(names: object, where: str) -> KindChange:
    """Read a string, or a list of strings, from left to right; `where` names the place in errors."""
    words = _words(names, where)
    only_removes = all(word.startswith("-") for word in words)
    change = KindChange() if only_removes else KindChange(start=_NONE)
    for word in words:
        change = change.then(_known(word.removeprefix("-"), where), add=not word.startswith("-"))
    if change.is_void:
        raise SettingError(where, f"'{', '.join(words)}' leaves no kind to check", known_names())
    return change


def parse_kinds(text_or_names: object, *, inherited: frozenset[Kind], where: str) -> frozenset[Kind]:
    """Return the kinds that a list names; one that only removes, or is empty, starts from `inherited`."""
    return read_change(text_or_names, where).on(inherited)


def _words(names: object, where: str) -> tuple[str, ...]:
    """Split at commas and blanks; lists and tuples are taken apart, too."""
    if isinstance(names, str):
        return tuple(word for word in re.split(r"[,\s]+", names) if word)
    if isinstance(names, (list, tuple)):
        parts = cast("Iterable[object]", names)
        return tuple(word for part in parts for word in _words(part, where))
    raise SettingError(where, f"{names!r} is not a kind", known_names())


def _known(name: str, where: str) -> str:
    valid = known_names()
    if name not in valid:
        raise SettingError(where, f"{name!r} is not a kind{did_you_mean(name, valid)}", valid)
    return name
