"""Where a coroutine stands and what it waits for, said in words that a reader knows from the code."""

from __future__ import annotations

import asyncio
import functools
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

import pytest
from loops import begin, hang, numbers, spawn, steps

from no_leaks.sensors import suspended


def waiting(make: Callable[[], Awaitable[object]]) -> tuple[str, list[str]]:
    """Return what a task waits for and where it stands, after it took its first steps."""

    async def wait() -> None:
        await make()

    async def main() -> tuple[str, list[str]]:
        task = await spawn(wait())
        await asyncio.sleep(0)
        seen = suspended.waits_for(task), [frame.function for frame in suspended.where(task.get_coro())]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return seen

    return asyncio.run(main())


async def child() -> None:
    """Hang, as a task of a task."""
    await hang()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (hang, "sleep(3600)"),
        (lambda: asyncio.Queue[int]().get(), "Queue.get()"),
        (lambda: asyncio.Event().wait(), "Event.wait()"),
        (lambda: asyncio.get_running_loop().create_future(), "Future pending"),
        (lambda: asyncio.create_task(child(), name="kid"), "task 'kid' (child)"),
    ],
)
def test_what_a_task_waits_for_is_said_as_in_the_code(make: Callable[[], Awaitable[object]], words: str) -> None:
    """By the call of asyncio's where there is one."""
    assert waiting(make)[0] == words


def test_where_it_stands_is_its_await_chain_innermost_first() -> None:
    """Through coroutines of its own and asyncio's."""
    assert [name.rpartition(".")[2] for name in waiting(hang)[1]] == ["sleep", "hang", "wait"]


def test_a_task_that_has_not_begun_waits_for_its_first_step() -> None:
    """Created, and the loop had no turn since."""

    async def main() -> str:
        task = asyncio.create_task(hang())
        words = suspended.waits_for(task)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return words

    assert asyncio.run(main()) == "its first step"


def test_a_task_between_two_steps_waits_for_the_next() -> None:
    """It yielded to the loop."""

    async def main() -> str:
        task = await spawn(steps(3))
        words = suspended.waits_for(task)
        await task
        return words

    assert asyncio.run(main()) == "its next step"


def test_generators_in_the_chain_are_seen_through() -> None:
    """asend() shows nothing of its generator; a decorated generator yields from."""

    async def slow() -> AsyncGenerator[int, None]:
        await hang()
        yield 1

    async def iterate() -> None:
        async for _ in slow():
            pass

    @types.coroutine
    def old_style() -> Generator[object, None, None]:
        yield from hang().__await__()

    assert [name.rpartition(".")[2] for name in waiting(iterate)[1]][:3] == ["sleep", "hang", "slow"]
    assert "old_style" in [name.rpartition(".")[2] for name in waiting(old_style)[1]]


def test_a_finished_coroutine_stands_nowhere() -> None:
    """It has no frame."""
    coro = steps(0)
    coro.close()
    assert suspended.where(coro) == ()
    assert suspended.frame_of(coro) is None


def test_a_callback_is_named_through_partials() -> None:
    """What the user wrote, not how it was bound."""
    assert suspended.callback_name(functools.partial(hang)) == "hang"
    assert suspended.callback_name([].append) == "list.append"
    assert suspended.name_of(object()) == "object"


def test_a_generator_in_nobodys_hands_is_unfinished() -> None:
    """Begun and kept aside, with a finally to run."""

    async def main() -> tuple[bool, bool]:
        agen = numbers()
        await begin(agen)
        task = await spawn(hang())
        begun = suspended.is_unfinished(agen, [task])
        await agen.aclose()
        task.cancel()
        return begun, suspended.is_unfinished(agen, [])

    assert asyncio.run(main()) == (True, False)


def test_a_generator_that_a_task_iterates_over_is_in_its_hands() -> None:
    """Even by way of another generator, and where two tasks hold one coroutine's frames."""

    async def main() -> tuple[bool, bool]:
        made: list[AsyncGenerator[int, None]] = []

        async def outer() -> AsyncGenerator[int, None]:
            made.append(numbers())
            async for number in made[0]:
                yield number

        async def iterate() -> None:
            generator = outer()
            async for _ in generator:
                await hang()

        task = await spawn(iterate())
        other = numbers()
        seen = suspended.is_in_hands_of(made[0], [task]), suspended.is_in_hands_of(other, [task])
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await made[0].aclose()
        return seen

    assert asyncio.run(main()) == (True, False)


def test_a_stack_through_a_tasks_code_is_made_by_it() -> None:
    """How a timer is told to be the task's."""

    async def main() -> tuple[bool, bool]:
        task = await spawn(hang())
        seen = suspended.is_made_by([task], ((hang.__code__, 0),)), suspended.is_made_by([task], ((main.__code__, 0),))
        task.cancel()
        return seen

    assert asyncio.run(main()) == (True, False)
