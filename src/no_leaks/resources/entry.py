"""A context manager that gives a connection: entered and left by one task, inside a scope of ours that keeps its time."""

from __future__ import annotations

import sys
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias, cast

from ..errors import DeadlineExceeded, ResourceError
from .connection_options import ConnectionOptions

if TYPE_CHECKING:
    import anyio

Exit: TypeAlias = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]
GOOD: Exit = (None, None, None)
Manager: TypeAlias = AbstractAsyncContextManager[object] | AbstractContextManager[object]


def is_manager(made: object, *, awaiting: bool) -> bool:
    """Whether a factory gave a context manager that can be entered here."""
    return isinstance(made, AbstractContextManager) or (awaiting and isinstance(made, AbstractAsyncContextManager))


class Entry:
    """One context manager, for one block. Scopes inside it end with it, so ours begins before and ends after."""

    def __init__(self, around: object, options: ConnectionOptions) -> None:
        self._around = cast(Manager, around)
        self._options = options
        self._scope: anyio.CancelScope | None = None
        self._task = 0

    def enter(self) -> object:
        """Enter from plain code."""
        return cast("AbstractContextManager[object]", self._around).__enter__()

    def leave(self, leaving: Exit) -> None:
        """Leave from plain code."""
        if not isinstance(self._around, AbstractContextManager) or self._scope is not None:
            raise ResourceError(f"{self._options.label} can only be left by the task that entered it")
        self._around.__exit__(*leaving)

    async def aenter(self, limit_s: float) -> object:
        """Enter in time."""
        import anyio

        around = self._around
        if not isinstance(around, AbstractAsyncContextManager):
            return self.enter()
        self._task = anyio.get_current_task().id
        scope = anyio.CancelScope(deadline=anyio.current_time() + limit_s)
        scope.__enter__()
        try:
            connection = await around.__aenter__()
        except BaseException:
            if scope.__exit__(*sys.exc_info()):
                raise DeadlineExceeded(f"connecting to {self._options.label}", limit_s) from None
            raise
        scope.deadline = float("inf")
        self._scope = scope
        return connection

    async def aleave(self, leaving: Exit) -> None:
        """Leave in time, and not cancelled; only by the task that entered."""
        import anyio

        around, scope = self._around, self._scope
        if scope is None or not isinstance(around, AbstractAsyncContextManager):
            self.leave(leaving)
            return
        if anyio.get_current_task().id != self._task:
            raise ResourceError(f"{self._options.label} can only be left by the task that entered it")
        limit_s = self._options.close_timeout_s
        scope.shield = True
        if limit_s is not None:
            scope.deadline = anyio.current_time() + limit_s
        try:
            await around.__aexit__(*leaving)
        except BaseException:
            if scope.__exit__(*sys.exc_info()):
                raise DeadlineExceeded(f"closing {self._options.label}", limit_s or 0) from None
            raise
        scope.__exit__(None, None, None)
