"""Work that must come to its end: awaited whatever cancels the caller meanwhile, for as long as its deadline allows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from .closing import backend
from .groups import tell_beside


async def finish(work: Callable[[], Awaitable[object]], deadline_s: float | None = None) -> None:
    """Await `work()` to its end, then let a cancellation that came meanwhile go on; TimeoutError after the deadline.

    A cancel scope that shields is all that trio needs. asyncio's own `task.cancel()` knows no scopes: there the work
    has a task of its own, and the caller waits for it again as often as it is cancelled.
    """
    import anyio

    if backend() != "asyncio":
        with anyio.fail_after(deadline_s, shield=True):
            await work()
        return
    import asyncio

    task = asyncio.get_running_loop().create_task(_bounded(work, deadline_s), name="no-leaks-cleanup")
    interrupted: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait((task,))
            except asyncio.CancelledError as error:
                interrupted = error
    if interrupted is None:
        task.result()
        return
    failed = None if task.cancelled() else task.exception()
    tell_beside(interrupted, [] if failed is None else [failed])
    raise interrupted


async def _bounded(work: Callable[[], Awaitable[object]], deadline_s: float | None) -> None:
    import anyio

    with anyio.fail_after(deadline_s):
        await work()
