"""Closing: which method is found, what is awaited, and what plain code can do about it."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from backends import AsyncThing, Bare, Thing, on_both, run

from no_leaks.errors import ResourceError
from no_leaks.resources import closing


class Waiting:
    """Closed as a stream of asyncio is: at once, and then waited for."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def close(self) -> None:
        """Begin."""
        self.log.append("close")

    async def wait_closed(self) -> None:
        """End."""
        self.log.append("wait_closed")


class WaitingPlainly(Waiting):
    """Its `wait_closed` has nothing to wait for."""

    def wait_closed(self) -> None:  # type: ignore[override]
        """End at once."""
        self.log.append("waited")


class Only:
    """Has one method, of any name."""

    def __init__(self, name: str, result: object = None, error: Exception | None = None) -> None:
        self.called = 0
        self._result, self._error = result, error
        setattr(self, name, self._call)

    def _call(self) -> object:
        self.called += 1
        if self._error is not None:
            raise self._error
        return self._result


@pytest.mark.parametrize("name", closing.METHODS)
def test_each_known_method_is_found(name: str) -> None:
    """By plain code and by async code."""
    thing = Only(name)

    closing.close(thing)
    anyio.run(closing.aclose, thing)

    assert thing.called == 2


def test_async_code_prefers_aclose() -> None:
    """And plain code does not."""
    thing = AsyncThing()

    assert closing.method_of(thing, awaiting=True) == thing.aclose
    assert closing.method_of(thing, awaiting=False) == thing.close


@on_both
def test_what_was_closed_is_waited_for(backend: str) -> None:
    """`wait_closed` follows `close`."""
    things = [Waiting(), WaitingPlainly()]

    async def main() -> None:
        for thing in things:
            await closing.aclose(thing)

    run(backend, main)

    assert [thing.log for thing in things] == [["close", "wait_closed"], ["close", "waited"]]


def test_a_task_is_cancelled_and_awaited() -> None:
    """Afterwards it has ended."""

    async def main() -> bool:
        task = asyncio.create_task(asyncio.sleep(3600))
        await closing.aclose(task)
        return task.cancelled()

    assert asyncio.run(main())


@pytest.mark.parametrize("library", ["", "asyncio", "trio"])
def test_plain_code_runs_a_loop_for_what_has_to_be_awaited(library: str) -> None:
    """Of the library that the thing was made under."""
    seen: list[str] = []

    class OnlyAsync:
        async def aclose(self) -> None:
            await anyio.sleep(0)
            seen.append(closing.backend())

    closing.close(OnlyAsync(), library=library)

    assert seen == [library or "asyncio"]


@on_both
def test_inside_a_loop_plain_code_says_that_it_cannot(backend: str) -> None:
    """And leaves no coroutine un-awaited."""

    class OnlyAsync:
        async def aclose(self) -> None: ...

    async def main() -> None:
        closing.close(OnlyAsync())

    with pytest.raises(ResourceError, match="OnlyAsync has to be awaited to be closed"):
        run(backend, main)


def test_inside_a_loop_a_future_cannot_be_waited_for_either() -> None:
    """It is no coroutine, and stays its loop's."""

    async def main() -> None:
        future = asyncio.get_running_loop().create_future()
        closing.close(Only("close", future))

    with pytest.raises(ResourceError, match="has to be awaited"):
        asyncio.run(main())


def test_force_takes_what_ends_at_once() -> None:
    """`abort` before `close`, the transport's too, and never what would have to be awaited."""
    aborted, closed, bare = Only("abort"), Thing(), Bare()
    writer = Bare()
    writer.transport = Only("abort")  # type: ignore[attr-defined]
    awaited = AsyncThing()

    for thing in (aborted, closed, bare, writer, awaited):
        closing.force(thing)

    assert (aborted.called, closed.closed, awaited.closed) == (1, 1, 1)
    assert writer.transport.called == 1  # type: ignore[attr-defined]


def test_force_goes_on_where_one_way_fails() -> None:
    """And gives up in silence."""

    async def never() -> None: ...

    failing, hiding = Only("abort", error=OSError()), Only("abort", never())
    failing.close = Thing().close  # type: ignore[attr-defined]

    closing.force(failing)
    closing.force(hiding)

    assert (failing.called, hiding.called) == (1, 1)


def test_outside_any_loop_no_library_runs() -> None:
    """Plain code is told from async code."""
    assert closing.backend() == ""
    assert [run(name, _backend) for name in ("asyncio", "trio")] == ["asyncio", "trio"]


async def _backend() -> str:
    return closing.backend()
