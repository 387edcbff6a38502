"""Coroutines: a loop of a wider scope runs tests and fixtures in its maker's context, so they begin by saying whose they are."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from types import MethodType
from typing import Any

from ..ledger import Ledger, at_work

_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def is_async(fixturedef: Any) -> bool:
    """Whether a fixture is a coroutine function or an async generator; told in no time, for every fixture of every test."""
    code = getattr(fixturedef.func, "__code__", None)
    return code is not None and bool(code.co_flags & _ASYNC)


@contextmanager
def own_fixture(fixturedef: Any, request: Any, ledger: Ledger) -> Generator[None]:
    """Let an async fixture of anyio's name its ledger in set-up and teardown; it is what it was once it is set up.

    anyio runs all that share a loop in one task, which was there before. For that it puts in a function and arguments of
    its own: up to 4.6 for good, so that the next set-up would go by the arguments of its function and the function of ours.
    """
    function, arguments = fixturedef.func, fixturedef.argnames
    if not is_async(fixturedef) or "anyio_backend" not in request.fixturenames:
        yield
        return
    plain = function.__func__ if inspect.ismethod(function) else function
    owned = (_generator if inspect.isasyncgenfunction(plain) else of_function)(plain, ledger)
    # anyio binds a method to the test's own instance, if it is one.
    fixturedef.func = MethodType(owned, function.__self__) if inspect.ismethod(function) else owned
    try:
        yield
    finally:
        fixturedef.func, fixturedef.argnames = function, arguments


def of_function(function: Any, ledger: Ledger) -> Any:
    """Return a coroutine function that does the same under a ledger."""

    @functools.wraps(function)
    async def owned(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        with at_work(ledger):
            return await function(*args, **kwargs)

    return owned


def _generator(function: Any, ledger: Ledger) -> Any:
    @functools.wraps(function)
    async def owned(*args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        __tracebackhide__ = True
        steps = function(*args, **kwargs)
        try:
            while True:
                with at_work(ledger):
                    try:
                        value = await steps.__anext__()
                    except StopAsyncIteration:
                        return
                yield value
        finally:
            await steps.aclose()

    return owned
