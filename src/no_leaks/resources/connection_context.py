"""`secure_connection_context`: one object under `with` and `async with`, that connects, tracks, and closes whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Generic, TypeVar, cast, final

from . import connecting
from .callbacks import Cleanup
from .connection_options import WHERE, ConnectionOptions, Made
from .gate import Ticket, give_back
from .groups import tell_beside
from .keywords import refuse_unknown
from .lease import Lease
from .manager import ResourceManager
from .process import get_resource_manager

if TYPE_CHECKING:
    from typing_extensions import TypedDict, Unpack

    class ConnectionKeywords(TypedDict, total=False):
        """What may be asked for beside the factory."""

        close: Cleanup | None
        connect_timeout_s: float | None
        close_timeout_s: float | None
        retries: int
        retry_on: tuple[type[Exception], ...]
        backoff_s: float
        max_backoff_s: float
        name: str | None
        kind: str


C = TypeVar("C")
A = TypeVar("A")
S = TypeVar("S")


def secure_connection_context(
    create_connection: Callable[[], Made[C]],
    *,
    health_check: Callable[[C], object] | None = None,
    in_thread: bool = False,
    manager: ResourceManager | None = None,
    **options: Unpack[ConnectionKeywords],
) -> AsyncConnectionContext[C, C]:
    """Connect for the length of a block, sync or async, and close whatever ends the block.

    `create_connection()` returns a connection, something to await for one, or a context manager that gives one; with
    `in_thread` it is called in a worker thread. `close` names what closes it (a method's name or a function); without it
    the connection's own `aclose`, `close` (and `wait_closed`), `disconnect` or `stop` is found, also in a pair of reader
    and writer. `connect_timeout_s`, `close_timeout_s` (10): what takes longer fails with `DeadlineExceeded`, and is ended
    by force. `retries` (0) after an error of `retry_on` (OSError), each after a random part of a time that doubles from
    `backoff_s` to `max_backoff_s`. `health_check(connection)` says False, or raises, for one that is of no use.
    `name` is what reports call it, passwords masked; `kind` its count in the metrics; `manager` tracks it, by default the
    process's.
    """
    refuse_unknown(WHERE, ConnectionOptions, options, "create", "create_plainly")
    return AsyncConnectionContext(
        ConnectionOptions(create_connection, health_check=health_check, in_thread=in_thread, **options), manager
    )


@final
class AsyncConnectionContext(Generic[A, S]):
    """One connection: for one block. It may be of another type under `async with` (A) than under `with` (S)."""

    def __init__(self, options: ConnectionOptions, manager: ResourceManager | None = None) -> None:
        self.options = options
        self._manager = manager
        self._entered = False
        self._lease: Lease | None = None

    def __enter__(self) -> S:
        manager = self._enter()
        ticket = manager.reserve(self.options.kind)
        try:
            lease = connecting.connect(self.options)
        except BaseException:
            give_back(ticket)
            raise
        return cast(S, self._adopt(lease, manager, ticket))

    def __exit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._lease is not None
        try:
            self._lease.close((cls, error, trace))
        except Exception as failed:
            _tell(error, failed)

    async def __aenter__(self) -> A:
        manager = self._enter()
        ticket = await manager.areserve(self.options.kind)
        try:
            lease = await connecting.aconnect(self.options)
        except BaseException:
            give_back(ticket)
            raise
        return cast(A, self._adopt(lease, manager, ticket))

    async def __aexit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._lease is not None
        try:
            await self._lease.aclose((cls, error, trace))
        except Exception as failed:
            _tell(error, failed)

    def _enter(self) -> ResourceManager:
        if self._entered:
            raise RuntimeError(f"this context of {self.options.label} has been used: make a new one")
        self._entered = True
        return self._manager or get_resource_manager()

    def _adopt(self, lease: Lease, manager: ResourceManager, ticket: Ticket | None) -> object:
        options = self.options
        try:
            lease.withdraw = manager.register(lease, kind=options.kind, name=options.label, ticket=ticket).unregister
        except BaseException:
            lease.force()
            give_back(ticket)
            raise
        self._lease = lease
        return lease.connection


def _tell(first: BaseException | None, failed: Exception) -> None:
    """Raise what closing ran into; beside an error of the body, as a note on that."""
    if first is None or first is failed:  # a context manager that is left with an error raises that one again
        raise failed
    tell_beside(first, [failed])
