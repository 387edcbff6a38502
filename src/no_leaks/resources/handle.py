"""One registered resource: what is known of it, and the one way in which it is let go of; it never keeps the thing alive."""

from __future__ import annotations

import weakref
from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, final

from .. import origin
from ..ledger import Ledger
from ..model import Frame, RawStack
from . import closing
from .callbacks import Call

ATOMS = (int, str, bytes)
"""Values that name a thing outside (a descriptor, a path): they are held themselves, which keeps nothing alive."""


class State(Enum):
    """Where a resource stands; it leaves OPEN once, and never comes back."""

    OPEN = "open"
    CLOSING = "closing"
    CLEANED = "closed"
    FAILED = "its cleanup failed"
    GIVEN_UP = "given up, for it has no method that closes it: register it with cleanup=..."
    LEAKED = "collected without being closed"
    FOREIGN = "the parent process's"


@dataclass(frozen=True, slots=True)
class Left:
    """A resource that was left open: what it was, where it was registered, how old it got and what became of it."""

    kind: str
    name: str
    created_at: tuple[Frame, ...]
    age_s: float
    became: str
    """"closed", "its cleanup failed", "given up, …", "collected without being closed", "open"."""

    def __str__(self) -> str:
        site = next((frame for frame in self.created_at if frame.in_app), next(iter(self.created_at), None))
        place = f" registered at {site.file}:{site.line} in {site.function}" if site is not None else ""
        return f"{self.kind}: {self.name}{place}, open for {self.age_s:.3f} s: {self.became}"


class Reference(weakref.ref[object]):
    """A weak reference that knows its handle: what tells that the thing is gone is put where the book will look."""

    __slots__ = ("handle",)
    handle: Handle


class Keeper(Protocol):
    """What a handle asks of the book it stands in."""

    def claim(self, handle: Handle) -> bool:
        """Take the handle for closing; False where it was taken before, or the thing is gone."""
        ...

    def conclude(self, handle: Handle, error: BaseException | None) -> None:
        """Write down how its closing ended."""
        ...

    def withdraw(self, handle: Handle) -> bool:
        """Take it out of the book: its owner has closed it."""
        ...

    def give_up(self, handle: Handle) -> None:
        """Take it out of the book, claimed as it is: nothing can close it."""
        ...

    def now(self) -> float:
        """Return the time by the book's clock, in seconds."""
        ...


@final
@dataclass(slots=True, eq=False, repr=False)
class Handle:
    """What `register` returns. `close()` and `aclose()` let go of the resource once, however often they are called."""

    number: int
    kind: str
    name: str
    created_s: float
    size_bytes: int
    stack: RawStack
    library: str
    """The async library it was registered under: its loop is the one that can close it."""
    ledger: Ledger | None
    """The scope of the plugin that was at work."""
    keeper: Keeper
    key: Hashable = None
    """By what the book finds it for its thing."""
    reference: Reference | None = None
    atom: int | str | bytes | None = None
    cleanup: Call | None = None
    shelf: dict[int, Handle] | None = None
    """Where the manager's scope lists it."""
    state: State = State.OPEN

    def __repr__(self) -> str:
        return f"<Handle {self.number}, {self.kind}: {self.name}, {self.state.value}>"

    def resource(self) -> object | None:
        """Return the thing itself; None once it is gone."""
        return self.atom if self.reference is None else self.reference()

    @property
    def is_open(self) -> bool:
        """Whether it still has to be let go of."""
        return self.state is State.OPEN

    @property
    def age_s(self) -> float:
        """Seconds since it was registered."""
        return self.keeper.now() - self.created_s

    def close(self) -> None:
        """Let go of it from plain code; what its cleanup raises is counted and goes on."""
        thing = self.resource()
        if not self._is_taken(thing):
            return
        error: BaseException | None = None
        try:
            closing.close(thing, self._call(thing), library=self.library)
        except BaseException as raised:
            error = raised
            raise
        finally:
            self.keeper.conclude(self, error)

    async def aclose(self) -> None:
        """Let go of it from async code."""
        thing = self.resource()
        if not self._is_taken(thing):
            return
        error: BaseException | None = None
        try:
            await closing.aclose(thing, self._call(thing))
        except BaseException as raised:
            error = raised
            raise
        finally:
            self.keeper.conclude(self, error)

    def unregister(self) -> bool:
        """Say that it has been closed by other means; False where it was not open any more."""
        return self.keeper.withdraw(self)

    def described(self) -> Left:
        """Return what a report says of it."""
        return Left(self.kind, self.name, origin.frames_of(self.stack), self.age_s, self.state.value)

    def _is_taken(self, thing: object) -> bool:
        """Take it for closing; False where it was taken before, or nothing can close it."""
        if not self.keeper.claim(self):
            return False
        if self.cleanup is None and closing.method_of(thing, awaiting=True) is None:
            self.keeper.give_up(self)
            return False
        return True

    def _call(self, thing: object) -> closing.Method | None:
        cleanup = self.cleanup
        return None if cleanup is None else lambda: cleanup(thing)
