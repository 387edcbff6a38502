"""What the tests of the resources share: both async libraries, and things that can be closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import pytest

T = TypeVar("T")

on_both = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def run(backend: str, main: Callable[[], Awaitable[T]]) -> T:
    """Run a coroutine function under one of the two libraries."""
    return anyio.run(main, backend=backend)


class Thing:
    """Something to be closed; `closed` counts how often it was, `log` keeps the order among many."""

    def __init__(
        self, log: list[object] | None = None, name: object = "thing", error: BaseException | None = None
    ) -> None:
        self.closed = 0
        self.name = name
        self._log = log if log is not None else []
        self._error = error

    @property
    def fails(self) -> bool:
        """Whether closing it raises."""
        return self._error is not None

    def close(self) -> None:
        """Count, tell, and fail if told to."""
        self.closed += 1
        self._log.append(self.name)
        if self._error is not None:
            raise self._error


class AsyncThing(Thing):
    """Something whose close has to be awaited, and takes some turns of the loop."""

    async def aclose(self) -> None:
        """Close after a few turns."""
        for _ in range(3):
            await anyio.sleep(0)
        Thing.close(self)


class Bare:
    """Something that has no method to close it by."""
