"""What both pools are: options, books, reports of loans that are out for too long; tracked by a manager while open."""

from __future__ import annotations

import logging
import os
import time
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

from .. import faults
from ..errors import PoolTimeout, ResourceError
from ..words import masked
from .callbacks import Cleanup
from .connection_options import ConnectionOptions, Made
from .handle import Handle
from .keywords import refuse_unknown
from .lease import Lease
from .manager import ResourceManager
from .pool_core import PoolCore
from .pool_options import OnLeak, PoolOptions, PoolStats
from .pool_places import Slot
from .process import get_resource_manager

if TYPE_CHECKING:
    from typing_extensions import TypedDict, Unpack

    class PoolKeywords(TypedDict, total=False):
        """What may be asked for beside the factory."""

        max_size: int
        min_idle: int
        max_idle_s: float | None
        max_lifetime_s: float | None
        acquire_timeout_s: float | None
        leak_threshold_s: float | None
        on_leak: OnLeak | None
        close_timeout_s: float | None
        name: str


C = TypeVar("C")
logger = logging.getLogger("no_leaks.resources")
_pools: weakref.WeakSet[PoolBase[object]] = weakref.WeakSet()


class PoolBase(Generic[C]):
    """The half of a pool that does not wait."""

    def __init__(
        self,
        create: Callable[[], Made[C]],
        *,
        close: Cleanup | None = None,
        health_check: Callable[[C], object] | None = None,
        connect_timeout_s: float | None = 10.0,
        manager: ResourceManager | None = None,
        clock: Callable[[], float] = time.monotonic,
        **options: Unpack[PoolKeywords],
    ) -> None:
        refuse_unknown(type(self).__name__, PoolOptions, options, "connection", "health_check")
        limit_s = options.get("close_timeout_s", 10.0)
        connection = ConnectionOptions(create, close, connect_timeout_s, limit_s)
        self.options = PoolOptions(connection, health_check=health_check, **options)
        self.core = PoolCore(self.options, clock)
        self._manager = manager
        self._handle: Handle | None = None
        _pools.add(self)  # type: ignore[arg-type] # of whatever it lends

    def __repr__(self) -> str:
        stats = self.core.stats()
        return f"<{self.options.label}: {stats.on_loan} on loan, {stats.idle} idle, {stats.waiting} waiting>"

    def stats(self) -> PoolStats:
        """Return the pool's numbers, with the loans that are out for too long."""
        self._look()
        return self.core.stats()

    def _track(self) -> None:
        if self._handle is None:
            manager = self._manager or get_resource_manager()
            self._handle = manager.register(self, kind="pools", name=self.options.label)

    def _untrack(self) -> None:
        if self._handle is not None:
            self._handle.unregister()

    def _look(self) -> None:
        """Report each loan that is out for too long, once."""
        for loan in self.core.told(self.core.overdue()) if self.options.leak_threshold_s is not None else ():
            logger.warning("%s", loan.with_stack())
            if self.options.on_leak is not None:
                try:
                    self.options.on_leak(loan)
                except Exception as error:
                    faults.note("on_leak of a pool", error)
                    logger.error("%s: on_leak raised %r", self.options.label, error, exc_info=error)

    def _unfit(self) -> ResourceError:
        return ResourceError(
            f"{self.options.label}: create gave a context manager, which only the task that entered it can leave; "
            "give a function that returns what it manages, and say how to close that"
        )

    def _log(self, error: Exception) -> None:
        """Tell what closing a resource that is of no use any more ran into: it is no borrower's error."""
        logger.warning(
            "%s: while closing: %s: %s", self.options.label, type(error).__name__, masked(faults.words(error))
        )

    def _too_late(self) -> PoolTimeout:
        self.core.count_timeout()
        holders = (str(loan) for loan in self.core.told(self.core.loans()))
        return PoolTimeout(self.options.label, self.options.acquire_timeout_s or 0, holders)


def leases_of(slots: Iterable[Slot]) -> list[Lease]:
    """Return what is in slots."""
    return [slot.lease for slot in slots if slot.lease is not None]


def force_open(leases: Iterable[Lease]) -> None:
    """End at once what nobody has closed in time."""
    for lease in leases:
        if lease.is_open:
            lease.force()


def _own_nothing() -> None:
    """In a forked child: what pools hold is the parent's, and the parent may have held their locks."""
    for pool in list(_pools):
        pool.core.begin_anew()


if hasattr(os, "register_at_fork"):  # pragma: no branch - only Windows has none
    os.register_at_fork(after_in_child=_own_nothing)
