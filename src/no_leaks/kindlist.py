"""Lists of kinds, as options, markers and the library take them: "default,state,-memory" becomes a set of kinds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple, cast

from .errors import SettingError
from .model import Kind
from .names import GROUPS, KINDS, NAMES
from .values import did_you_mean

_NONE: frozenset[Kind] = frozenset()


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
        members = frozenset(GROUPS.get(name, (name,)))
        if add:
            return KindChange(self.start, self.removed - members, self.added | members)
        return KindChange(self.start, self.removed | members, self.added - members)

    @property
    def is_void(self) -> bool:
        """Whether it leaves no kind, whatever it is applied to."""
        return not self.on(frozenset(KINDS))


NO_CHANGE = KindChange()


def read_change(names: object, where: str) -> KindChange:
    """Read a string, or a list of strings, from left to right; `where` names the place in errors."""
    words = _words(names, where)
    only_removes = all(word.startswith("-") for word in words)
    change = KindChange() if only_removes else KindChange(start=_NONE)
    for word in words:
        change = change.then(_known(word.removeprefix("-"), where), add=not word.startswith("-"))
    if change.is_void:
        raise SettingError(where, f"'{', '.join(words)}' leaves no kind to check", NAMES)
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
    raise SettingError(where, f"{names!r} is not a kind", NAMES)


def _known(name: str, where: str) -> str:
    if name not in NAMES:
        raise SettingError(where, f"{name!r} is not a kind{did_you_mean(name, NAMES)}", NAMES)
    return name
