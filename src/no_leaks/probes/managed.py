"""Managed: what was registered with a ResourceManager and not closed since; the ledger lists it, so that a look costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, final

from ..ledger import Ledger
from ..model import Ident, Kind, Resource, Sighting, Snapshot

if TYPE_CHECKING:
    from ..resources.handle import Handle

_NOTHING: Snapshot = frozenset()
_RELEASE_S = 1.0


@final
class ManagedProbe:
    """Sees handles by identity, whether their resource is still there or was collected unclosed."""

    name = "managed"
    kinds: tuple[Kind, ...] = ("managed",)

    def take(self, ledger: Ledger) -> Snapshot:
        """Return the handles that were made in this scope and are open."""
        managed = ledger.managed
        return frozenset((number,) for number in list(managed)) if managed else _NOTHING

    def describe(self, ident: Ident, ledger: Ledger) -> Sighting | None:
        """Describe one handle, or None where it has been closed."""
        handle = _handle(ident, ledger)
        if handle is None:
            return None
        thing = handle.resource()
        return Sighting(
            kind="managed",
            resource=Resource(f"managed resource ({handle.kind})", handle.name),
            summary="a resource was registered with a ResourceManager and "
            + ("dropped without being closed" if thing is None else "never closed"),
            fix="async with manager.scope(...): ..., or handle.close() in a finally block",
            stack=handle.stack,
            age_s=handle.age_s,
            proof="the garbage collector took it unclosed" if thing is None else "",
            covers_fds=_descriptors(thing),
        )

    def thing(self, ident: Ident, ledger: Ledger) -> object | None:
        """Return the resource itself."""
        handle = _handle(ident, ledger)
        return None if handle is None else handle.resource()

    def release(self, ident: Ident, ledger: Ledger) -> str:
        """Close it, as its manager would; it is tracked no longer."""
        handle = _handle(ident, ledger)
        if handle is None or handle.resource() is None:
            return ""
        from ..resources import ending
        from ..resources.handle import State

        ending.close_all([handle], _RELEASE_S)
        return "closed" if handle.state is State.CLEANED else ""


def _handle(ident: Ident, ledger: Ledger) -> Handle | None:
    return cast("Handle | None", ledger.managed.get(cast(int, ident[0])))


def _descriptors(thing: object) -> tuple[int, ...]:
    """Return the descriptor of a thing that has one: it is this finding's, and not reported again."""
    try:
        number: object = thing.fileno()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    except Exception:
        return ()
    return (number,) if isinstance(number, int) and number >= 0 else ()
