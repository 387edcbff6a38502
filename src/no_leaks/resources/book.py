"""The book of a manager: every open handle under one lock, and the counts; what the collector took is swept up at the next look."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from .handle import ATOMS, Handle, Left, Reference, State

KEPT_LEAKS = 1000
"""So many leaks are remembered with their sites; all are counted."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The book's numbers at one moment."""

    active: dict[str, int]
    created: int
    cleaned: int
    leaked: int
    cleanup_errors: int
    peak: int
    oldest_age_s: float


class Book:
    """Handles by number, in the order of their making. Nothing foreign runs under its lock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.now = clock
        self.leaks: deque[Left] = deque(maxlen=KEPT_LEAKS)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Own nothing: at the start, and in a forked child (whose parent may have held the lock)."""
        self.lock = threading.RLock()
        for handle in list(getattr(self, "handles", {}).values()):
            handle.state = State.FOREIGN
        self.numbers = itertools.count(1)
        self.handles: dict[int, Handle] = {}
        self._by_thing: dict[Hashable, Handle] = {}
        self._gone: deque[Reference] = deque()
        self._active: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._reserved: Counter[str] = Counter()
        self._created = self._cleaned = self._leaked = self._errors = self._peak = 0
        self.leaks.clear()

    def find(self, thing: object) -> Handle | None:
        """Return the handle of a thing, the newest if there are several, or None where it has none that is open."""
        with self.lock:
            self.sweep()
            return self._by_thing.get(_key(thing))

    def refer(self, handle: Handle, thing: object) -> None:
        """Let a handle know its thing, weakly; raises TypeError for what cannot be referred to weakly."""
        handle.key = _key(thing)
        if isinstance(thing, ATOMS):
            handle.atom = thing
            return
        try:
            handle.reference = Reference(thing, self._gone.append)
        except TypeError:
            raise TypeError(
                f"a {type(thing).__name__} cannot be referred to weakly, and tracking keeps nothing alive: "
                "register the object that holds it, or open it by secure_connection_context"
            ) from None
        handle.reference.handle = handle

    def enter(self, handle: Handle) -> None:
        """Write down a new handle."""
        with self.lock:
            self.sweep()
            self._created += 1
            self.handles[handle.number] = handle
            self._by_thing[handle.key] = handle
            if handle.shelf is not None:
                handle.shelf[handle.number] = handle
            if handle.ledger is not None:
                handle.ledger.managed[id(handle)] = handle
            self._active[handle.kind] += 1
            self._bytes[handle.kind] += handle.size_bytes
            self._peak = max(self._peak, len(self.handles))

    def claim(self, handle: Handle) -> bool:
        """Take a handle for closing; it stays in the book until that has ended."""
        with self.lock:
            self.sweep()
            if handle.state is not State.OPEN:
                return False
            handle.state = State.CLOSING
            return True

    def conclude(self, handle: Handle, error: BaseException | None) -> None:
        """Take a handle out that was claimed, and count how its closing ended."""
        with self.lock:
            if handle.state is State.CLOSING:
                self._take_out(handle, State.CLEANED if error is None else State.FAILED)

    def give_up(self, handle: Handle) -> None:
        """Take a handle out that was claimed, and that nothing can close; it counts as a cleanup that failed."""
        with self.lock:
            if handle.state is State.CLOSING:
                self._take_out(handle, State.GIVEN_UP)

    def withdraw(self, handle: Handle) -> bool:
        """Take out a handle whose thing its owner has closed."""
        with self.lock:
            self.sweep()
            if handle.state is not State.OPEN:
                return False
            self._take_out(handle, State.CLEANED)
            return True

    def open_handles(self, kind: str | None = None) -> tuple[Handle, ...]:
        """Return what is open, oldest first."""
        with self.lock:
            self.sweep()
            handles = list(self.handles.values())  # at once: a collection may run finalizers that close some
        return tuple(handle for handle in handles if kind is None or handle.kind == kind)

    def counts(self) -> Counts:
        """Return all numbers, of one moment."""
        with self.lock:
            self.sweep()
            oldest = next(iter(self.handles.values()), None)
            return Counts(
                active=dict(self._active),
                created=self._created,
                cleaned=self._cleaned,
                leaked=self._leaked,
                cleanup_errors=self._errors,
                peak=self._peak,
                oldest_age_s=0.0 if oldest is None else oldest.age_s,
            )

    def reserve(self, kind: str, count: int, size_bytes: int) -> None:
        """Count what is about to be opened, or will not be, after all."""
        with self.lock:
            self._reserved[kind] += count
            self._bytes[kind] += size_bytes

    def taken(self, kind: str | None) -> tuple[int, int]:
        """Return how many are open or about to be, of one kind or of all, and of how many bytes together."""
        with self.lock:
            if kind is not None:
                return self._active[kind] + self._reserved[kind], self._bytes[kind]
            return self._active.total() + self._reserved.total(), self._bytes.total()

    def sweep(self) -> None:
        """Count what the garbage collector took unclosed; under the lock. The collector itself only hands it over."""
        while self._gone:
            handle = self._gone.popleft().handle
            if handle.state is State.OPEN:
                self._take_out(handle, State.LEAKED)
                self.leaks.append(handle.described())

    def _take_out(self, handle: Handle, state: State) -> None:
        handle.state = state
        del self.handles[handle.number]
        if self._by_thing.get(handle.key) is handle:
            del self._by_thing[handle.key]
        if handle.shelf is not None:
            handle.shelf.pop(handle.number, None)
        if handle.ledger is not None and state is not State.LEAKED:
            handle.ledger.managed.pop(id(handle), None)
        self._active[handle.kind] -= 1
        self._bytes[handle.kind] -= handle.size_bytes
        self._cleaned += state is State.CLEANED
        self._leaked += state is State.LEAKED
        self._errors += state in (State.FAILED, State.GIVEN_UP)


def _key(thing: object) -> Hashable:
    return (type(thing), thing) if isinstance(thing, ATOMS) else id(thing)
