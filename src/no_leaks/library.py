"""Library use: `no_leaks(...)` as a context manager, sync or async, and as a decorator; needs no pytest."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar, cast

from .config import Settings, library_settings
from .errors import LeakError
from .model import Leak, Owner
from .reporters import text
from .scope import Scope
from .sensors import warnings_
from .session import Session
from .settle import arun

F = TypeVar("F", bound=Callable[..., Any])


class no_leaks:  # noqa: N801 - it reads as a verb: `with no_leaks("sockets"):`
    """Raise `LeakError` if the block, function or coroutine function leaves something behind.

    Kinds and keywords are those of the marker: `no_leaks("sockets", "tasks", grace=1.0)`. An exception of the body
    passes unchanged: what a failed block left is not what it failed for.
    """

    def __init__(self, *kinds: str, **keywords: Any) -> None:
        self._settings: Settings = library_settings(*kinds, **keywords)
        self._session: Session | None = None
        self._scope: Scope | None = None

    def __call__(self, function: F) -> F:
        """Check each call of a function or coroutine function in a scope of its own."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def checked_async(*args: Any, **kwargs: Any) -> Any:
                async with self._twin():
                    return await function(*args, **kwargs)

            return cast(F, checked_async)

        @functools.wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:
            with self._twin():
                return function(*args, **kwargs)

        return cast(F, checked)

    def __enter__(self) -> no_leaks:
        self._open()
        return self

    def __exit__(self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        session, scope = self._taken()
        try:
            leaks = session.close(scope)
        finally:
            self._stop(session)
        self._raise(leaks, error)

    async def __aenter__(self) -> no_leaks:
        self._open()
        return self

    async def __aexit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, scope = self._taken()
        try:
            if not scope.is_clean():
                await arun(scope.settle())
            leaks = session.conclude(scope)
        finally:
            self._stop(session)
        self._raise(leaks, error)

    def _twin(self) -> no_leaks:
        twin = object.__new__(type(self))
        twin._settings, twin._session, twin._scope = self._settings, None, None
        return twin

    def _open(self) -> None:
        if self._scope is not None:
            raise RuntimeError("this no_leaks(...) is open already: make a new one for an inner block")
        self._session = Session(self._settings.kinds, root=os.getcwd())
        self._session.start()
        self._scope = self._session.open(Owner("block"), self._settings)

    def _taken(self) -> tuple[Session, Scope]:
        session, scope = self._session, self._scope
        assert session is not None and scope is not None, "entered before it is left"
        self._session = self._scope = None
        return session, scope

    def _stop(self, session: Session) -> None:
        warnings_.unlisten()
        session.stop()

    def _raise(self, leaks: tuple[Leak, ...], error: BaseException | None) -> None:
        failing = tuple(leak for leak in leaks if leak.verdict.fails)
        if failing and error is None:
            raise LeakError(failing, text.render(failing, os.getcwd()))
