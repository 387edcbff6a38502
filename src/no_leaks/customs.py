"""Kinds that others add: what one is, the register of them, and the entry points that bring more; a broken one is named and left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar, cast

from . import faults
from .errors import SettingError
from .names import KEYWORDS, NAMES

T = TypeVar("T")
K = TypeVar("K")

GROUP = "no_leaks.kinds"
"""The entry points: each names a kind, or a class or function that makes one."""


class CustomKind(Protocol[T]):
    """A kind of your own: managers name and close its things by it, and checked tests are asked whether they left any.

    Two more attributes are read where they are there. `type`, a class written in Python: the line that makes one is kept
    for the report. `on_request = True`: the kind is checked only where it is named, like `cycles`.
    """

    name: str
    """One word: it stands in lists of kinds, in markers, and as `active_<name>` in the metrics."""

    def living(self) -> Iterable[T]:
        """Return all that are open now, in microseconds; nothing, for what is only ever registered with a manager."""
        ...

    def describe(self, thing: T) -> str:
        """Return what a report calls one; passwords in it are masked."""
        ...

    def close(self, thing: T) -> object:
        """Let go of one; what has to be awaited is awaited."""
        ...


Custom = CustomKind[Any]

_kinds: dict[str, Custom] = {}
_off: dict[str, Exception] = {}
_loaded: list[str] = []


def register_kind(kind: K) -> K:
    """Add a kind, or a class of one (it is made without arguments), and return what was given; a name is taken once.

    Raises `SettingError` for what is no `CustomKind`, and where another kind has the name.
    """
    made = cast(Custom, kind() if isinstance(kind, type) else kind)
    name = _checked(made)
    known = _kinds.get(name)
    if known is not None and _origin(known) != _origin(made):
        raise SettingError(f"kind {name!r}", f"{_origin(known)} has that name already")
    _kinds[name] = made
    _off.pop(name, None)
    return kind


def unregister_kind(name: str) -> bool:
    """Forget a kind; False where there is none of that name."""
    _off.pop(name, None)
    return _kinds.pop(name, None) is not None


def load() -> None:
    """Register what installed packages bring, once for the process."""
    if _loaded:
        return
    from importlib.metadata import entry_points

    for entry in entry_points(group=GROUP):
        _loaded.append(entry.name)
        if entry.name not in _kinds:
            try:
                register_kind(entry.load())
            except Exception as error:
                switch_off(entry.name, error)
    _loaded.append("")


def switch_off(name: str, error: Exception) -> None:
    """Ask a kind that has failed no more; every session reports it by its name."""
    _kinds.pop(name, None)
    _off[name] = error
    tell()


def tell() -> None:
    """Note the faults of the kinds that are switched off: a session that begins has forgotten all."""
    for name, error in _off.items():
        faults.note(f"kind {name}", error)


def get(name: str) -> Custom | None:
    """Return a kind that works."""
    return _kinds.get(name)


def names(*, by_default: bool = False) -> tuple[str, ...]:
    """Return the names of all kinds that were added, broken ones too; by default those that nobody has to ask for."""
    on_request = {name for name, kind in _kinds.items() if getattr(kind, "on_request", False)}
    return tuple(sorted({*_kinds, *_off} - (on_request if by_default else set())))


def off() -> Mapping[str, Exception]:
    """Return what is switched off, and why."""
    return _off


def _checked(kind: Custom) -> str:
    name = getattr(kind, "name", None)
    where = f"kind {name!r} of {_origin(kind)}"
    if not isinstance(name, str) or not name.isidentifier():
        raise SettingError(where, "needs a `name` of one word of letters, digits and '_'")
    if name in NAMES or name in KEYWORDS:
        raise SettingError(where, "has the name of a kind, a group or a keyword that is built in")
    missing = [method for method in ("living", "describe", "close") if not callable(getattr(kind, method, None))]
    if missing:
        raise SettingError(where, f"has no method {', '.join(missing)}: see no_leaks.CustomKind")
    return name


def _origin(kind: object) -> str:
    return f"{type(kind).__module__}.{type(kind).__qualname__}"
