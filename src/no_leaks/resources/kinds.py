"""The kinds of resources that a manager counts: those of this package, what others have added, and what programs name."""

from __future__ import annotations

import logging

from .. import customs
from ..customs import Custom
from ..words import masked, type_name

BUILTIN = ("files", "connections", "tasks", "threads", "processes", "locks", "pools")

_seen: set[str] = set()
_told: dict[str, Exception] = {}
logger = logging.getLogger("no_leaks.resources")


def see(kind: str) -> Custom | None:
    """Know a kind from now on; return what was added as that kind. Raises ValueError for what can be no `active_<kind>`."""
    if kind in BUILTIN:
        return None
    if kind not in _seen:
        if not kind.isidentifier():
            raise ValueError(f"{kind!r} is not a kind: a kind is one word of letters, digits and '_', such as 'files'")
        customs.load()
        _tell_broken()
        _seen.add(kind)
    return customs.get(kind)


def name_of(custom: Custom | None, thing: object) -> str:
    """Return what a thing is called that was given no name: by its kind, where one was added, else by its class."""
    if custom is not None:
        try:
            return masked(str(custom.describe(thing)))
        except Exception as error:
            customs.switch_off(custom.name, error)
            _tell_broken()
    return type_name(thing)


def _tell_broken() -> None:
    """Name each kind that is switched off, once: a program has no report that would."""
    for name, error in customs.off().items():
        if _told.get(name) is not error:
            _told[name] = error
            logger.warning("kind %s does not work and is switched off: %r", name, error)


def is_known(kind: str) -> bool:
    """Whether anybody has ever registered this kind, or could."""
    return kind in known()


def known() -> tuple[str, ...]:
    """Return every kind that is known."""
    return (*BUILTIN, *sorted(_seen.union(customs.names())))
