"""Library use: `no_leaks(...)` as a context manager, sync or async, and as a decorator; needs no pytest."""

from __future__ import annotations

import functools
import inspect
import logging
import os
import warnings
from collections.abc import Callable
from types import CodeType, TracebackType
from typing import Any, TypeVar, cast, overload

from . import env, faults, judge, origin
from .config import Settings, library_settings
from .errors import LeakError, LeakWarning
from .model import Leak, Owner
from .reporters import text
from .scope import Scope
from .sensors import warnings_
from .session import Session
from .settle import arun

F = TypeVar("F", bound=Callable[..., Any])

logger = logging.getLogger("no_leaks")


@overload
def no_leaks(function: F, /) -> F: ...
@overload
def no_leaks(*kinds: str | bool, **keywords: Any) -> Block: ...
def no_leaks(*kinds: Any, **keywords: Any) -> Any:
    """Raise `LeakError` if a block, function or coroutine function leaves something behind.

    `with no_leaks("sockets", grace=1.0):`, `async with no_leaks():`, `@no_leaks` or `@no_leaks("threads")`. Kinds and
    keywords are those of the marker; `no_leaks(False)` checks nothing. An exception of the body passes unchanged: what
    a failed block left is not what it failed for. Raises `SettingError` for an unknown kind, keyword or value.
    """
    if len(kinds) == 1 and not keywords and callable(kinds[0]):
        return Block(library_settings())(kinds[0])
    return Block(library_settings(*kinds, **keywords))


class Block:
    """What `no_leaks(...)` returns: one checked block at a time, or a decorator that checks each call."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session: Session | None = None
        self._scope: Scope | None = None

    def __call__(self, function: F) -> F:
        """Check each call of a function or coroutine function in a scope of its own."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def checked_async(*args: Any, **kwargs: Any) -> Any:
                async with Block(self._settings):
                    return await function(*args, **kwargs)

            return cast(F, checked_async)

        @functools.wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:
            with Block(self._settings):
                return function(*args, **kwargs)

        return cast(F, checked)

    def __enter__(self) -> Block:
        self._open()
        return self

    def __exit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, scope = self._take()
        if session is not None and scope is not None:
            try:
                leaks = session.close(scope)
            finally:
                self._stop(session)
            self._tell(leaks, error)

    async def __aenter__(self) -> Block:
        self._open()
        return self

    async def __aexit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, scope = self._take()
        if session is not None and scope is not None:
            try:
                if not scope.is_clean():
                    await arun(scope.settle())
                leaks = session.conclude(scope)
            finally:
                self._stop(session)
            self._tell(leaks, error)

    def _open(self) -> None:
        if self._scope is not None:
            raise RuntimeError("this no_leaks(...) is open already: make a new one for an inner block")
        if self._settings.enabled:
            self._session = Session(self._settings.kinds, root=os.getcwd())
            self._session.start()
            self._scope = self._session.open(Owner("block"), self._settings)
            self._scope.opener = _caller()

    def _take(self) -> tuple[Session | None, Scope | None]:
        taken = self._session, self._scope
        self._session = self._scope = None
        return taken

    def _stop(self, session: Session) -> None:
        warnings_.unlisten()
        session.stop()
        if session.is_outermost:  # else whoever runs around it tells
            for part, said in faults.noted().items():
                logger.warning("not working: %s: %s", part, said)

    def _tell(self, leaks: tuple[Leak, ...], error: BaseException | None) -> None:
        """Raise, warn or log, as the settings say; nothing over an exception of the body's own."""
        settings = self._settings
        failing = [leak for leak in leaks if judge.fails(leak, settings)]
        hard = tuple(leak for leak in failing if judge.action_of(leak, settings) == "fail")
        if error is not None:
            return
        for leak in failing:
            action = judge.action_of(leak, settings)
            said = f"{leak.summary} ({leak.resource.type} {leak.resource.id})"
            if action == "warn":
                warnings.warn(LeakWarning(said), stacklevel=3)
            elif action == "log":
                logger.warning(said)
        if hard:
            raise LeakError(hard, text.render(hard, os.getcwd()))


def _caller() -> CodeType:
    """Return the code in which a block begins: the nearest that is not ours."""
    depth = 1
    while origin.frame_up(depth).f_code.co_filename.startswith(env.HERE):
        depth += 1
    return origin.frame_up(depth).f_code
