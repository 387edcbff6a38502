"""What the tests of the tasks kind leave running: real coroutines, generators and loops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any


async def hang() -> None:
    """Wait for an hour."""
    await asyncio.sleep(3600)


async def steps(count: int) -> None:
    """Finish after so many turns of the loop."""
    for _ in range(count):
        await asyncio.sleep(0)


async def numbers() -> AsyncGenerator[int, None]:
    """Count, and clean up: who leaves early leaves that to the loop."""
    try:
        for number in range(9):
            yield number
    finally:
        await asyncio.sleep(0)


async def bare_numbers() -> AsyncGenerator[int, None]:
    """Count, with nothing to clean up."""
    for number in range(9):
        yield number


async def begin(agen: AsyncGenerator[int, None]) -> None:
    """Take one item of a generator inside the loop: only there its hooks are told."""
    await agen.__anext__()


async def first_number(numbers: Callable[[], AsyncGenerator[int, None]] = numbers) -> int:
    """Begin an async generator and drop it."""
    async for number in numbers():
        return number
    return -1


async def spawn(coro: Coroutine[Any, Any, None], name: str = "left") -> asyncio.Task[None]:
    """Start a task and let it take its first step."""
    task = asyncio.create_task(coro, name=name)
    await asyncio.sleep(0)
    return task


async def spawn_and_leave(coro: Coroutine[Any, Any, None], name: str = "left") -> None:
    """Start a task and keep nothing of it."""
    await spawn(coro, name)


def close(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is left on a loop, and close it."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True) if tasks else asyncio.sleep(0))
    loop.close()
