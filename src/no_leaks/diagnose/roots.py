"""Roots: what needs no holder of its own to be reached, and what is no holder worth naming: ours, the test runner's, weak."""

from __future__ import annotations

import sys
import threading
import weakref
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, cast

from ..words import type_name
from . import frames

if TYPE_CHECKING:
    import asyncio

MODULE, CLASS, THREAD, TASK, LOOP, FRAME, STDLIB = range(7)
"""Ranks of the roots: of two equally near holders the first of these is named; the standard library's modules come last."""

Root = tuple[int, str]

_NAMESPACE = vars(ModuleType)["__dict__"]
_OF_TYPE = vars(type)["__dict__"]
_QUALNAME = vars(type)["__qualname__"]


class Roots:
    """The modules' namespaces by identity, and the tables that hold everything of a sort and say nothing."""

    __slots__ = ("_modules", "_mute")

    def __init__(self) -> None:
        self._modules: dict[int, str] = {}
        self._mute: set[int] = {id(sys.modules)}
        modules = cast("dict[str, object]", sys.modules)  # people put classes and instances there
        for name, module in list(modules.items()):
            if issubclass(type(module), ModuleType):
                # The slot itself: asking a lazy module for `__dict__` would load it.
                self._modules[id(_NAMESPACE.__get__(module))] = name
        for table in ("_active", "_limbo", "_dangling"):
            self._mute.add(id(getattr(threading, table, None)))
        self._mute.add(id(getattr(modules.get("multiprocessing.process"), "_children", None)))

    def name(self, thing: object) -> Root | None:
        """Return rank and name of a root; None for anything else."""
        module = self._modules.get(id(thing))
        if module is not None:
            return STDLIB if module.partition(".")[0] in sys.stdlib_module_names else MODULE, f"module {module}"
        if issubclass(type(thing), type):
            return CLASS, f"class {module_of(thing)}.{_QUALNAME.__get__(thing)}"
        return _thread(thing) or _of_asyncio(thing)

    def is_hidden(self, thing: object) -> bool:
        """Whether a referrer is left out: it is ours or the runner's, holds weakly, or is a table of everything."""
        if id(thing) in self._mute or issubclass(type(thing), weakref.ref):
            return True
        if isinstance(thing, FrameType):
            return frames.is_hidden(thing)
        module = self._modules.get(id(thing))
        return frames.is_hidden_module(module if module is not None else module_of(thing))


def module_of(thing: object) -> str:
    """Return the module of a class, or of a thing's class, from the namespace itself: no code of the user's runs."""
    cls = thing if issubclass(type(thing), type) else type(thing)
    module: object = _OF_TYPE.__get__(cls).get("__module__")
    return module if isinstance(module, str) else "builtins"


def _thread(thing: object) -> Root | None:
    alive = next((thread for thread in threading.enumerate() if thread is thing), None)
    return (THREAD, f"thread {alive.name}") if alive is not None else None


def _of_asyncio(thing: object) -> Root | None:
    """Name a pending task or an open loop; asyncio is not imported for it."""
    if "asyncio" not in sys.modules:
        return None
    import asyncio

    if issubclass(type(thing), asyncio.Task):
        task = cast("asyncio.Task[object]", thing)
        coroutine: object = task.get_coro()
        return None if task.done() else (TASK, f"task {getattr(coroutine, '__qualname__', type_name(coroutine))}")
    if issubclass(type(thing), asyncio.AbstractEventLoop):
        return _loop(cast(asyncio.AbstractEventLoop, thing))
    return None


def _loop(loop: asyncio.AbstractEventLoop) -> Root | None:
    try:
        is_closed = loop.is_closed()
    except NotImplementedError:  # a stand-in that implements what its test needs
        return None
    return None if is_closed else (LOOP, f"event loop {type(loop).__name__}")
