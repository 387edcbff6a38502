"""Work that must come to its end: cancelled at every step it still does, and its deadline holds."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from backends import on_both, run

from no_leaks.resources.shield import finish

STEPS = 4


@on_both
def test_work_is_awaited(backend: str) -> None:
    """Without any cancellation it is a plain await."""
    done: list[int] = []

    async def work() -> None:
        await anyio.sleep(0)
        done.append(1)

    run(backend, lambda: finish(work))

    assert done == [1]


@on_both
def test_what_the_work_raises_is_raised(backend: str) -> None:
    """As it is."""

    async def work() -> None:
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        run(backend, lambda: finish(work))


@on_both
def test_the_deadline_ends_it(backend: str) -> None:
    """By a TimeoutError."""
    with pytest.raises(TimeoutError):
        run(backend, lambda: finish(lambda: anyio.sleep(3600), 0.01))


@on_both
def test_a_cancelled_scope_waits_for_the_work(backend: str) -> None:
    """And cancels afterwards."""
    done: list[int] = []

    async def work() -> None:
        for step in range(STEPS):
            await anyio.sleep(0)
            done.append(step)

    async def main() -> bool:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await finish(work)
            await anyio.sleep(0)
            done.append(-1)
        return scope.cancel_called

    assert run(backend, main)
    assert done == list(range(STEPS))


@pytest.mark.parametrize("error", [None, OSError("broken")])
def test_a_task_that_is_cancelled_again_and_again_waits_for_the_work(error: OSError | None) -> None:
    """asyncio's own cancel() knows no scopes; what the work ran into is told beside it."""
    done: list[int] = []
    notes: list[str] = []

    async def work() -> None:
        for step in range(STEPS):
            await asyncio.sleep(0)
            done.append(step)
        if error is not None:
            raise error

    async def tell() -> None:
        try:
            await finish(work)
        except asyncio.CancelledError as cancelled:
            notes.extend(getattr(cancelled, "__notes__", []))
            raise

    async def main() -> bool:
        task = asyncio.create_task(tell())
        while not task.done():
            await asyncio.sleep(0)
            task.cancel()
        return task.cancelled()

    assert asyncio.run(main())
    assert done == list(range(STEPS))
    assert notes == ([] if error is None else ["while cleaning up: OSError: broken"])


def test_a_loop_that_is_shut_down_ends_the_work() -> None:
    """Its runner cancels all tasks, ours included; that is no hang."""

    async def main() -> None:
        working = asyncio.create_task(finish(lambda: asyncio.sleep(3600)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.wait([working])

    asyncio.run(main())
