"""Watching: the program itself says which object must die, by the end of the scope at work or at once."""

from __future__ import annotations

import gc
import inspect
import os
import time
import weakref
from collections.abc import Callable
from typing import TypeVar

from . import ledger, origin
from .errors import LeakError, NotWatchable, SettingError
from .ledger import Watched
from .model import Evidence, Owner, RawStack, Verdict
from .probes import watched
from .settle import Patience
from .words import type_name

T = TypeVar("T")

GRACE_S = 0.5
"""How long another thread may hold on to what a factory has made."""


_RUN_IT = "give what comes of it: assert_collectable(lambda: asyncio.run(make()))"
_GIVE_ANOTHER = "give the object that holds it; a class with __slots__ needs '__weakref__' among them"


def watch(thing: T, why: str) -> T:
    """Return a thing, and have it fail the test or `no_leaks(...)` block at work if it is alive when that has ended.

    The report names who holds it, and `why` it must go. Where nothing is checked, nothing happens. It is checked whatever
    the kinds are; the finding is of kind `memory`. Raises `NotWatchable` for what takes no weak reference (numbers, strings,
    lists, dicts, instances with `__slots__` and no `__weakref__`), `SettingError` without a reason.
    """
    one = _watched(thing, "watch", _reason(why))
    book = ledger.current()
    if book is not None:
        book.watched.append(one)
    return thing


def assert_collectable(factory: Callable[[], object]) -> None:
    """Call a factory, drop what it returns, collect; raise `LeakError`, with the path to its holder, if it lives on.

    An error of the factory passes unchanged. Raises `NotWatchable` for what takes no weak reference, and for a coroutine.
    """
    one = _watched(factory(), "assert_collectable", "nothing was to hold what the factory made")
    gc.collect()
    looks, waited_s = 1, 0.0
    for pause in Patience(GRACE_S).delays():
        if one.ref() is None:
            return
        time.sleep(pause)
        looks, waited_s = looks + 1, waited_s + pause
    gc.collect()
    _raise_if_alive(one, Evidence(looks, waited_s))


def _watched(thing: object, where: str, why: str) -> Watched:
    stack = origin.capture_here(2)
    if inspect.iscoroutine(thing):
        thing.close()
        raise NotWatchable(f"{where} at {_place(stack)}", "it got a coroutine that has not run", _RUN_IT)
    try:
        return Watched(weakref.ref(thing), type_name(thing), why, stack)
    except TypeError:
        what = f"{type_name(thing)} takes no weak reference, so that nobody can see it die"
        raise NotWatchable(f"{where} at {_place(stack)}", what, _GIVE_ANOTHER) from None


def _reason(why: object) -> str:
    if not isinstance(why, str) or not why.strip():
        raise SettingError("watch", 'needs a reason; write watch(thing, "why it must be gone by then")')
    return why.strip()


def _place(stack: RawStack) -> str:
    return next((f"{frame.file}:{frame.line}" for frame in origin.frames_of(stack)), "an unknown place")


def _raise_if_alive(one: Watched, evidence: Evidence) -> None:
    thing = one.ref()
    if thing is None:
        return
    from . import diagnose
    from .diagnose import holders
    from .reporters import text

    leak = diagnose.explain(
        watched.sighting(one),
        verdict=Verdict.LEAK,
        evidence=evidence,
        owner=Owner("call"),
        test=None,
        root=origin.root() or os.getcwd(),
        held_by=holders.path_to(thing),
    )
    raise LeakError((leak,), text.render((leak,), origin.root() or os.getcwd()))
