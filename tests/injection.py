"""Fault injection: a harness that cancels, or makes a system call fail, at the n-th step, for n = 1, 2, … until nothing is hit."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import types
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from runs import only_young

from no_leaks import env

Main = Callable[[], Coroutine[Any, Any, object]]
MOST_STEPS = 400
WAYS = ["asyncio scope", "asyncio task", "asyncio task again", "trio scope"]
"""How a cancellation comes: through a cancel scope of either library, by the task's own `cancel()`, and by that at each
further step, too."""


class Left:
    """What a block must not change: descriptors, threads, tasks of the loop, temporary files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fds, self._threads = self._look()

    def _look(self) -> tuple[set[str], set[threading.Thread]]:
        gc.collect()
        folder = os.open("/proc/self/fd", os.O_RDONLY)
        try:
            return set(os.listdir(folder)) - {str(folder)}, set(threading.enumerate())
        finally:
            os.close(folder)

    def check(self, when: str) -> None:
        """Fail if anything is left."""
        for thread in set(threading.enumerate()) - self._threads:
            thread.join(10)  # anyio tells its idle threads to end, and does not wait for them
        fds, threads = self._look()
        # The run's own descriptors may have closed in the meantime, and a folder's number is used again.
        links = {
            fd: os.readlink(f"/proc/self/fd/{fd}") for fd in fds - self._fds if os.path.exists(f"/proc/self/fd/{fd}")
        }
        assert not links, f"{when}: descriptors are left: {links}"
        assert not threads - self._threads, f"{when}: threads are left: {threads - self._threads}"
        beside = sorted(path.name for path in self._folder.rglob(".no-leaks-*"))
        assert not beside, f"{when}: temporary files are left: {beside}"


@contextmanager
def nothing_dropped() -> Iterator[None]:
    """Fail if the garbage collector had to close anything: that is no close, and hides what was forgotten."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        yield
        gc.collect()
    assert [str(one.message) for one in caught if issubclass(one.category, ResourceWarning)] == []


@types.coroutine
def _stepped(inner: Coroutine[Any, Any, object], act: Callable[[int], object]) -> Generator[Any, Any, object]:
    """Run a coroutine, and do something before each of its suspensions; they are numbered from 1."""
    step = 0
    resume: Callable[[], Any] = lambda: inner.send(None)  # noqa: E731 - it changes with each answer
    while True:
        try:
            awaited = resume()
        except StopIteration as end:
            return end.value
        step += 1
        act(step)
        try:
            answer = yield awaited
        except BaseException as error:
            resume = lambda error=error: inner.throw(error)  # noqa: E731
        else:
            resume = lambda answer=answer: inner.send(answer)  # noqa: E731


def cancelled_at(way: str, main: Main, number: int) -> bool:
    """Run `main` and cancel it at one step; return whether it had so many. Afterwards no task of the loop is left."""
    hit = False

    async def by_scope() -> None:
        nonlocal hit
        with anyio.CancelScope() as scope:

            def act(step: int) -> None:
                nonlocal hit
                if step == number:
                    hit = True
                    scope.cancel()

            await _stepped(main(), act)
        if way.startswith("asyncio"):
            assert asyncio.all_tasks() == {asyncio.current_task()}

    async def by_task() -> None:
        async def watched() -> None:
            def act(step: int) -> None:
                nonlocal hit
                if step == number or (hit and "again" in way and step < MOST_STEPS):
                    hit = True
                    task.cancel()

            await _stepped(main(), act)

        task = asyncio.ensure_future(watched())
        await asyncio.wait([task])
        assert task.cancelled() or task.exception() is None, task.exception()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run: Callable[[], Awaitable[None]] = by_scope if way.endswith("scope") else by_task
    anyio.run(run, backend=way.split(maxsplit=1)[0])
    return hit


def cancel_everywhere(way: str, main: Main, folder: Path, check: Callable[[], None] = lambda: None) -> int:
    """Cancel `main` at each of its steps in turn; nothing may be left after any. Return how many steps there were."""
    anyio.run(main, backend=way.split(maxsplit=1)[0])  # what is imported and started once is not what this is about
    with only_young(), nothing_dropped():
        left = Left(folder)
        for number in range(1, MOST_STEPS):
            hit = cancelled_at(way, main, number)
            left.check(f"cancelled at step {number}")
            check()
            if not hit:
                return number - 1
    raise AssertionError("there is no end of steps")


OURS = env.HERE + "resources"
CALLS = (
    "open",
    "stat",
    "fstat",
    "ftruncate",
    "fchmod",
    "fsync",
    "rename",
    "link",
    "readlink",
    "mkdir",
    "makedirs",
    "close",
)


@contextmanager
def failing_call(number: int, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Let the n-th system call of the block that our own code makes fail; a close fails once it is done. Yields what was called."""
    called: list[str] = []

    def failing(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if not sys._getframe(1).f_code.co_filename.startswith(OURS):
                return real(*args, **kwargs)
            called.append(name)
            if len(called) == number:
                if name == "close":
                    real(*args, **kwargs)
                raise error
            return real(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, failing(name, getattr(os, name)))
        yield called


def fail_everywhere(
    main: Callable[[], object],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    check: Callable[[], None] = lambda: None,
) -> list[str]:
    """Let each system call of `main` fail in turn; nothing may be left after any. Return the calls of a good run."""
    main()
    with only_young(), nothing_dropped():
        return _fail_each(main, Left(folder), monkeypatch, error, check)


def _fail_each(
    main: Callable[[], object],
    left: Left,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    check: Callable[[], None],
) -> list[str]:
    for number in range(1, MOST_STEPS):
        with failing_call(number, error, monkeypatch) as called:
            try:
                main()
            except BaseException as raised:
                if error not in family(raised):
                    raise
        left.check(f"{called[number - 1] if number <= len(called) else 'nothing'} failed as call {number}")
        check()
        if len(called) < number:
            return called
    raise AssertionError("there is no end of calls")


def family(error: BaseException) -> list[BaseException]:
    """Return an error and all that it came from."""
    found: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is not None and one not in found:
            found.append(one)
            todo += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return found
