"""Whose a task, timer, event loop or async generator is: its birth is written under its key, and found again by it."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType, FrameType

from .. import births, deaths, ledger, origin
from ..model import RawStack, Sighting

TASK = "task"
TIMER = "timer"
LOOP = "event loop"
AGEN = "async generator"
SYSTEM = "system task"
EVENTS = (TASK, TIMER, LOOP, AGEN, SYSTEM)
TOLD = ", told"
"""Added to a record's event once its thing is reported: its later destruction is no second finding."""

PRUNE_EVERY = 4096
"""Births between two sweeps of dead records: a test that makes a million tasks must not hold a million records."""

key = object.__hash__
"""Names an object for as long as it lives; unlike `id` it raises no audit event."""

frame_up = origin.frame_up
"""Returns the frame so many calls up."""

_stops: dict[str, CodeType] = {}
"""Where a walk up the stack ends: the runner's code, and that in which event loops call the program."""
_born = 0


def stop_at(name: str, code: CodeType) -> None:
    """End walks up the stack at this code too: below are a dozen frames of the loop's own."""
    _stops.update(origin.stops)
    _stops[name] = code


def capture(frame: FrameType) -> RawStack:
    """Return the raw stack from a frame outwards, up to the runner or the turn of the event loop that it is part of."""
    return origin.capture(frame, stops=_stops or origin.stops)


def write(book: ledger.Ledger, event: str, thing: object, frame: FrameType, *facts: object) -> None:
    """Record a birth; `facts` follow the key."""
    global _born
    book.records.append(ledger.Record(event, (key(thing), *facts), capture(frame), deaths.watch(thing)))
    _born += 1
    if _born >= PRUNE_EVERY:
        _born = 0
        prune(book)


def prune(book: ledger.Ledger) -> None:
    """Drop the records of what is gone."""
    book.records[:] = [
        record
        for record in book.records
        if record.event.partition(TOLD)[0] not in EVENTS or (record.ref is not None and record.ref() is not None)
    ]


def find(thing: object, event: str) -> births.Birth | None:
    """Find the record of a live thing in any ledger."""
    return next((birth for birth in _named(thing, event) if _made(birth) is thing), None)


def find_dying(thing: object, event: str) -> births.Birth | None:
    """Find the record of a thing that is about to be destroyed.

    The collector may have cleared its weak reference, and addresses are given again: it may be one that nobody wrote
    down, at the address of one that died long ago. So its reference has to have died in this moment.
    """
    return find(thing, event) or next((birth for birth in _named(thing, event) if _is_dying(birth)), None)


def _named(thing: object, event: str) -> Iterator[births.Birth]:
    name = key(thing)
    for book in ledger.all_ledgers():
        for record in book.of(event, event + TOLD):
            if record.facts[0] == name:
                yield births.Birth(book, record)


def _is_dying(birth: births.Birth) -> bool:
    return birth.record.ref is not None and deaths.is_dying(birth.record.ref)


def _made(birth: births.Birth) -> object | None:
    return birth.record.ref() if birth.record.ref is not None else None


def living(book: ledger.Ledger, *events: str) -> Iterator[tuple[ledger.Record, object]]:
    """Yield the records of these events whose thing is alive, with the thing; told ones too."""
    wanted = (*events, *(event + TOLD for event in events))
    for record in tuple(book.records):
        if record.event in wanted and record.ref is not None:
            thing = record.ref()
            if thing is not None:
                yield record, thing


def mark(record: ledger.Record) -> None:
    """Mark a record's thing as reported."""
    if not is_told(record):
        record.event += TOLD


def is_told(record: ledger.Record) -> bool:
    """Whether a record's thing was reported already."""
    return record.event.endswith(TOLD)


def is_news(birth: births.Birth) -> bool:
    """Whether a thing was not reported yet: neither as a loss, nor by the look that was taken when its scope ended."""
    return not is_told(birth.record) and (not birth.ledger.ended or birth.record.born_s > birth.ledger.ended_s)


def lose(birth: births.Birth, sighting: Sighting) -> None:
    """Write a proven loss into the ledger that the thing was born under."""
    mark(birth.record)
    birth.ledger.losses.append(sighting)
