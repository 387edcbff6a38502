"""Births of the things of custom kinds: the constructor of a kind's `type` tells which line made one, under whose ledger."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from types import FunctionType
from typing import Any

from .. import customs, ledger, origin
from .patches import Patches

EVENT = "custom kind"

_patches = Patches()


def install() -> None:
    """Wrap each constructor that is written in Python; a class without one is left alone."""
    for name in customs.names():
        cls = getattr(customs.get(name), "type", None)
        if isinstance(cls, type) and isinstance(getattr(cls, "__init__", None), FunctionType):
            _patches.put(cls, "__init__", _noting)


def remove() -> None:
    """Put the constructors back."""
    _patches.undo()


def _noting(init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def noting(self: object, *args: Any, **kwargs: Any) -> None:
        book = ledger.current()
        if book is not None:
            try:
                book.records.append(ledger.Record(EVENT, (), origin.capture(origin.frame_up(1)), weakref.ref(self)))
            except TypeError:
                pass  # it cannot be referred to weakly, and is not kept alive for a report
        init(self, *args, **kwargs)

    return noting
