"""Proven losses of asyncio and trio: what the collector destroyed, and what a runner is about to throw away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import faults
from . import owned, pending


def dropped(agen: Any, matters: Callable[[Any], bool] | None = None) -> None:
    """An async generator was dropped unfinished, if that `matters`: its loop is told, and has to close it."""
    try:
        birth = owned.find_dying(agen, owned.AGEN)  # at once: what runs in between may collect
        if birth is not None and owned.is_news(birth) and (matters is None or matters(agen)):
            proof = "it was dropped before it was exhausted; the event loop had to close it"
            owned.lose(birth, pending.generator(agen, birth.record, proof))
    except Exception as error:
        faults.note("async generators", error)


def unclosed(loop: Any) -> None:
    """An event loop is about to be finalized; if it is open, it takes its descriptors with it."""
    try:
        birth = owned.find_dying(loop, owned.LOOP) if not loop.is_closed() else None
        if birth is not None and owned.is_news(birth):
            owned.lose(birth, pending.loop(loop, birth.record, "the garbage collector had to close it"))
    except Exception as error:
        faults.note("event loops", error)


def destroyed(task: Any) -> None:
    """A task was destroyed while it was pending; one without a record is nobody's here."""
    try:
        birth = owned.find_dying(task, owned.TASK) if task is not None else None
        if birth is not None and owned.is_news(birth):
            proof = "the garbage collector destroyed it while it was pending"
            owned.lose(birth, pending.task(task, birth.record, proof))
    except Exception as error:
        faults.note("destroyed tasks", error)
