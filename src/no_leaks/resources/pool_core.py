"""The books of a pool: who has what, who waits, first come first served; no clock but the one it is given, and no waiting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from .. import origin
from ..errors import ResourceClosed, ResourceError
from .lease import Lease
from .pool_options import Loan, PoolOptions, PoolStats
from .pool_places import Slot, Waiter

NEVER_S = float("inf")


class PoolCore:
    """Slots are idle, taken (being made, checked or lent), or not there yet; never more than `max_size`."""

    def __init__(self, options: PoolOptions, clock: Callable[[], float]) -> None:
        self.options = options
        self.now = clock
        self.closed = False
        self.on_empty: Callable[[], object] | None = None
        """Told, once the pool is closed, when the last taken slot comes back."""
        self._created = self._closed = self._reused = self._replaced = self._waits = self._timeouts = 0
        self._max_idle_s = NEVER_S if options.max_idle_s is None else options.max_idle_s
        self._max_lifetime_s = NEVER_S if options.max_lifetime_s is None else options.max_lifetime_s
        self._loans: dict[int, Slot] = {}
        self._foreign: dict[int, Slot] = {}
        self.begin_anew()

    def begin_anew(self) -> None:
        """Own nothing: at the start, and in a forked child."""
        self._lock = threading.RLock()  # a signal's handler may close the pool while its thread is in here
        self._idle: deque[Slot] = deque()
        self._waiters: deque[Waiter] = deque()
        self._foreign.update(self._loans)
        self._loans = {}
        self._taken = 0
        self._due_s = NEVER_S
        """When the first idle one may have to be closed."""

    def ask(self) -> Slot | None:
        """Take a slot, the one that was used last; None where others wait already, or all are taken."""
        with self._lock:
            return self._ask()

    def queue(self, waiter: Waiter) -> None:
        """Wait for a slot behind those who came before, unless one is free by now."""
        with self._lock:
            waiter.slot = self._ask()
            if waiter.slot is None:
                self._waits += 1
                self._waiters.append(waiter)
            else:
                waiter.wake()

    def leave(self, waiter: Waiter) -> Slot | None:
        """Leave the queue; return the slot that came meanwhile, which is then to be given back."""
        with self._lock:
            if waiter.slot is None and waiter in self._waiters:
                self._waiters.remove(waiter)
            return waiter.slot

    def count_timeout(self) -> None:
        """Count one who left the queue because it took too long."""
        with self._lock:
            self._timeouts += 1

    def lend(self, slot: Slot, lease: Lease) -> object:
        """Write down a loan and return what is lent; raises `ResourceClosed` where the pool was closed meanwhile.

        Raises `ResourceError` for what is on loan already: the factory has made nothing new.
        """
        slot.lent_s, slot.reported = self.now(), False
        if self.options.leak_threshold_s is not None:
            slot.stack = origin.capture_here()
        with self._lock:
            self._refuse_if_closed()
            if id(lease.connection) in self._loans:
                slot.lease = None  # to close it is the other slot's
                raise ResourceError(
                    f"{self.options.label}: create gave what is on loan already: it has to make a new one"
                )
            self._loans[id(lease.connection)] = slot
            self._reused += slot.is_used
            slot.is_used = True
        return lease.connection

    def take_back(self, connection: object) -> Slot | None:
        """End a loan; its slot is to be given, or dropped. In a forked child there is none for what the parent had lent."""
        with self._lock:
            slot = self._loans.pop(id(connection), None)
        if slot is None:
            if self._foreign.pop(id(connection), None) is not None:
                return None
            raise ResourceError(f"{self.options.label}: what is given back is not on loan: was it given back twice?")
        return slot

    def give(self, slot: Slot) -> bool:
        """Give a slot to who waits longest, or let it lie idle; False where it is to be closed and dropped."""
        with self._lock:
            if self.closed or slot.lease is None or self.is_too_old(slot):
                return False
            slot.idle_since_s = self.now()
            self._hand_on(slot)
            return True

    def drop(self, slot: Slot) -> None:
        """Give up a slot whose resource is closed, or was never made: who waits longest may make a new one."""
        with self._lock:
            self._closed += slot.lease is not None
            slot.lease = None
            if self._waiters and not self.closed:
                self._hand_on(Slot())
                return
            self._taken -= 1
            empty = self.closed and not self._taken
        if empty and self.on_empty is not None:
            self.on_empty()

    def made(self, slot: Slot, lease: Lease) -> None:
        """Put a new resource into a slot."""
        with self._lock:
            slot.lease, slot.created_s, slot.is_used = lease, self.now(), False
            self._created += 1

    def replaced(self, slot: Slot) -> None:
        """Take the resource out of a slot that keeps its place."""
        with self._lock:
            slot.lease = None
            self._closed += 1
            self._replaced += 1

    def is_too_old(self, slot: Slot) -> bool:
        """Whether a resource has lived for long enough."""
        return self.now() - slot.created_s >= self._max_lifetime_s

    def expired(self) -> list[Slot]:
        """Take out what is too old, or was idle for too long (of which some may stay): to be closed, and not to be dropped."""
        if not self._idle or self.now() < self._due_s:
            return []
        with self._lock:
            out = [slot for slot in self._idle if self.is_too_old(slot)]
            self._idle = deque(slot for slot in self._idle if slot not in out)
            while (
                len(self._idle) > self.options.min_idle and self.now() - self._idle[0].idle_since_s >= self._max_idle_s
            ):
                out.append(self._idle.popleft())
            self._due_s = min((slot.created_s for slot in self._idle), default=NEVER_S) + self._max_lifetime_s
            if len(self._idle) > self.options.min_idle:
                self._due_s = min(self._due_s, self._idle[0].idle_since_s + self._max_idle_s)
            self._closed += len(out)
            return out

    def lacking(self) -> Slot | None:
        """Take a slot to make an idle resource in, where there are fewer than there should be."""
        with self._lock:
            if self.closed or len(self._idle) >= self.options.min_idle or self._size() >= self.options.max_size:
                return None
            self._taken += 1
            return Slot()

    def close(self) -> list[Slot]:
        """Lend no more: wake who waits, and return what is idle, to be closed."""
        with self._lock:
            self.closed = True
            idle, self._idle = list(self._idle), deque()
            waiters, self._waiters = self._waiters, deque()
            self._closed += len(idle)
        for waiter in waiters:
            waiter.wake()
        return idle

    def is_empty(self) -> bool:
        """Whether nothing is taken."""
        return not self._taken

    def loans(self) -> list[Slot]:
        """Return what is on loan, the longest first."""
        with self._lock:
            return list(self._loans.values())

    def told(self, slots: list[Slot]) -> tuple[Loan, ...]:
        """Describe loans for a report."""
        now = self.now()
        return tuple(Loan.of(self.options.label, now - slot.lent_s, slot.stack) for slot in slots)

    def overdue(self, *, again: bool = False) -> list[Slot]:
        """Return the loans that are out for too long, each once unless asked for `again`; the longest comes first, so that
        the first one that is in time ends the search."""
        limit_s, found = self.options.leak_threshold_s, list[Slot]()
        if limit_s is None:
            return found
        for slot in self.loans():
            if self.now() - slot.lent_s < limit_s:
                break
            if again or not slot.reported:
                slot.reported = slot.reported or not again
                found.append(slot)
        return found

    def stats(self) -> PoolStats:
        """Return all numbers."""
        overdue = self.told(self.overdue(again=True))
        with self._lock:
            return PoolStats(
                size=self._size(),
                idle=len(self._idle),
                on_loan=len(self._loans),
                waiting=len(self._waiters),
                created=self._created,
                closed=self._closed,
                reused=self._reused,
                replaced=self._replaced,
                waits=self._waits,
                timeouts=self._timeouts,
                overdue=overdue,
            )

    def _ask(self) -> Slot | None:
        self._refuse_if_closed()
        if self._waiters or (not self._idle and self._taken >= self.options.max_size):
            return None
        self._taken += 1
        return self._idle.pop() if self._idle else Slot()

    def _size(self) -> int:
        return self._taken + len(self._idle)

    def _hand_on(self, slot: Slot) -> None:
        if self._waiters:
            waiter = self._waiters.popleft()
            waiter.slot = slot
            waiter.wake()
        else:
            self._taken -= 1
            self._idle.append(slot)
            due_s = min(self._idle[0].idle_since_s + self._max_idle_s, slot.created_s + self._max_lifetime_s)
            if due_s < self._due_s:
                self._due_s = due_s

    def _refuse_if_closed(self) -> None:
        if self.closed:
            raise ResourceClosed(self.options.label)
