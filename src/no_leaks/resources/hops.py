"""Plain work in a worker thread, awaited so that nothing of it goes astray: cancelled, it is undone, or waited for."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from ..errors import DeadlineExceeded
from .closing import backend
from .shield import finish

if TYPE_CHECKING:
    from typing import Any

T = TypeVar("T")
logger = logging.getLogger("no_leaks.resources")


class _Turn(Generic[T]):
    """One piece of work: the thread takes it, or the caller takes it back, whoever is first; a Future would cost twice."""

    __slots__ = ("_late", "_token", "_undo", "_work", "on_end", "outcome")

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._token = [True]
        self._late = [True]
        self._undo: Callable[[T], object] | None = None
        self.outcome: tuple[T | None, BaseException | None] | None = None
        self.on_end: Callable[[], object] | None = None

    def take(self) -> bool:
        """Take the work; False where the other has it."""
        return _pop(self._token)

    def run(self) -> None:
        """Do the work in the thread, unless the caller has gone already."""
        if not self.take():
            return
        try:
            self.outcome = (self._work(), None)
        except BaseException as error:
            self.outcome = (None, error)
        if self.on_end is not None:
            self.on_end()
        if not _pop(self._late) and self._undo is not None and self.outcome[1] is None:
            self._undo_late(self._undo)

    def leave(self, undo: Callable[[T], object]) -> bool:
        """Go without what the thread will make, which it undoes then; False where it has come after all."""
        self._undo = undo
        return self.take() or _pop(self._late)

    def _undo_late(self, undo: Callable[[T], object]) -> None:
        try:
            undo(self.result())
        except Exception as error:  # nobody waits for it any more
            logger.warning("what a thread made too late could not be closed: %r", error)

    def result(self) -> T:
        """Return what came of it, or raise that."""
        assert self.outcome is not None
        made, error = self.outcome
        if error is not None:
            raise error
        return cast(T, made)


def _pop(token: list[bool]) -> bool:
    """Take a token; of two threads only one can."""
    try:
        return token.pop()
    except IndexError:
        return False


async def hop(work: Callable[[], T], undo: Callable[[T], object] | None = None) -> T:
    """Return what `work` returns in a worker thread. Where a cancellation comes first, `undo` gets what was made.

    asyncio's own `task.cancel()` does not wait for the thread, as a cancel scope does: so it is waited for here, and no
    thread works on a file that the next line closes.
    """
    from anyio import to_thread

    turn = _Turn(work)
    try:
        await to_thread.run_sync(turn.run)
    except BaseException:
        await _take_back(turn, undo)
        raise
    return turn.result()


async def hop_in_time(work: Callable[[], T], undo: Callable[[T], object], limit_s: float, what: str) -> T:
    """Do as `hop`; after the limit go without it: `DeadlineExceeded`, and the thread undoes what it makes too late."""
    import anyio

    turn = _Turn(work)
    try:
        with anyio.move_on_after(limit_s, shield=True):
            await anyio.to_thread.run_sync(turn.run, **_abandoning())
    except BaseException:
        await _take_back(turn, undo)
        raise
    if turn.outcome is None and turn.leave(undo):
        raise DeadlineExceeded(what, limit_s)
    return turn.result()


async def _take_back(turn: _Turn[T], undo: Callable[[T], object] | None) -> None:
    """Undo what a thread makes for a caller who is cancelled."""
    if not turn.take():
        await _ended(turn)
        if undo is not None and turn.outcome is not None and turn.outcome[1] is None:
            undo(turn.result())


async def surely(work: Callable[[], object], limit_s: float | None, what: str) -> None:
    """Do `work` in a worker thread whatever cancels the caller; `DeadlineExceeded` once it takes too long.

    Where a cancellation hits before the thread has begun, it is done here and now: it blocks the loop, but it is done.
    """
    import anyio

    turn = _Turn(work)
    try:
        with anyio.fail_after(limit_s, shield=True):
            await anyio.to_thread.run_sync(turn.run, **_abandoning())
    except TimeoutError:
        raise DeadlineExceeded(what, limit_s or 0) from None
    except BaseException:
        if turn.take():
            work()
        else:
            await _ended(turn)
            turn.result()
        raise
    turn.result()


async def _ended(turn: _Turn[T]) -> None:
    """Wait until a thread that has begun has ended; only under asyncio can it be left so soon."""
    if turn.outcome is None and backend() == "asyncio":
        import asyncio

        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        turn.on_end = lambda: loop.call_soon_threadsafe(ended.set)
        if turn.outcome is not None:  # pragma: no cover - the moment between the two looks is no test's to choose
            ended.set()  # it may not have seen whom to tell
        try:
            await finish(ended.wait)
        except asyncio.CancelledError:
            pass  # the caller raises the one that came first


@functools.cache
def _abandoning() -> dict[str, Any]:
    """Return the argument that lets a call leave its thread at a deadline: anyio 4.1 has renamed it."""
    from anyio import to_thread

    known = "abandon_on_cancel" in inspect.signature(to_thread.run_sync).parameters
    return {"abandon_on_cancel" if known else "cancellable": True}
