"""The kinds of resources that a manager counts: those of this package, what others have added, and what programs name."""

from __future__ import annotations

from .. import customs
from ..customs import Custom
from ..words import masked, type_name

BUILTIN = ("files", "connections", "tasks", "threads", "processes", "locks", "pools")

_seen: set[str] = set()


def see(kind: str) -> Custom | None:
    """Know a kind from now on; return what was added as that kind. Raises ValueError for what can be no `active_<kind>`."""
    if kind in BUILTIN:
        return None
    if kind not in _seen:
        if not kind.isidentifier():
            raise ValueError(f"{kind!r} is not a kind: a kind is one word of letters, digits and '_', such as 'files'")
        customs.load()
        _seen.add(kind)
    return customs.get(kind)


def name_of(custom: Custom | None, thing: object) -> str:
    """Return what a thing is called that was given no name: by its kind, where one was added, else by its class."""
    if custom is not None:
        try:
            return masked(str(custom.describe(thing)))
        except Exception as error:
            customs.switch_off(custom.name, error)
    return type_name(thing)


def is_known(kind: str) -> bool:
    """Whether anybody has ever registered this kind, or could."""
    return kind in known()


def known() -> tuple[str, ...]:
    """Return every kind that is known."""
    return (*BUILTIN, *sorted(_seen.union(customs.names())))
