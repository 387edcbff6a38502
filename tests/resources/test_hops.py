"""Work in a thread: cancelled while it runs it is waited for, and what it made is undone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import anyio
import pytest
from backends import on_both, run

from no_leaks.errors import DeadlineExceeded
from no_leaks.resources import hops
from no_leaks.resources.hops import hop, hop_in_time, surely


class Work:
    """Work that stands still until it is told to go on."""

    def __init__(self, error: Exception | None = None) -> None:
        self.log: list[str] = []
        self.begun, self.go_on = threading.Event(), threading.Event()
        self._error = error

    def __call__(self) -> str:
        """Wait, and fail or make something."""
        self.begun.set()
        self.go_on.wait()
        self.log.append("made")
        if self._error is not None:
            raise self._error
        return "thing"

    def undo(self, thing: str) -> None:
        """Undo what was made."""
        self.log.append(f"undone {thing}")


async def cancel_while_it_runs(work: Work, main: Callable[[], Awaitable[object]]) -> BaseException | None:
    """Cancel as soon as the thread is at work, and let it go on only then; return what the task raised."""
    task = asyncio.ensure_future(main())
    while not work.begun.is_set():
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    assert not task.done()
    work.go_on.set()
    await asyncio.wait([task])
    return None if task.cancelled() else task.exception()


def test_what_was_made_for_a_cancelled_task_is_undone() -> None:
    """After the thread has ended; the task is cancelled."""
    work = Work()

    assert asyncio.run(cancel_while_it_runs(work, lambda: hop(work, work.undo))) is None
    assert work.log == ["made", "undone thing"]


def test_without_an_undo_the_thread_is_only_waited_for() -> None:
    """No thread works on a file that the next line closes."""
    work = Work()

    assert asyncio.run(cancel_while_it_runs(work, lambda: hop(work))) is None
    assert work.log == ["made"]


def test_what_failed_for_a_cancelled_task_needs_no_undoing() -> None:
    """It undid itself."""
    work = Work(OSError("broken"))

    assert asyncio.run(cancel_while_it_runs(work, lambda: hop(work, work.undo))) is None
    assert work.log == ["made"]


def test_what_must_be_done_is_waited_for() -> None:
    """However often its task is cancelled."""
    work = Work()

    assert asyncio.run(cancel_while_it_runs(work, lambda: surely(work, 3600, "work"))) is None
    assert work.log == ["made"]


def test_what_failed_is_told_instead_of_the_cancellation() -> None:
    """A file that could not be written is more than a task that was cancelled."""
    work = Work(OSError("broken"))

    error = asyncio.run(cancel_while_it_runs(work, lambda: surely(work, 3600, "work")))

    assert isinstance(error, OSError)


def test_a_cancellation_that_comes_with_the_last_step_changes_nothing() -> None:
    """What must be done is done, and the task is cancelled."""
    work = Work()
    work.go_on.set()

    async def main() -> bool:
        task = asyncio.ensure_future(surely(work, 3600, "work"))
        while not work.begun.is_set():
            await asyncio.sleep(0)
        while not work.log:
            pass
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(main())


def test_a_cancellation_that_comes_with_the_result_undoes_it() -> None:
    """The thread has ended, and the task has not heard of it."""
    work = Work()
    work.go_on.set()

    async def main() -> None:
        task = asyncio.ensure_future(hop(work, work.undo))
        while not work.begun.is_set():
            await asyncio.sleep(0)
        while not work.log:
            pass
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(main())

    assert work.log == ["made", "undone thing"]


@on_both
def test_a_cancelled_scope_waits_too(backend: str) -> None:
    """And goes on cancelling afterwards."""
    work = Work()

    async def main() -> bool:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(hop, work)
                while not work.begun.is_set():
                    await anyio.sleep(0)
                scope.cancel()
                work.go_on.set()
        return scope.cancel_called

    assert run(backend, main)
    assert work.log == ["made"]


def test_errors_of_the_thread_are_raised() -> None:
    """As they are."""

    def fail() -> None:
        raise TimeoutError("the system's own")

    with pytest.raises(TimeoutError, match="the system's own"):
        anyio.run(surely, fail, 3600, "work")
    with pytest.raises(TimeoutError, match="the system's own"):
        anyio.run(hop, fail)


def test_a_thread_whose_caller_has_gone_does_nothing() -> None:
    """It was told before it began."""
    work = Work()
    turn = hops._Turn(work)  # pyright: ignore[reportPrivateUsage]  # the moment between the two is no test's to choose
    assert turn.take()

    turn.run()

    assert not work.begun.is_set()


@on_both
def test_what_comes_too_late_is_undone_by_its_thread(backend: str) -> None:
    """The caller has gone at the limit."""
    work, undone = Work(), threading.Event()

    def undo(thing: str) -> None:
        work.undo(thing)
        undone.set()

    async def main() -> None:
        try:
            with pytest.raises(DeadlineExceeded, match="making: took longer than 0.01 s"):
                await hop_in_time(work, undo, 0.01, "making")
            assert work.log == []
        finally:
            work.go_on.set()
        assert undone.wait(10) if work.begun.is_set() else True  # a busy machine may begin none in time

    run(backend, main)
    assert work.log == (["made", "undone thing"] if work.begun.is_set() else [])


def test_what_undoing_runs_into_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody waits for it any more."""

    def undo(thing: str) -> None:
        raise OSError("gone")

    def work() -> str:
        assert turn.leave(undo)
        return "thing"

    turn = hops._Turn(work)
    turn.run()

    assert "what a thread made too late could not be closed: OSError('gone')" in caplog.text


def test_what_failed_too_late_needs_no_undoing() -> None:
    """There is nothing."""
    undone: list[object] = []

    def work() -> str:
        assert turn.leave(undone.append)
        raise OSError("refused")

    turn = hops._Turn(work)
    turn.run()

    assert undone == []


def test_what_came_with_the_deadline_is_taken() -> None:
    """It is here, so that nobody undoes it."""
    undone: list[str] = []
    turn = hops._Turn(lambda: "thing")
    turn.run()

    assert not turn.leave(undone.append)
    assert (turn.result(), undone) == ("thing", [])


def test_a_thread_that_begins_too_late_does_nothing() -> None:
    """All threads were busy until the deadline."""
    done: list[int] = []
    turn = hops._Turn(lambda: done.append(1))

    assert turn.leave(lambda nothing: None)
    turn.run()

    assert done == []


@on_both
def test_in_time_it_is_as_any_other(backend: str) -> None:
    """What the thread returns or raises."""

    async def main() -> None:
        assert await hop_in_time(lambda: 3, print, 10, "counting") == 3
        with pytest.raises(ZeroDivisionError):
            await hop_in_time(lambda: 1 // 0, print, 10, "dividing")

    run(backend, main)


def test_cancelled_in_time_it_is_waited_for_and_undone() -> None:
    """As any other."""
    work = Work()

    assert asyncio.run(cancel_while_it_runs(work, lambda: hop_in_time(work, work.undo, 10, "making"))) is None
    assert work.log == ["made", "undone thing"]
