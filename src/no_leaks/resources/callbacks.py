"""Cleanups that do not keep alive what they clean up: a method, closure or partial is taken apart, and put together for the call."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import TypeAlias, cast

Cleanup: TypeAlias = "str | Callable[..., object]"
"""The name of a method, or what is called: without arguments if it takes none, else with the resource."""
Call: TypeAlias = Callable[[object], object]
"""A cleanup that is handed the resource at last."""


def loosened(cleanup: Cleanup, resource: object) -> Call:
    """Return a call that holds no reference to the resource; raises TypeError for what cannot be called."""
    if isinstance(cleanup, str):
        return _method(cleanup, resource)
    if not callable(cleanup):
        raise TypeError(f"cleanup must be a function or the name of a method, not {type(cleanup).__name__}")
    if getattr(cleanup, "__self__", None) is resource:
        return _bound(cleanup)
    if isinstance(cleanup, types.FunctionType):
        return _function(cleanup, resource)
    if isinstance(cleanup, functools.partial):
        return _partial(cast("functools.partial[object]", cleanup), resource)
    return _plain(cleanup)


def _method(name: str, resource: object) -> Call:
    if not callable(getattr(resource, name, None)):
        raise TypeError(f"a {type(resource).__name__} has no method {name!r} to clean it up by")
    return lambda thing: getattr(thing, name)()


def _bound(method: Callable[..., object]) -> Call:
    function = getattr(method, "__func__", None)
    if function is None:  # a method of a C type has no function apart: it is asked for by its name
        name = method.__name__
        return lambda thing: getattr(thing, name)()
    return cast(Call, function)


def _function(function: types.FunctionType, resource: object) -> Call:
    """Leave the cells of a closure empty where they hold the resource; they are filled again for the call."""
    cells = function.__closure__ or ()
    holding = tuple(_holds(cell, resource) for cell in cells)
    if not any(holding):
        return _plain(function)
    bare = bool(_takes_nothing(function))
    code, names, name = function.__code__, function.__globals__, function.__name__
    defaults, keywords = function.__defaults__, function.__kwdefaults__
    others = tuple(None if held else cell for held, cell in zip(holding, cells, strict=True))

    def call(thing: object) -> object:
        closure = tuple(types.CellType(thing) if cell is None else cell for cell in others)
        again = types.FunctionType(code, names, name, defaults, closure)
        again.__kwdefaults__ = keywords
        return again() if bare else again(thing)

    return call


def _holds(cell: types.CellType, resource: object) -> bool:
    try:
        return cell.cell_contents is resource
    except ValueError:  # a variable that has no value yet
        return False


def _partial(partial: functools.partial[object], resource: object) -> Call:
    gap = object()
    name = partial.func.__name__ if getattr(partial.func, "__self__", None) is resource else ""
    function = None if name else partial.func
    arguments = tuple(gap if value is resource else value for value in partial.args)
    keywords = {key: gap if value is resource else value for key, value in partial.keywords.items()}

    def call(thing: object) -> object:
        method: Callable[..., object] = function or getattr(thing, name)
        named = {key: thing if value is gap else value for key, value in keywords.items()}
        return method(*(thing if value is gap else value for value in arguments), **named)

    return call


def _plain(function: Callable[..., object]) -> Call:
    if _takes_nothing(function):
        return lambda thing: function()
    return function


def _takes_nothing(function: Callable[..., object]) -> bool:
    """Whether a function can be called without arguments; one that hides its signature is taken to be such."""
    try:
        inspect.signature(function).bind()
    except TypeError:
        return False
    except ValueError:
        return True
    return True
