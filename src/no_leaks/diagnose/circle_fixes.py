"""How to cut a circle: the remedy by its pattern, and the line of code that stores the reference back."""

from __future__ import annotations

import dis
import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from types import (
    AsyncGeneratorType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    TracebackType,
)

from .. import env, origin
from .circle_rules import foreign, home_of, is_foreign

BACK = re.compile(r"parent|owner|outer|master|root|back|prev|manager|session|client|app$|container|context|self")
"""How an attribute is called that leads back to what holds its object."""

_SUSPENDED = (GeneratorType, CoroutineType, AsyncGeneratorType)
_WRAPPERS: tuple[tuple[type, str], ...] = (
    (classmethod, "__func__"),
    (staticmethod, "__func__"),
    (property, "fget"),
)
_Stored = tuple[str, int, str]
_CLASS_SPACE = vars(type)["__dict__"]
_MRO = vars(type)["__mro__"]


def fix(members: Sequence[object], attribute: str) -> str:
    """Return how to cut a ring, by the sorts of objects in it."""
    sorts = {base for thing in members for base in _SORTS if issubclass(type(thing), base)}
    has_users = bool(foreign(members))
    if any(home_of(type(thing)) in _ASYNCIO for thing in members):
        return "a finished task or future keeps its error, and that its frames: set the attribute to None once it was awaited"
    if BaseException in sorts and sorts & {FrameType, TracebackType}:
        return (
            "a variable keeps an exception whose traceback has that variable's own frame: `del error` in a finally "
            "block, or keep error.with_traceback(None), and `raise ... from None` where the first error says nothing"
        )
    if sorts.intersection(_SUSPENDED):
        return "a generator or coroutine is kept by a variable of its own: close() it in a finally block"
    if sorts & {FrameType, TracebackType}:
        return "a variable keeps its own frame or traceback: `del frame` in a finally block, or frame.clear()"
    if MethodType in sorts or functools.partial in sorts:
        return "store weakref.WeakMethod(self.method) instead of the bound method, or look it up when it is called"
    if FunctionType in sorts and has_users:
        return "let the function take weakref.ref(self), or pass self when it is called, instead of closing over self"
    if FunctionType in sorts:
        return (
            "make the nested function one of the module or class, and pass what it needs, or `del` its name at the end"
        )
    if attribute:
        name = attribute.rpartition(".")[2]
        return f"hold the way back weakly, self.{name} = weakref.ref(...), or set {name} to None when it is done with"
    return "take the object out of what it holds when it is done with, or hold it there by weakref.ref(...)"


_ASYNCIO = ("_asyncio", "asyncio.futures", "asyncio.tasks")
_SORTS = (BaseException, FrameType, TracebackType, *_SUSPENDED, MethodType, functools.partial, FunctionType)


def attribute_of(words: Sequence[str], classes: Iterable[str]) -> str:
    """Return the edge "Class.attribute" that leads back, by its name, or else the last of a user's class; "" for none."""
    known = set(classes)
    edges = [word for word in words if "." in word and word.partition(".")[0] in known]
    back = [word for word in edges if BACK.search(word.rpartition(".")[2])]
    return next(iter(back), edges[-1] if edges else "")


def stored_at(edge: str, classes: Iterable[type]) -> _Stored | None:
    """Return file, line and function of the first code that stores an attribute, among the methods of some classes."""
    name = edge.partition(".")[2]
    stores = [place for code in _methods(classes) for place in _stores(code, name)] if name else []
    return min(stores, default=None)


def _methods(classes: Iterable[type]) -> Iterator[CodeType]:
    for base in dict.fromkeys(base for cls in classes for base in _MRO.__get__(cls) if is_foreign(base)):
        for thing in list(_CLASS_SPACE.__get__(base).values()):
            wrapped = next(
                (vars(sort)[name].__get__(thing) for sort, name in _WRAPPERS if isinstance(thing, sort)), thing
            )
            if isinstance(wrapped, FunctionType):
                yield wrapped.__code__


def _stores(code: CodeType, name: str) -> Iterator[_Stored]:
    """Yield where a function, or one within it, stores an attribute; to store None there ties nothing."""
    before: list[object] = [0, 0]
    for step in dis.get_instructions(code):
        if step.opname == "STORE_ATTR" and step.argval == name and before[-2] is not None:
            qualname: str = getattr(code, "co_qualname", code.co_name)
            yield code.co_filename, origin.line_of(code, step.offset), qualname.replace(".<locals>", "")
        before.append(step.argval if step.opname == "LOAD_CONST" else 0)
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and not constant.co_filename.startswith(env.HERE):
            yield from _stores(constant, name)
