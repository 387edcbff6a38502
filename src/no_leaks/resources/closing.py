"""How a thing is let go of: the method that closes it, found or named, called plainly or awaited."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, cast

from ..errors import ResourceError
from ..words import type_name
from . import processes

Method: TypeAlias = Callable[[], object]

METHODS = ("close", "disconnect", "stop", "shutdown", "terminate", "cancel", "release", "cleanup")
"""In this order; where one may wait, `aclose` comes before them all."""
FORCE = ("abort", "terminate", "kill")
"""What ends a connection at once where its close does not come to an end."""


def method_of(thing: object, *, awaiting: bool) -> Method | None:
    """Return the bound method that closes a thing, or None where it has none of the known names."""
    if processes.is_child(thing):
        child = cast("processes.Child", thing)
        return functools.partial(processes.aend if awaiting else processes.end, child)
    for name in ("aclose", *METHODS) if awaiting else (*METHODS, "aclose"):
        method = getattr(thing, name, None)
        if callable(method):
            return cast(Method, method)
    return None


def backend() -> str:
    """Return the async library that runs here: "asyncio", "trio", or "" where nothing can be awaited; imports neither."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        return "asyncio"
    trio = sys.modules.get("trio")
    return "trio" if trio is not None and trio.lowlevel.in_trio_run() else ""


def close(thing: object, call: Method | None = None, *, library: str = "") -> None:
    """Close a thing from plain code; what has to be awaited is run in a loop of its own, of the library it was made under.

    Raises `ResourceError` where that cannot be: inside a running loop.
    """
    method = call or method_of(thing, awaiting=False)
    result = method() if method is not None else None
    if not inspect.isawaitable(result):
        return
    if backend():
        if inspect.iscoroutine(result):
            result.close()
        raise ResourceError(f"{type_name(thing)} has to be awaited to be closed: use the async twin, inside a loop")
    import anyio

    anyio.run(_awaited, result, backend=library or "asyncio")


async def aclose(thing: object, call: Method | None = None) -> None:
    """Close a thing and wait until it is closed: `aclose()`, or `close()` and `wait_closed()`; a task is cancelled and awaited."""
    rest = start(thing, call)
    if rest is not None:
        await rest


def start(thing: object, call: Method | None = None) -> Awaitable[object] | None:
    """Begin to close a thing; return what remains to be awaited, None where that is nothing."""
    method = call or method_of(thing, awaiting=True)
    result = method() if method is not None else None
    if inspect.isawaitable(result) or (call is None and (hasattr(thing, "wait_closed") or _is_task(thing))):
        return _rest(thing, result, call)
    return None


def force(thing: object) -> None:
    """End a thing at once, as well as can be without waiting; never raises."""
    for owner in (thing, getattr(thing, "transport", None)):
        for name in (*FORCE, "close"):
            method = getattr(owner, name, None)
            if callable(method) and not inspect.iscoroutinefunction(method):
                try:
                    result = method()
                except Exception:
                    continue  # it was closed half-way: the next may still do
                if inspect.iscoroutine(result):
                    result.close()
                    continue
                return


async def _rest(thing: object, result: object, call: Method | None) -> None:
    if inspect.isawaitable(result):
        await result
    wait_closed = getattr(thing, "wait_closed", None)
    if call is None and callable(wait_closed):
        waiting = wait_closed()
        if inspect.isawaitable(waiting):
            await waiting
    if call is None and _is_task(thing):
        import asyncio

        await asyncio.wait([cast("asyncio.Task[object]", thing)])


def _is_task(thing: object) -> bool:
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and isinstance(thing, cast("type[Any]", asyncio.Task))


async def _awaited(result: Awaitable[object]) -> None:
    await result
