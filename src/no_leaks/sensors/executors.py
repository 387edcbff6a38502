"""Pools of threads: work runs under the ledger of whoever submitted it, and a worker belongs to whoever made the pool.

Private: `concurrent.futures.thread._WorkItem` with `__init__(self, future, fn, args, kwargs)` and `run(self)` (3.10 to 3.13).
Where they look otherwise (3.14 passes a context of its own) work belongs to whoever started the pool's thread.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import weakref
from collections.abc import Callable
from typing import Any

from .. import ledger, origin
from . import owned
from .patches import Patches

_MODULE = "concurrent.futures.thread"
EVENT = "executor"
"""The event of an executor's birth: its workers are its own, whoever's work makes it start them."""
_PARAMETERS = {"__init__": ["self", "future", "fn", "args", "kwargs"], "run": ["self"]}

_patches = Patches()


def install() -> None:
    """Wrap the pool; it is imported for that, since nothing tells when a test imports it (1 ms, once a session)."""
    module: Any = importlib.import_module(_MODULE)
    executor: Any = getattr(module, "ThreadPoolExecutor", None)
    if executor is not None:
        _patches.put(executor, "__init__", _creating)
    item: Any = getattr(module, "_WorkItem", None)
    if item is not None and is_known(item):
        _patches.put(item, "__init__", _submitting)
        _patches.put(item, "run", _running)


def remove() -> None:
    """Leave pools to themselves."""
    _patches.undo()


def is_known(item: Any) -> bool:
    """Whether a work item looks as it does in the interpreters that this was written for."""
    return all(list(inspect.signature(getattr(item, name)).parameters) == names for name, names in _PARAMETERS.items())


def _creating(init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def noting(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        book = ledger.current()
        if book is not None:
            stack = origin.capture(origin.frame_up(1))
            book.records.append(ledger.Record(EVENT, (), stack, weakref.ref(self)))

    return noting


def _submitting(init: Callable[..., None]) -> Callable[..., None]:
    def noting(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        book = ledger.current()
        if book is not None:
            # Frames up: this one, then submit(); a coroutine's stack ends where its loop calls it.
            self._no_leaks = (book, owned.capture(owned.frame_up(1)))

    return noting


def _running(run: Callable[[Any], None]) -> Callable[[Any], None]:
    def running(self: Any) -> None:
        book, stack = getattr(self, "_no_leaks", (None, ()))
        try:
            if book is None or book.ended:
                run(self)
                return
            with ledger.at_work(book, stack):
                run(self)
        finally:
            self = None  # as run() does: an error that the future keeps has this frame in its traceback

    return running
