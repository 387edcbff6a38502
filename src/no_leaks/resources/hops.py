"""Plain work in a worker thread, awaited so that nothing of it goes astray: cancelled, it is undone, or waited for."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from ..errors import DeadlineExceeded
from .closing import backend
from .shield import finish

if TYPE_CHECKING:
    from typing import Any

T = TypeVar("T")


async def hop(work: Callable[[], T], undo: Callable[[T], object] | None = None) -> T:
    """Return what `work` returns in a worker thread. Where a cancellation comes first, `undo` gets what was made.

    asyncio's own `task.cancel()` does not wait for the thread, as a cancel scope does: so it is waited for here, and no
    thread works on a file that the next line closes.
    """
    from anyio import to_thread

    future: Future[T] = Future()
    try:
        await to_thread.run_sync(_turn, work, future)
    except BaseException:
        if not future.cancel():
            await _ended(future)
            if undo is not None and future.exception() is None:
                undo(future.result())
        raise
    return future.result()


async def surely(work: Callable[[], object], limit_s: float | None, what: str) -> None:
    """Do `work` in a worker thread whatever cancels the caller; `DeadlineExceeded` once it takes too long.

    Where a cancellation hits before the thread has begun, it is done here and now: it blocks the loop, but it is done.
    """
    import anyio

    future: Future[object] = Future()
    try:
        with anyio.fail_after(limit_s, shield=True):
            await anyio.to_thread.run_sync(_turn, work, future, **_abandoning())
    except TimeoutError:
        raise DeadlineExceeded(what, limit_s or 0) from None
    except BaseException:
        if future.cancel():
            work()
        else:
            await _ended(future)
            future.result()
        raise
    future.result()


def _turn(work: Callable[[], T], future: Future[T]) -> None:
    """Run in the thread, unless the caller has gone already."""
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)


async def _ended(future: Future[T]) -> None:
    """Wait until a thread that has begun has ended; only under asyncio can it be left so soon."""
    if not future.done() and backend() == "asyncio":
        import asyncio

        waiting = asyncio.wrap_future(future)
        waiting.add_done_callback(lambda done: done.cancelled() or done.exception())  # looked at: nobody else will
        try:
            await finish(lambda: asyncio.wait([waiting]))
        except asyncio.CancelledError:
            pass  # the caller raises the one that came first


@functools.cache
def _abandoning() -> dict[str, Any]:
    """Return the argument that lets a call leave its thread at a deadline: anyio 4.1 has renamed it."""
    from anyio import to_thread

    known = "abandon_on_cancel" in inspect.signature(to_thread.run_sync).parameters
    return {"abandon_on_cancel" if known else "cancellable": True}
