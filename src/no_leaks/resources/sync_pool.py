"""The pool for plain code and threads: the same books, with waiting that blocks the thread."""

from __future__ import annotations

import inspect
import threading
from types import TracebackType
from typing import Generic, TypeVar, cast, final

from ..errors import ResourceClosed, ResourceError
from . import connecting
from .alarm import limited
from .lease import Lease
from .pool_base import PoolBase, force_open, leases_of
from .pool_places import Slot, Waiter

C = TypeVar("C")


@final
class SyncResourcePool(PoolBase[C]):
    """The sync twin of `ResourcePool`, with the same options: `with pool.acquire() as connection`, from any thread."""

    def acquire(self) -> SyncBorrowing[C]:
        """Borrow for a block; `pool.borrow()` and `pool.release(connection)` do it without one."""
        return SyncBorrowing(self)

    def borrow(self) -> C:
        """Take a slot, see that what is in it can be used, and write down the loan."""
        self._track()
        self._close_each(leases_of(self.core.expired()))
        self._look()
        slot = self.core.ask() or self._wait()
        lease = slot.lease
        if lease is None or self.options.health_check is not None or self.core.is_too_old(slot):
            lease = self._prepare(slot)
        try:
            return cast(C, self.core.lend(slot, lease))
        except ResourceError:
            self._close_and_drop(slot)
            raise

    def release(self, connection: C) -> None:
        """Give back what was borrowed."""
        slot = self.core.take_back(connection)
        if slot is not None and not self.core.give(slot):
            self._close_and_drop(slot)
        self._look()

    def tend(self) -> None:
        """Close what was idle for too long, make ready what is lacking, and report overdue loans."""
        self._close_each(leases_of(self.core.expired()))
        while (slot := self.core.lacking()) is not None:
            self._prepare(slot)
            if not self.core.give(slot):
                self._close_and_drop(slot)
        self._look()

    def __enter__(self) -> SyncResourcePool[C]:
        self._track()
        try:
            self.tend()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lend no more, close what is idle, wait for loans to come back, and close by force what does not come in time."""
        self._untrack()
        empty = threading.Event()
        self.core.on_empty = empty.set
        idle = leases_of(self.core.close())
        try:
            self._close_each(idle)
            if not self.core.is_empty():
                empty.wait(self.options.close_timeout_s)
        finally:
            force_open([*idle, *leases_of(self.core.loans())])

    def _wait(self) -> Slot:
        woken = threading.Event()
        waiter = Waiter(woken.set)
        self.core.queue(waiter)
        try:
            woken.wait(self.options.acquire_timeout_s)
        except BaseException:
            slot = self.core.leave(waiter)
            if slot is not None and not self.core.give(slot):
                self._close_and_drop(slot)
            raise
        slot = self.core.leave(waiter)
        if slot is not None:
            return slot
        if self.core.closed:
            raise ResourceClosed(self.options.label)
        self._look()
        raise self._too_late()

    def _prepare(self, slot: Slot) -> Lease:
        """Return a resource that can be used; whatever fails, the slot is given up."""
        try:
            old = slot.lease
            if old is not None and not self.core.is_too_old(slot) and self._is_healthy(old):
                return old
            if old is not None:
                self.core.replaced(slot)
                self._close_each([old])
            lease = connecting.connect(self.options.connection)
            if lease.is_entered:
                lease.close()
                raise self._unfit()
            self.core.made(slot, lease)
        except BaseException:
            self._close_and_drop(slot)
            raise
        return lease

    def _is_healthy(self, lease: Lease) -> bool:
        check = self.options.health_check
        assert check is not None  # else nobody asks
        connection = self.options.connection
        try:
            with limited(connection.connect_timeout_s, f"checking {connection.label}"):
                answer = check(lease.connection)
        except Exception:
            return False
        if inspect.iscoroutine(answer):
            answer.close()
            raise ResourceError(f"{self.options.label}: the health check has to be awaited: use ResourcePool")
        return answer is not False

    def _close_and_drop(self, slot: Slot) -> None:
        try:
            self._close_each(leases_of([slot]))
        finally:
            self.core.drop(slot)

    def _close_each(self, leases: list[Lease]) -> None:
        for lease in leases:
            try:
                lease.close()
            except Exception as error:
                self._log(error)


@final
class SyncBorrowing(Generic[C]):
    """What `acquire()` returns: to be entered and left."""

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: SyncResourcePool[C]) -> None:
        self._pool = pool
        self._connection: C | None = None

    def __enter__(self) -> C:
        self._connection = connection = self._pool.borrow()
        return connection

    def __exit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.release(cast(C, self._connection))
