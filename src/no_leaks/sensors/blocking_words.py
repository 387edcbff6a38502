"""Words for a held-up event loop: which task or callback it was, where it stood, and what to do instead."""

from __future__ import annotations

import functools
from types import CodeType
from typing import Any

from ..model import RawStack, Resource, Sighting
from ..words import safe_repr

FIX = "await the asynchronous form, or run it in a thread: `await asyncio.to_thread(...)`"
FIX_TRIO = "await the asynchronous form, or run it in a thread: `await trio.to_thread.run_sync(...)`"


def sighting(holder: Any, sample: RawStack | None, held_s: float, threshold_s: float, *, so_far: str = "") -> Sighting:
    """Describe one callback or task step that was over the threshold; without a sample, by where its code begins."""
    code, name = code_of(holder)
    stack = sample or (((code, -1),) if code is not None else ())
    trio = hasattr(holder, "coro")
    proof = f"the event loop was held up for {held_s:.2f} s{so_far} (threshold {threshold_s:g} s)"
    unseen = "" if sample else "; C code held the interpreter's lock, so that the line could not be seen"
    return Sighting(
        kind="blocking",
        resource=Resource("event loop", "trio" if trio else "asyncio", name),
        summary=f"the event loop was held up by {name}: nothing else could run in it",
        fix=FIX_TRIO if trio else FIX,
        stack=stack,
        proof=proof + unseen,
    )


def code_of(holder: Any) -> tuple[CodeType | None, str]:
    """Return code and name of what an asyncio handle or a trio task runs."""
    coroutine: Any = getattr(holder, "coro", None)
    callback: Any = getattr(holder, "_callback", None)
    task: Any = getattr(callback, "__self__", None)
    if hasattr(task, "get_coro"):
        coroutine = task.get_coro()
    code = getattr(coroutine, "cr_code", None)
    if code is None:
        while isinstance(callback, functools.partial):
            callback = callback.func
        code = getattr(callback, "__code__", None)
    if isinstance(code, CodeType):
        name: str = getattr(coroutine if coroutine is not None else callback, "__qualname__", code.co_name)
        return code, f"{name.replace('.<locals>', '')}()"
    return None, safe_repr(callback if coroutine is None else coroutine, 80)
