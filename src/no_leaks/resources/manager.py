"""The ResourceManager: who registers a resource gets a handle; what is open, what leaked and what it cost can be asked at any time."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from .. import ledger, origin
from ..words import masked
from . import closing, ending, gate, kinds, memory, metrics, scopes
from .book import Book
from .callbacks import Cleanup, loosened
from .gate import Ticket
from .handle import Handle, Left
from .limits import ResourceLimits
from .metrics import ResourceMetrics
from .scopes import DEADLINE_S, ResourceScope

R = TypeVar("R")

managers: weakref.WeakSet[ResourceManager] = weakref.WeakSet()
"""Every living manager: a forked child empties them all, and the plugin's `managed` kind looks into them."""


class ResourceManager:
    """Tracks open resources by weak references, so that tracking keeps nothing alive; safe under threads and after a fork.

    `clock` returns seconds. The process-wide one is `get_resource_manager()`; more may be made, for tests.
    """

    def __init__(self, *, limits: ResourceLimits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.book = Book(clock)
        self.limits = limits
        """How much may be open at once; None is no limit. May be set anew at any time."""
        self._start_bytes = memory.used_bytes()
        managers.add(self)

    def register(
        self,
        resource: object,
        *,
        kind: str,
        name: str | None = None,
        cleanup: Cleanup | None = None,
        size_bytes: int = 0,
        ticket: Ticket | None = None,
    ) -> Handle:
        """Track an open resource and return its handle; what is tracked already keeps the handle it has.

        `cleanup` is a method's name, or a function, sync or async, called without arguments if it takes none, else
        with the resource. Without one, its kind's `close` (`register_kind`) or the resource's own is called. Raises TypeError for
        what cannot be referred to weakly (a list, an sqlite3 connection): register what holds it. Beyond the limits it
        raises `ResourceLimitExceeded`; under `on_limit="wait"` it waits first, except inside an event loop. A `ticket` of
        `reserve` or `areserve` is its place.
        """
        known = None if isinstance(resource, (int, str, bytes)) else self.book.find(resource)
        if known is not None:
            return known
        custom = kinds.see(kind)
        handle = self._handle(kind, kinds.name_of(custom, resource) if name is None else masked(name), size_bytes)
        if cleanup is None and custom is not None:
            cleanup = custom.close
        handle.cleanup = None if cleanup is None else loosened(cleanup, resource)
        self.book.refer(handle, resource)
        place = ticket or self.reserve(kind, size_bytes)
        if place is None:
            self.book.enter(handle)
            return handle
        with self.book.lock:
            place.give_back()
            self.book.enter(handle)
        return handle

    def _handle(self, kind: str, name: str, size_bytes: int) -> Handle:
        scope = scopes.current(self.book)
        return Handle(
            number=next(self.book.numbers),
            kind=kind,
            name=name,
            created_s=self.book.now(),
            size_bytes=size_bytes,
            stack=origin.capture_here(2),
            library=closing.backend(),
            ledger=ledger.current(),
            keeper=self.book,
            shelf=None if scope is None else scope.handles,
        )

    def reserve(self, kind: str, size_bytes: int = 0) -> Ticket | None:
        """Return a place for a resource that is about to be opened; None where there are no limits."""
        if self.limits is None:
            return None
        got: list[Ticket] = []
        limits = self.limits if not closing.backend() else replace(self.limits, on_limit="raise")
        for pause_s in gate.pauses(self.book, limits, kind, size_bytes, got):
            time.sleep(pause_s)
        return got[0]

    async def areserve(self, kind: str, size_bytes: int = 0) -> Ticket | None:
        """Return a place, and let others work while it waits for one."""
        if self.limits is None:
            return None
        import anyio

        got: list[Ticket] = []
        for pause_s in gate.pauses(self.book, self.limits, kind, size_bytes, got):
            await anyio.sleep(pause_s)
        return got[0]

    def unregister(self, resource: object) -> bool:
        """Say that a resource, or the resource of a handle, has been closed; False where it was not tracked."""
        handle = resource if isinstance(resource, Handle) else self.book.find(resource)
        return handle is not None and self.book.withdraw(handle)

    def active(self, kind: str | None = None) -> tuple[Handle, ...]:
        """Return the handles of what is open, oldest first."""
        return self.book.open_handles(kind)

    @property
    def leaks(self) -> tuple[Left, ...]:
        """What the garbage collector took unclosed, the last 1000; `metrics().leaked` counts all."""
        self.book.open_handles()
        return tuple(self.book.leaks)

    def scope(self, name: str, *, deadline_s: float | None = DEADLINE_S) -> ResourceScope:
        """Return a context manager, sync and async, that closes what is registered inside and still open at its end."""
        return ResourceScope(self.book, name, deadline_s)

    def scope_name(self) -> str:
        """Return the path of the scope at work here; in a checked test outside any scope, the test's node id; else ""."""
        scope = scopes.current(self.book)
        if scope is not None:
            return scope.path
        book = ledger.current()
        return (book.owner.test or "") if book is not None else ""

    def metrics(self) -> ResourceMetrics:
        """Return a consistent snapshot of all numbers."""
        return metrics.of(self.book.counts(), memory.used_bytes(), self._start_bytes)

    def cleanup(self, *, deadline_s: float | None = DEADLINE_S) -> tuple[Left, ...]:
        """Close all that is open, the youngest first; return what it was. Errors come as one group, after the last."""
        handles = self.book.open_handles()
        errors = ending.close_all(handles, deadline_s)
        ending.raise_all(errors, "all resources")
        return tuple(handle.described() for handle in handles)

    async def acleanup(self, *, deadline_s: float | None = DEADLINE_S) -> tuple[Left, ...]:
        """Close all that is open and wait for it; a cancellation waits until all is done, or the deadline is over."""
        handles = self.book.open_handles()
        errors = await ending.aclose_all(handles, deadline_s)
        ending.raise_all(errors, "all resources")
        return tuple(handle.described() for handle in handles)


def _own_nothing() -> None:
    """In a forked child: everything open is the parent's, and the parent may have held our locks."""
    for manager in list(managers):
        manager.book.begin_anew()
    scopes.CURRENT.set(None)


if hasattr(os, "register_at_fork"):  # pragma: no branch - only Windows has none
    os.register_at_fork(after_in_child=_own_nothing)
