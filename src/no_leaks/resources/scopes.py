"""A manager's scope: what is registered inside and still open at the end is closed, the youngest first, and reported."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from types import TracebackType
from typing import final

from . import ending
from .book import Book
from .groups import tell_beside
from .handle import Handle, Left, State

logger = logging.getLogger("no_leaks.resources")

DEADLINE_S = 10.0
"""How long the end of a scope, or of the program, may take to close what was left."""


@final
class ResourceScope:
    """What `ResourceManager.scope(name)` returns; once it has ended, `left` says what it had to close."""

    def __init__(self, book: Book, name: str, deadline_s: float | None) -> None:
        self.name = name
        self.left: tuple[Left, ...] = ()
        self.errors: tuple[BaseException, ...] = ()
        self.book = book
        self.handles: dict[int, Handle] = {}
        self.parent: ResourceScope | None = None
        self.ended = False
        self._children: dict[int, ResourceScope] = {}
        self._deadline_s = deadline_s

    @property
    def path(self) -> str:
        """The names of this scope and those around it, outermost first."""
        return self.name if self.parent is None else f"{self.parent.path} > {self.name}"

    def __enter__(self) -> ResourceScope:
        self._begin()
        return self

    def __exit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        handles = self._end()
        self._tell(handles, ending.close_all(handles, self._deadline_s), error)

    async def __aenter__(self) -> ResourceScope:
        self._begin()
        return self

    async def __aexit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        handles = self._end()
        self._tell(handles, await ending.aclose_all(handles, self._deadline_s), error)

    def _begin(self) -> None:
        if self.ended or CURRENT.get() is self:
            raise RuntimeError(f"scope {self.name!r} has been entered before: make a new one")
        self.parent = CURRENT.get()
        if self.parent is not None:
            self.parent._children[id(self)] = self
        CURRENT.set(self)

    def _end(self) -> list[Handle]:
        """End the scope and those inside it that were never left; return what is open in them."""
        self.ended = True
        if self.parent is not None:
            self.parent._children.pop(id(self), None)
        inner = [handle for scope in list(self._children.values()) for handle in scope._end()]
        around = CURRENT.get()  # in another context (a fixture's second half) that is none of these
        while around is not None and around.ended:
            around = around.parent
        CURRENT.set(around)
        with self.book.lock:
            self.book.sweep()
            return [*(handle for handle in self.handles.values() if handle.state is not State.FOREIGN), *inner]

    def _tell(self, handles: list[Handle], errors: list[BaseException], first: BaseException | None) -> None:
        self.errors = tuple(errors)
        self.left = tuple(handle.described() for handle in handles)
        for left in self.left:
            logger.warning("scope %s left %s", self.path, left)
        if first is None:
            ending.raise_all(errors, f"scope {self.path!r}")
        else:
            tell_beside(first, errors)
            ending.raise_stopping(errors)


CURRENT: ContextVar[ResourceScope | None] = ContextVar("no_leaks_resource_scope", default=None)


def current(book: Book) -> ResourceScope | None:
    """Return the innermost open scope of a manager's book here; tasks inherit it, threads do not."""
    scope = CURRENT.get()
    while scope is not None and (scope.ended or scope.book is not book):
        scope = scope.parent
    return scope
