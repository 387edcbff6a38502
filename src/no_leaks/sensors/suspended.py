"""Where a coroutine stands and what it waits for, read from its await chain; only where a task or generator leaked.

Private parts: a task's `_fut_waiter` (both of asyncio's implementations have it), and the object behind the opaque
`asend()` iterators, found through the garbage collector's referents.
"""

from __future__ import annotations

import gc
import inspect
import os
from collections.abc import Iterable
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType, GeneratorType
from typing import Any

from .. import origin
from ..model import Frame, RawStack
from ..words import safe_repr
from . import cleanups

_STEPS: tuple[type, ...] = (CoroutineType, GeneratorType, AsyncGeneratorType)
_DEPTH = 64


def links(awaitable: object) -> list[Any]:
    """Return a coroutine and all that it awaits, outermost first, ending with a future's iterator if there is one."""
    chain: list[Any] = []
    step: Any = awaitable
    while step is not None and len(chain) < _DEPTH:
        chain.append(step)
        step = _next(step)
    return chain


def _next(step: Any) -> Any:
    for name in ("cr_await", "gi_yieldfrom", "ag_await"):
        if hasattr(step, name):
            return getattr(step, name)
    # asend(), athrow() and anext() show nothing of their generator.
    return next((thing for thing in gc.get_referents(step) if isinstance(thing, _STEPS)), None)


def frame_of(step: Any) -> FrameType | None:
    """Return the frame of a coroutine, generator or async generator; None once it is finished."""
    for name in ("cr_frame", "gi_frame", "ag_frame"):
        frame = getattr(step, name, None)
        if frame is not None:
            return frame  # type: ignore[no-any-return] # a stub says Any
    return None


def stack_of(awaitable: object) -> RawStack:
    """Return where an awaitable is suspended, innermost first, as raw pairs."""
    frames = [frame_of(step) for step in links(awaitable)]
    return tuple((frame.f_code, frame.f_lasti) for frame in reversed(frames) if frame is not None)


def where(awaitable: object) -> tuple[Frame, ...]:
    """Return where an awaitable is suspended, innermost first."""
    return origin.frames_of(stack_of(awaitable))


def is_made_by(tasks: Iterable[Any], stack: RawStack) -> bool:
    """Whether a stack runs through the code that one of these tasks is suspended in."""
    codes = {code for task in tasks for code, _ in stack_of(task.get_coro())}
    return any(code in codes for code, _ in stack)


def is_unfinished(agen: Any, tasks: Iterable[Any]) -> bool:
    """Whether an async generator was begun, has something left to clean up, and is in the hands of none of these tasks."""
    return cleanups.is_pending(agen) and not is_in_hands_of(agen, tasks)


def is_in_hands_of(agen: object, tasks: Iterable[Any]) -> bool:
    """Whether one of these tasks is iterating over a generator, itself or through other generators."""
    waiting: list[object] = [task.get_coro() for task in tasks]
    seen: set[int] = set()
    while waiting:
        for step in links(waiting.pop()):
            if step is agen:
                return True
            if id(step) not in seen:
                seen.add(id(step))
                waiting += [thing for thing in _held_by(step) if isinstance(thing, AsyncGeneratorType)]
    return False


def _held_by(step: object) -> list[object]:
    """Return what a suspended step holds directly: from 3.11 on in itself, before that in its frame."""
    frame = frame_of(step)
    return [*gc.get_referents(step), *(gc.get_referents(frame) if frame is not None else ())]


def name_of(awaitable: object) -> str:
    """Return the qualified name of a coroutine or generator."""
    return str(getattr(awaitable, "__qualname__", type(awaitable).__qualname__)).replace(".<locals>", "")


def callback_name(callback: Any) -> str:
    """Return the qualified name of a callback, looking through `functools.partial`."""
    return name_of(getattr(callback, "func", callback))


def waits_for(task: Any) -> str:
    """Say what an asyncio task awaits: "sleep(3600)", "Queue.get()", "Future pending", "task 'Task-2' (worker)"."""
    coro = task.get_coro()
    if inspect.iscoroutine(coro) and inspect.getcoroutinestate(coro) == inspect.CORO_CREATED:
        return "its first step"
    waiter = getattr(task, "_fut_waiter", None)
    if waiter is None:
        return "its next step"
    if hasattr(waiter, "get_coro"):
        return f"task {waiter.get_name()!r} ({name_of(waiter.get_coro())})"
    called = _library_call(links(coro))
    return called or f"{type(waiter).__name__} {str(getattr(waiter, '_state', 'pending')).lower()}"


def _library_call(chain: list[Any]) -> str:
    """Name the call of asyncio's that a chain ends in, or "" where the program awaits a future itself."""
    entry: FrameType | None = None
    for step in reversed(chain):
        frame = frame_of(step)
        if frame is not None:
            if not is_asyncio(frame.f_code):
                break
            entry = frame
    return _call_in_words(entry) if entry is not None else ""


def _call_in_words(frame: FrameType) -> str:
    values = frame.f_locals
    name = frame.f_code.co_name
    if name == "sleep":
        return f"sleep({safe_repr(values.get('delay'))})"
    owner = f"{type(values['self']).__name__}." if "self" in values else ""
    return f"{owner}{name}()"


def is_asyncio(code: CodeType) -> bool:
    """Whether a code object is asyncio's own."""
    return f"{os.sep}asyncio{os.sep}" in code.co_filename
