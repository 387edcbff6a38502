"""The places of a pool, and of its queue: what its books are kept of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..model import RawStack
from .lease import Lease


@dataclass(slots=True, eq=False)
class Slot:
    """A place in the pool: with a resource, or, where `lease` is None, with the right to make one."""

    lease: Lease | None = None
    created_s: float = 0.0
    idle_since_s: float = 0.0
    lent_s: float = 0.0
    stack: RawStack = ()
    reported: bool = False
    is_used: bool = False
    """Whether its resource has been lent before."""


@dataclass(slots=True, eq=False)
class Waiter:
    """Somebody in the queue; woken once there is a slot, or once the pool is closed."""

    wake: Callable[[], object]
    slot: Slot | None = None
