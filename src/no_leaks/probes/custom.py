"""Custom: what the kinds that others have added say is open; each is switched off by itself if it fails."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar, cast, final

from .. import births, customs
from ..customs import Custom
from ..ledger import Ledger, all_ledgers
from ..model import Ident, Kind, RawStack, Resource, Sighting, Snapshot
from ..sensors.made import EVENT
from ..words import masked

if TYPE_CHECKING:
    from ..resources.handle import Handle

T = TypeVar("T")
_RELEASE_S = 1.0
_MOST_KNOWN = 1000
"""Beyond so many numbers those of what is gone are forgotten."""


@final
class CustomProbe:
    """Sees the things of each kind by a number of their own: an address is soon another's."""

    name = "custom"

    def __init__(self) -> None:
        self.kinds: tuple[Kind, ...] = customs.names()
        self._numbers = itertools.count(1)
        self._known: dict[int, tuple[weakref.ref[object], int]] = {}

    def take(self, ledger: Ledger) -> Snapshot:
        """Return kind and number of each thing that is open."""
        if len(self._known) > _MOST_KNOWN:
            self._known = {address: known for address, known in self._known.items() if known[0]() is not None}
        return frozenset(ident for ident, _ in self._living())

    def describe(self, ident: Ident, ledger: Ledger) -> Sighting | None:
        """Describe one, or None where it is gone or was made under another ledger."""
        thing, kind = self.thing(ident, ledger), customs.get(str(ident[0]))
        owner, stack = _birth(thing, ledger)
        if thing is None or kind is None or owner is not ledger:
            return None
        noun = type(thing).__name__
        text = _asked(kind, lambda: str(kind.describe(thing)), noun)
        return Sighting(
            kind=kind.name,
            resource=Resource(noun, masked(text)),
            summary=f"a {noun} was created and never closed",
            fix=f"close it in a finally block, or let a manager's scope do so: manager.register(..., kind={kind.name!r})",
            stack=stack,
        )

    def thing(self, ident: Ident, ledger: Ledger) -> object | None:
        """Return the thing itself."""
        return next((thing for known, thing in self._living(str(ident[0])) if known == ident), None)

    def release(self, ident: Ident, ledger: Ledger) -> str:
        """Close it as its kind does."""
        thing, kind = self.thing(ident, ledger), customs.get(str(ident[0]))
        if thing is None or kind is None:
            return ""
        from ..resources import alarm, closing

        def close() -> str:
            with alarm.limited(_RELEASE_S, f"closing one of {kind.name}"):
                closing.close(thing, lambda: kind.close(thing))
            return "closed"

        return _asked(kind, close, "")

    def _living(self, only: str = "") -> Iterator[tuple[Ident, object]]:
        for name in (only,) if only else self.kinds:
            for thing in _things(customs.get(name)):
                yield (name, self._number(thing), id(thing)), thing

    def _number(self, thing: object) -> int:
        known = self._known.get(id(thing))
        if known is not None and known[0]() is thing:
            return known[1]
        number = next(self._numbers)
        try:
            self._known[id(thing)] = weakref.ref(thing), number
        except TypeError:
            return 0  # nothing but its address tells it from others
        return number


def _things(kind: Custom | None) -> tuple[object, ...]:
    return () if kind is None else _asked(kind, lambda: tuple(kind.living()), ())


def _asked(kind: Custom, call: Callable[[], T], otherwise: T) -> T:
    try:
        return call()
    except Exception as error:
        customs.switch_off(kind.name, error)
        return otherwise


def _birth(thing: object, first: Ledger) -> tuple[Ledger, RawStack]:
    """Return whose a thing is, and where it was registered, or else made; what nobody saw is the one's who looks."""
    for book in (first, *all_ledgers()):
        for handle in cast("list[Handle]", list(book.managed.values())):
            if handle.resource() is thing:
                return book, handle.stack  # which tells the judge that the manager's is the same finding
    birth = births.of_made(thing, first, EVENT)
    return (birth.ledger, birth.record.stack) if birth is not None else (first, ())
