"""How a pool keeps what it lends, checked once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from .. import origin
from ..errors import SettingError
from ..model import Frame, RawStack
from .connection_options import ConnectionOptions

WHERE = "ResourcePool"
OnLeak: TypeAlias = Callable[["Loan"], object]


@dataclass(frozen=True, slots=True)
class Loan:
    """A loan that is out, as reports tell it: for how long, and who borrowed."""

    pool: str
    age_s: float
    borrower: str
    """"orders.py:31 in Orders.load", or where that is unknown "somebody"."""
    stack: tuple[Frame, ...] = ()
    """Who called the borrower, the borrower's own line first; empty without a `leak_threshold_s`."""

    def __str__(self) -> str:
        return f"{self.pool}: on loan for {self.age_s:.3f} s to {self.borrower}"

    def with_stack(self) -> str:
        """Return what a log says: the loan, and below it who borrowed, line by line."""
        return "\n".join((str(self), *(f"  {frame.file}:{frame.line} in {frame.function}" for frame in self.stack)))

    @classmethod
    def of(cls, pool: str, age_s: float, stack: RawStack) -> Loan:
        """Describe a loan by the raw stack of its borrower."""
        frames = origin.frames_of(stack)
        frame = next((frame for frame in frames if frame.in_app), next(iter(frames), None))
        borrower = f"{frame.file}:{frame.line} in {frame.function}" if frame is not None else "somebody"
        return cls(pool, age_s, borrower, frames)


@dataclass(frozen=True, slots=True)
class PoolStats:
    """A pool's numbers at one moment."""

    size: int
    """Open, or being opened: idle ones and loans."""
    idle: int
    on_loan: int
    waiting: int
    created: int = 0
    closed: int = 0
    reused: int = 0
    """Loans of what was there already."""
    replaced: int = 0
    """Found too old or unhealthy when they were to be lent."""
    waits: int = 0
    """Borrowers who had to wait."""
    timeouts: int = 0
    overdue: tuple[Loan, ...] = ()
    """Loans that are out for longer than `leak_threshold_s`."""


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """One pool's options; see `ResourcePool` for what each means."""

    connection: ConnectionOptions
    max_size: int = 10
    min_idle: int = 0
    max_idle_s: float | None = 600.0
    max_lifetime_s: float | None = 3600.0
    acquire_timeout_s: float | None = 30.0
    health_check: Callable[..., object] | None = None
    leak_threshold_s: float | None = None
    on_leak: OnLeak | None = None
    close_timeout_s: float | None = 10.0
    name: str = field(default="")

    def __post_init__(self) -> None:
        if self.max_size < 1:
            raise SettingError(WHERE, f"max_size={self.max_size} is not 1 or more")
        if not 0 <= self.min_idle <= self.max_size:
            raise SettingError(WHERE, f"min_idle={self.min_idle} is not between 0 and max_size={self.max_size}")

    @property
    def label(self) -> str:
        """What the pool is called."""
        return self.name or f"pool of {self.connection.label}"
