"""Who is at work, and what it made: one ledger per scope, named by a context variable that tasks and threads inherit."""

from __future__ import annotations

import math
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import NamedTuple, cast

from .model import Owner, RawStack, Sighting, Snapshot

TOMBSTONES = 64
"""Ended ledgers that are remembered, so that what appears under them later is not blamed on another test."""


class Record:
    """The birth of one resource as a sensor saw it: raw facts, formatted only for a leak.

    `fd` is the descriptor that a socket had when it was last looked at, or the one that an open was to get; `inode` is
    what it led to, or the number that `open` has wrapped: the number alone is soon another's. `born_s` is by the
    monotonic clock.
    """

    __slots__ = ("born_s", "event", "facts", "fd", "inode", "ref", "stack")

    def __init__(
        self, event: str, facts: tuple[object, ...], stack: RawStack, ref: weakref.ref[object] | None = None
    ) -> None:
        self.event = event
        self.facts = facts
        self.stack = stack
        self.ref = ref
        self.fd: int | None = None
        self.inode: int | None = None
        self.born_s = time.monotonic()


class Watched(NamedTuple):
    """An object that the program wants gone by the end of a scope: what it is, why, and where that was said."""

    ref: weakref.ref[object]
    type: str
    why: str
    stack: RawStack


class Ledger:
    """What one scope made: births, and the losses that were proven while it ran."""

    # Written out, since what a decorator makes of it takes 1 ms of each run that is checked.
    __slots__ = (
        *("at_end", "depth", "ended", "ended_s", "judged", "losses", "managed", "older", "owner", "raw_starts"),
        *("records", "since_s", "watched"),
    )

    def __init__(self, owner: Owner, depth: int = 0) -> None:
        self.owner = owner
        self.records: list[Record] = []
        self.losses: list[Sighting] = []
        """Leaks proven before the scope ended: a task cancelled by its runner, a file closed by the garbage collector."""
        self.older: Snapshot = frozenset()
        """Descriptors that were open before the scope began, as (fd, device, inode): what has one of them is not the scope's."""
        self.since_s = 0.0
        """When what was there before the scope was looked at: what came after that was not made earlier, whoever made it."""
        self.ended = False
        self.ended_s = math.inf
        """When it ended, by the monotonic clock: what was born later is not what its scope was judged for."""
        self.raw_starts = 0
        """How many threads were started by the bare `_thread` module (told by 3.12 and later)."""
        self.judged = 0
        """How many losses had been judged when it ended; later ones come late."""
        self.managed: dict[int, object] = {}
        """Handles of a ResourceManager that were made under it and not closed since, by their `id`."""
        self.watched: list[Watched] = []
        """What is to be gone when it ends (`no_leaks.watch`)."""
        self.at_end: Callable[[Ledger], None] | None = None
        """Told of its end, where somebody has to put something back then."""
        self.depth = depth
        """How many runs were under way when it was opened: a test of a plugin runs pytest inside pytest."""

    def of(self, *events: str) -> Iterator[Record]:
        """Yield the records of these events, newest first."""
        return (record for record in reversed(self.records) if record.event in events)


CURRENT: ContextVar[Ledger | None] = ContextVar("no_leaks_ledger", default=None)
SUBMITTED: ContextVar[RawStack] = ContextVar("no_leaks_submitted", default=())
"""Where the work that runs in a pool's thread was handed in: it goes on where the thread's own stack ends."""
NOBODY = Ledger(Owner("nobody"), depth=sys.maxsize)
"""Named as the ledger at work where our own code opens something: nothing is written down."""
_depth = 0
_living: list[Ledger] = []
_tombstones: deque[Ledger] = deque(maxlen=TOMBSTONES)
_late: list[Ledger] = []
"""Older tombstones under which something came to light: the end of the run tells of it, however many tests follow."""


def current() -> Ledger | None:
    """Return the ledger of the scope at work here: the context's, else this thread's; None where nobody is at work.

    A thread's is the one it was started under, or of the scope that is open in it: a context that was copied before
    that scope began (`IsolatedAsyncioTestCase` copies one when the case is made) knows of none, or, in a run inside a
    run, of the outer one's.
    """
    ledger = CURRENT.get()
    if ledger is None or ledger.depth < _depth:
        # threading.current_thread() would register a dummy for a foreign thread; the table it reads does not.
        table = cast("dict[int, threading.Thread]", threading._active)  # type: ignore[attr-defined] # not in the stubs
        thread = table.get(threading.get_ident())
        ledger = getattr(thread, "_no_leaks_ledger", None) or ledger
    return None if ledger is NOBODY else ledger


def innermost() -> Ledger | None:
    """Return the ledger that was opened last and lives, whoever is at work; None outside of all scopes."""
    return _living[-1] if _living else None


def enter(ledger: Ledger) -> tuple[Ledger | None, Ledger | None]:
    """Name a scope's ledger as the one at work, in this context and thread; return what `leave` puts back."""
    thread = threading.current_thread()
    outer = CURRENT.get(), of_thread(thread)
    CURRENT.set(ledger)
    thread._no_leaks_ledger = ledger  # type: ignore[attr-defined]
    return outer


def leave(ledger: Ledger, outer: tuple[Ledger | None, Ledger | None]) -> None:
    """Put back what was at work before a scope, where nobody has named another since."""
    thread = threading.current_thread()
    if of_thread(thread) is ledger:
        thread._no_leaks_ledger = outer[1]  # type: ignore[attr-defined]
    if CURRENT.get() is ledger:
        CURRENT.set(outer[0])


def hand_to(thread: threading.Thread) -> None:
    """Let a thread that is about to start inherit the ledger at work here."""
    thread._no_leaks_ledger = current()  # type: ignore[attr-defined]


def hand_over(thread: threading.Thread, ledger: Ledger) -> None:
    """Let a thread that has started be another ledger's."""
    thread._no_leaks_ledger = ledger  # type: ignore[attr-defined]


def of_thread(thread: threading.Thread) -> Ledger | None:
    """Return the ledger that a thread was started under, or None if it was not seen to start."""
    return getattr(thread, "_no_leaks_ledger", None)


def set_depth(depth: int) -> None:
    """Say how many runs are under way."""
    global _depth
    _depth = depth


def open_ledger(owner: Owner) -> Ledger:
    """Begin a ledger; it counts as living until `end_ledger`."""
    ledger = Ledger(owner, depth=_depth)
    _living.append(ledger)
    return ledger


def end_ledger(ledger: Ledger, seen: int | None = None) -> None:
    """End a ledger; one that still explains something stays as a tombstone. `seen` is how many losses were looked at, None for all."""
    ledger.ended = True
    ledger.ended_s = time.monotonic()
    ledger.judged = len(ledger.losses) if seen is None else seen
    if ledger.at_end is not None:
        ledger.at_end(ledger)
    if ledger in _living:
        _living.remove(ledger)
    if ledger.records or _has_late(ledger):
        if len(_tombstones) == TOMBSTONES and _has_late(_tombstones[0]):
            _late.append(_tombstones.popleft())
        _tombstones.append(ledger)


def _has_late(ledger: Ledger) -> bool:
    return len(ledger.losses) > ledger.judged


def forget(ledger: Ledger) -> None:
    """Keep nothing of a ledger that has ended, not even a tombstone."""
    ledger.records.clear()
    for graves in (_tombstones, _late):
        if ledger in graves:
            graves.remove(ledger)


def all_ledgers() -> Iterator[Ledger]:
    """Yield every ledger that is remembered: the living, innermost first, then the tombstones, newest first."""
    yield from reversed(_living)
    yield from reversed(_tombstones)
    yield from reversed(_late)


def forget_all() -> None:
    """Drop everything: at the end of a session, and in a forked child, which owns nothing."""
    _living.clear()
    _tombstones.clear()
    _late.clear()
    CURRENT.set(None)
    threading.current_thread().__dict__.pop("_no_leaks_ledger", None)


class at_work:
    """Name a ledger as the one at work in this context, None for nobody; `submitted` is where a pool's work was handed in.

    Called like the function that contextlib would make of it; that takes three times as long.
    """

    __slots__ = ("_handed", "_ledger", "_submitted", "_token")

    def __init__(self, ledger: Ledger | None, submitted: RawStack = ()) -> None:
        self._ledger = NOBODY if ledger is None else ledger
        self._submitted = submitted

    def __enter__(self) -> None:
        self._token, self._handed = CURRENT.set(self._ledger), SUBMITTED.set(self._submitted)

    def __exit__(self, *error: object) -> None:
        SUBMITTED.reset(self._handed)
        CURRENT.reset(self._token)
