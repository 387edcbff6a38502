"""The async pool: lends what is expensive to make, to who came first, and loses nothing whenever it is cancelled."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Generator, Iterable
from types import TracebackType
from typing import Generic, TypeVar, cast, final

from ..errors import ResourceClosed, ResourceError
from . import connecting
from .lease import Lease
from .pool_base import PoolBase, force_open, leases_of
from .pool_places import Slot, Waiter
from .shield import finish

C = TypeVar("C")


@final
class ResourcePool(PoolBase[C]):
    """Lends connections, or whatever is expensive to make: `async with pool.acquire() as connection`.

    `create` makes one, as for `secure_connection_context`; `close` and `connect_timeout_s` as there. At most `max_size`
    (10) are open; `min_idle` (0) are made ready by `async with pool` and `tend()`. One that was idle for `max_idle_s` (600)
    or has lived for `max_lifetime_s` (3600) is closed; one whose `health_check(connection)` says False or raises is
    replaced before it is lent. Who comes first is served first, within `acquire_timeout_s` (30). A loan that is out for
    longer than `leak_threshold_s` is reported once, with who borrowed it, in the log and to `on_leak(loan)`, when the pool
    is next used or asked for `stats()`. `aclose` closes all within `close_timeout_s` (10). For one event loop.
    """

    def acquire(self) -> Borrowing[C]:
        """Borrow: `async with pool.acquire() as connection`, or `await pool.acquire()` and `await pool.release(connection)`."""
        return Borrowing(self)

    async def release(self, connection: C) -> None:
        """Give back what was borrowed by `await pool.acquire()`."""
        slot = self.core.take_back(connection)
        if slot is not None and not self.core.give(slot):
            await self._close_and_drop(slot)
        self._look()

    async def tend(self) -> None:
        """Close what was idle for too long, make ready what is lacking, and report overdue loans."""
        await self._close_expired()
        while (slot := self.core.lacking()) is not None:
            await self._prepare(slot)
            if not self.core.give(slot):
                await self._close_and_drop(slot)
        self._look()

    async def __aenter__(self) -> ResourcePool[C]:
        self._track()
        try:
            await self.tend()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Lend no more, close what is idle, wait for loans to come back, and close by force what does not come in time."""
        self._untrack()
        await finish(self._aclose)

    async def borrow(self) -> C:
        """Take a slot, see that what is in it can be used, and write down the loan."""
        self._track()
        await self._close_expired()
        self._look()
        slot = self.core.ask() or await self._wait()
        lease = slot.lease
        if lease is None or self.options.health_check is not None or self.core.is_too_old(slot):
            lease = await self._prepare(slot)
        try:
            return cast(C, self.core.lend(slot, lease))
        except ResourceError:
            await self._close_and_drop(slot)
            raise

    async def _wait(self) -> Slot:
        import anyio

        woken = anyio.Event()
        waiter = Waiter(woken.set)
        self.core.queue(waiter)
        try:
            with anyio.move_on_after(self.options.acquire_timeout_s):
                await woken.wait()
        except BaseException:
            await self._hand_back(self.core.leave(waiter))
            raise
        slot = self.core.leave(waiter)
        if slot is not None:
            return slot
        if self.core.closed:
            raise ResourceClosed(self.options.label)
        self._look()
        raise self._too_late()

    async def _hand_back(self, slot: Slot | None) -> None:
        """Give back a slot that came too late for who is cancelled."""
        if slot is not None and not self.core.give(slot):
            await self._close_and_drop(slot)

    async def _prepare(self, slot: Slot) -> Lease:
        """Return a resource that can be used; whatever fails, or is cancelled, the slot is given up."""
        try:
            old = slot.lease
            if old is not None and not self.core.is_too_old(slot) and await self._is_healthy(old):
                return old
            if old is not None:
                self.core.replaced(slot)
                await self._close_each([old])
            lease = await connecting.aconnect(self.options.connection)
            if lease.is_entered:
                await lease.aclose()
                raise self._unfit()
            self.core.made(slot, lease)
        except BaseException:
            await self._close_and_drop(slot)
            raise
        return lease

    async def _is_healthy(self, lease: Lease) -> bool:
        """Ask the health check; one that takes longer than connecting may is a no."""
        import anyio

        check = self.options.health_check
        assert check is not None  # else nobody asks
        try:
            answer = check(lease.connection)
            if inspect.isawaitable(answer):
                with anyio.fail_after(self.options.connection.connect_timeout_s):
                    answer = await answer
            return answer is not False
        except Exception:
            return False

    async def _close_expired(self) -> None:
        expired = self.core.expired()
        if expired:
            await self._close_each(leases_of(expired))

    async def _close_and_drop(self, slot: Slot) -> None:
        lease = slot.lease
        try:
            if lease is not None:
                await self._close_each([lease])
        finally:
            self.core.drop(slot)

    async def _close_each(self, leases: Iterable[Lease]) -> None:
        """Close what is of no use any more; what it runs into is nobody's error, and is logged."""
        await finish(lambda: self._each(leases))

    async def _each(self, leases: Iterable[Lease]) -> None:
        for lease in leases:
            try:
                await lease.aclose()
            except Exception as error:
                self._log(error)

    async def _aclose(self) -> None:
        import anyio

        empty = anyio.Event()
        self.core.on_empty = empty.set
        idle = leases_of(self.core.close())
        with anyio.move_on_after(self.options.close_timeout_s):
            await self._each(idle)
            if not self.core.is_empty():
                await empty.wait()
        force_open([*idle, *leases_of(self.core.loans())])


@final
class Borrowing(Generic[C]):
    """What `acquire()` returns: to be awaited, or entered and left."""

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: ResourcePool[C]) -> None:
        self._pool = pool
        self._connection: C | None = None

    def __await__(self) -> Generator[object, object, C]:
        waiting: Awaitable[C] = self._pool.borrow()
        return cast("Generator[object, object, C]", waiting.__await__())

    async def __aenter__(self) -> C:
        self._connection = connection = await self._pool.borrow()
        return connection

    async def __aexit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.release(cast(C, self._connection))
