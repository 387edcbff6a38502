"""What is still pending, as findings: a task, timer, event loop or async generator becomes a sighting, and lets go."""

from __future__ import annotations

import time
from types import CodeType
from typing import Any

from .. import ledger, rules
from ..model import Resource, Sighting
from . import asyncio_loops, suspended


def task(thing: Any, record: ledger.Record | None, proof: str = "") -> Sighting:
    """Describe an asyncio task that is not done."""
    coro = thing.get_coro()
    closed = thing.get_loop().is_closed()
    return Sighting(
        kind="tasks",
        resource=Resource("task", thing.get_name(), suspended.name_of(coro)),
        summary=f"the task {suspended.name_of(coro)} was started and neither awaited to its end nor cancelled",
        fix="keep the task and await it, or: task.cancel(); await asyncio.gather(task, return_exceptions=True)",
        stack=record.stack if record is not None else (),
        now=suspended.where(coro),
        waits_for=suspended.waits_for(thing),
        proof=proof or ("its event loop is closed: it can never finish" if closed else ""),
        age_s=age_s(record),
        excuse=_excuse(coro),
    )


def timer(handle: Any, record: ledger.Record, left_s: float, proof: str = "") -> Sighting:
    """Describe a timer that is still scheduled."""
    name = suspended.callback_name(asyncio_loops.callback_of(handle))
    return Sighting(
        kind="tasks",
        resource=Resource("timer", name, f"fires in {left_s:.1f} s"),
        summary=f"a timer for {name} was scheduled and never cancelled",
        fix="handle = loop.call_later(...); ... handle.cancel()",
        stack=record.stack,
        waits_for=f"its time, in {left_s:.1f} s",
        proof=proof,
        age_s=age_s(record),
    )


def loop(thing: Any, record: ledger.Record, proof: str = "") -> Sighting:
    """Describe an event loop that is open and does not run."""
    return Sighting(
        kind="tasks",
        resource=Resource("event loop", type(thing).__name__),
        summary="an event loop was created and never closed",
        fix="loop.close(), or let asyncio.run(...) own the loop",
        stack=record.stack,
        proof=proof,
        age_s=age_s(record),
        covers_fds=asyncio_loops.descriptors_of(thing),
        once="it is the thread's current loop, which asyncio.get_event_loop() makes once"
        if _is_implicit(record)
        else "",
        excuse=rules.name_of(rules.LOOPS, record.stack),
    )


def _is_implicit(record: ledger.Record) -> bool:
    """Whether `asyncio.get_event_loop()` made a loop because the thread had none (until 3.13; 3.14 raises)."""
    return any(code.co_name == "get_event_loop" and suspended.is_asyncio(code) for code, _ in record.stack)


def generator(agen: Any, record: ledger.Record, proof: str = "") -> Sighting:
    """Describe an async generator that was begun and not finished."""
    name = suspended.name_of(agen)
    return Sighting(
        kind="tasks",
        resource=Resource("async generator", name),
        summary=f"the async generator {name} was begun, and neither exhausted nor closed",
        fix="async with contextlib.aclosing(agen): async for item in agen: ...",
        stack=record.stack,
        now=suspended.where(agen),
        proof=proof,
        age_s=age_s(record),
    )


def system_task(thing: Any, record: ledger.Record, proof: str) -> Sighting:
    """Describe a system task of trio's."""
    return Sighting(
        kind="tasks",
        resource=Resource("task", str(thing.name), suspended.name_of(thing.coro)),
        summary=f"the system task {thing.name} was spawned and still ran when the main task ended",
        fix="spawn it in a nursery of the program's own, and cancel that nursery's scope",
        stack=record.stack,
        now=suspended.where(thing.coro),
        proof=proof,
        age_s=age_s(record),
        excuse=_excuse(thing.coro),
    )


def _excuse(coro: Any) -> str:
    code = getattr(coro, "cr_code", None)
    return rules.name_of(rules.TASKS, code) if isinstance(code, CodeType) else ""


def age_s(record: ledger.Record | None) -> float | None:
    """Return how long ago a record was written."""
    return time.monotonic() - record.born_s if record is not None else None
