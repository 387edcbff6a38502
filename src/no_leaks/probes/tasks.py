"""Sees asyncio tasks, timers, event loops and async generators that a scope made and left; reads its ledger's records only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..ledger import Ledger, Record
from ..model import Ident, Kind, Sighting, Snapshot
from ..sensors import asyncio_, asyncio_loops, letting_go, owned, patience, pending, suspended
from .protocol import Unavailable


class TaskProbe:
    """The probe of the kind "tasks"; an identity is the event of its record and the key of its object."""

    name = "tasks"
    kinds: tuple[Kind, ...] = ("tasks",)

    def __init__(self) -> None:
        why = asyncio_.reason()
        if why:
            raise Unavailable(why)

    def take(self, ledger: Ledger) -> Snapshot:
        """Return the identities of what the ledger's records say is born and is neither finished nor closed."""
        return frozenset((event, record.facts[0]) for event, record, _ in _left(ledger))

    def describe(self, ident: Ident, ledger: Ledger) -> Sighting | None:
        """Describe one of them; None where it is gone, or is part of a task that is described itself."""
        for event, record, thing in _left(ledger):
            if (event, record.facts[0]) == ident:
                return _DESCRIBE[event](thing, record, ledger)
        return None

    def release(self, ident: Ident, ledger: Ledger) -> str:
        """Cancel a task or timer, close a loop or generator, where no other thread runs it; say what was done."""
        for event, record, thing in _left(ledger):
            if (event, record.facts[0]) == ident:
                return letting_go.of(event, thing)
        return ""

    def thing(self, ident: Ident, ledger: Ledger) -> object | None:
        """Return the object itself."""
        return next((thing for event, record, thing in _left(ledger) if (event, record.facts[0]) == ident), None)


def _left(ledger: Ledger) -> Iterator[tuple[str, Record, Any]]:
    for record in list(ledger.records):
        is_left = _IS_LEFT.get(record.event)
        if is_left is not None and record.ref is not None:
            thing: Any = record.ref()
            if thing is not None and is_left(thing):
                yield record.event.removesuffix(owned.TOLD), record, thing


def _is_late(handle: Any) -> bool:
    left_s = asyncio_loops.scheduled_s(handle)
    return left_s is not None and left_s > patience.grace_s()


def _tasks(ledger: Ledger) -> list[Any]:
    return [thing for event, _, thing in _left(ledger) if event == owned.TASK]


def _task(thing: Any, record: Record, ledger: Ledger) -> Sighting:
    return pending.task(thing, record)


def _timer(handle: Any, record: Record, ledger: Ledger) -> Sighting | None:
    left_s = asyncio_loops.scheduled_s(handle)
    if left_s is None or suspended.is_made_by(_tasks(ledger), record.stack):
        return None
    return pending.timer(handle, record, left_s)


def _loop(thing: Any, record: Record, ledger: Ledger) -> Sighting:
    return pending.loop(thing, record)


def _generator(agen: Any, record: Record, ledger: Ledger) -> Sighting | None:
    return pending.generator(agen, record) if suspended.is_unfinished(agen, _tasks(ledger)) else None


_IS_OPEN: dict[str, Callable[[Any], bool]] = {
    owned.TASK: lambda task: not task.done(),
    owned.TIMER: _is_late,
    owned.LOOP: lambda loop: not loop.is_closed() and not loop.is_running(),
    owned.AGEN: lambda agen: agen.ag_frame is not None,
}
_IS_LEFT = {**_IS_OPEN, **{event + owned.TOLD: is_open for event, is_open in _IS_OPEN.items()}}
"""The same for what has been told already."""
_DESCRIBE: dict[str, Callable[[Any, Record, Ledger], Sighting | None]] = {
    owned.TASK: _task,
    owned.TIMER: _timer,
    owned.LOOP: _loop,
    owned.AGEN: _generator,
}
