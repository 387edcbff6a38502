"""Lets in what the limits allow: a place is reserved before a resource is opened, so that none is opened in vain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from ..errors import ResourceLimitExceeded
from .book import Book
from .handle import Handle
from .limits import TOTAL, Limit, ResourceLimits

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.001, 0.1
SHOWN = 10
"""So many holders are named."""


@final
class Ticket:
    """A place for one resource, until that is registered, or was not opened after all."""

    def __init__(self, book: Book, kind: str, size_bytes: int) -> None:
        self._book = book
        self._kind = kind
        self._size_bytes = size_bytes
        self._is_held = True
        book.reserve(kind, 1, size_bytes)

    def give_back(self) -> None:
        """Free the place; a second time is harmless."""
        if self._is_held:
            self._is_held = False
            self._book.reserve(self._kind, -1, -self._size_bytes)


def give_back(ticket: Ticket | None) -> None:
    """Free the place of what was not opened, if there were limits."""
    if ticket is not None:
        ticket.give_back()


def pauses(book: Book, limits: ResourceLimits, kind: str, size_bytes: int, got: list[Ticket]) -> Iterator[float]:
    """Yield how long to wait for a place, until `got` has its ticket; raise `ResourceLimitExceeded` at once, or in time."""
    pause_s, waited_s = FIRST_PAUSE_S, 0.0
    while True:
        with book.lock:
            refusal = _refusal(book, limits, kind, size_bytes)
            if refusal is None:
                got.append(Ticket(book, kind, size_bytes))
                return
        if limits.on_limit == "raise" or waited_s >= limits.timeout_s:
            raise refusal
        pause_s = min(pause_s, limits.timeout_s - waited_s)
        yield pause_s
        waited_s, pause_s = waited_s + pause_s, min(pause_s * 2, LONGEST_PAUSE_S)


def _refusal(book: Book, limits: ResourceLimits, kind: str, size_bytes: int) -> ResourceLimitExceeded | None:
    book.sweep()
    for name, limit in ((kind, limits.kinds.get(kind)), (TOTAL, limits.total)):
        if limit is not None:
            which = None if name == TOTAL else kind
            exceeded = _exceeded(book, limit, which, size_bytes)
            if exceeded:
                holders = book.open_handles(which)
                more = [f"and {len(holders) - SHOWN} more"] if len(holders) > SHOWN else []
                return ResourceLimitExceeded(name, exceeded, [*map(_told, holders[:SHOWN]), *more])
    return None


def _exceeded(book: Book, limit: Limit, kind: str | None, size_bytes: int) -> str:
    """Return which limit one more would exceed, "" if none."""
    count, total_bytes = book.taken(kind)
    if limit.count is not None and count >= limit.count:
        return str(limit.count)
    if limit.bytes is not None and total_bytes + size_bytes > limit.bytes:
        return f"{limit.bytes} bytes"
    if limit.age_s is not None:
        oldest = next(iter(book.open_handles(kind)), None)
        if oldest is not None and oldest.age_s > limit.age_s:
            return f"{limit.age_s:g} s old"
    return ""


def _told(handle: Handle) -> str:
    return str(handle.described())
