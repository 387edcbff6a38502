"""How a connection is made and let go of, checked once."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from ..errors import SettingError
from ..words import masked
from .callbacks import Cleanup

C = TypeVar("C")
Made: TypeAlias = Awaitable[C] | AbstractAsyncContextManager[C] | AbstractContextManager[C] | C
"""What a factory may return: a connection, one to be awaited, or a context manager that gives one."""
WHERE = "secure_connection_context"


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """One connection's options; see `secure_connection_context` for what each means."""

    create: Callable[[], object]
    close: Cleanup | None = None
    connect_timeout_s: float | None = 10.0
    close_timeout_s: float | None = 10.0
    retries: int = 0
    retry_on: tuple[type[Exception], ...] = (OSError,)
    backoff_s: float = 0.1
    max_backoff_s: float = 5.0
    health_check: Callable[..., object] | None = None
    in_thread: bool = False
    name: str | None = None
    kind: str = "connections"
    create_plainly: Callable[[], object] | None = None
    """What plain code calls instead of `create`."""

    def __post_init__(self) -> None:
        if not callable(self.create):
            raise SettingError(WHERE, "the first argument makes a connection when it is called, and is none itself")
        if self.retries < 0 or self.backoff_s < 0 or self.max_backoff_s < 0:
            raise SettingError(WHERE, "retries, backoff_s and max_backoff_s are not below 0")

    @property
    def label(self) -> str:
        """What the connection is called, without any password."""
        made_by: str = getattr(self.create, "__qualname__", type(self.create).__qualname__)
        return masked(self.name or made_by.replace(".<locals>", ""))

    def pauses(self) -> Iterator[float | None]:
        """Yield how long to wait before each further try, then None: a random part of a time that doubles (full jitter)."""
        for number in range(self.retries):
            yield random.random() * min(self.max_backoff_s, self.backoff_s * 2**number)
        yield None
