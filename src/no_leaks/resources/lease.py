"""A connection that is open, with the one way in which it ends: in time or by force, once, whatever comes meanwhile."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable
from typing import cast, final

from ..errors import DeadlineExceeded
from . import closing
from .alarm import limited
from .callbacks import loosened
from .connection_options import ConnectionOptions
from .entry import GOOD, Entry, Exit
from .shield import finish


@final
class Lease:
    """What a manager tracks for a connection, which itself may be of any kind: a tuple cannot be referred to weakly."""

    def __init__(self, options: ConnectionOptions) -> None:
        self.options = options
        self.connection: object = None
        """The connection itself."""
        self.withdraw: Callable[[], object] | None = None
        self._entry: Entry | None = None
        self._open = False
        self._forks = len(_forks)

    def hold(self, connection: object, entry: Entry | None = None) -> None:
        """Answer for a connection from now on, and for the context manager that gave it."""
        self.connection, self._entry, self._open = connection, entry, True

    def _is_ours(self) -> bool:
        """Whether there is something to close, and here: in a forked child, what the parent opened is the parent's."""
        if self._open and len(_forks) != self._forks:
            self._open = False
        return self._open

    @property
    def is_open(self) -> bool:
        """Whether it still has to be closed."""
        return self._open

    @property
    def is_entered(self) -> bool:
        """Whether a context manager gave the connection: then only the task that entered can leave."""
        return self._entry is not None

    def close(self, leaving: Exit = GOOD) -> None:
        """Close from plain code, by force where it fails or takes too long."""
        if not self._is_ours():
            return
        try:
            with limited(self.options.close_timeout_s, f"closing {self.options.label}"):
                if self._entry is not None:
                    self._entry.leave(leaving)
                    self._end()
                    return
                self._end()
                for thing, call in self._calls():
                    closing.close(thing, call)
        except BaseException:
            self._force()
            raise

    async def aclose(self, leaving: Exit = GOOD) -> None:
        """Close and wait for it; no cancellation breaks it off, the deadline ends it by force."""
        if not self._is_ours():
            return
        if self._entry is not None:
            await self._entry.aleave(leaving)
            self._end()
            return
        self._end()
        rests: list[Awaitable[object]] = []
        errors: list[Exception] = []
        for thing, call in self._calls():
            try:
                rest = closing.start(thing, call)
            except Exception as error:
                errors.append(error)
            else:
                rests += [] if rest is None else [rest]
        if rests:
            await finish(lambda: self._wait(rests))
        if errors:
            self._force()
            raise errors[0]

    def force(self) -> None:
        """End it at once, tracked no longer."""
        if self._is_ours():
            self._end()
            self._force()

    def _force(self) -> None:
        if self._entry is None:
            for thing in parts(self.connection):
                closing.force(thing)

    def _end(self) -> None:
        self._open = False
        if self.withdraw is not None:
            self.withdraw()

    async def _wait(self, rests: list[Awaitable[object]]) -> None:
        import anyio

        limit_s, done = self.options.close_timeout_s, False
        try:
            with anyio.move_on_after(limit_s):
                for rest in rests:
                    await rest
                done = True
            if not done:
                raise DeadlineExceeded(f"closing {self.options.label}", limit_s or 0)
        except BaseException:
            self._force()
            raise

    def _calls(self) -> Iterable[tuple[object, closing.Method | None]]:
        """Return what is to be closed, each with what closes it: the one way that was named, or None for each part's own."""
        close, connection = self.options.close, self.connection
        if close is None:
            return [(part, None) for part in parts(connection)]
        call = loosened(close, connection)
        return [(connection, lambda: call(connection))]


_forks: list[bool] = []
"""As long as this process is forks away from the first; to ask the system for its number takes longer."""
if hasattr(os, "register_at_fork"):  # pragma: no branch - only Windows has none
    os.register_at_fork(after_in_child=lambda: _forks.append(True))


def has_close(thing: object) -> bool:
    """Whether a thing, or a part of it, has a method that closes it."""
    return any(closing.method_of(part, awaiting=True) is not None for part in parts(thing))


def parts(connection: object) -> tuple[object, ...]:
    """Return a pair of reader and writer, or of transport and protocol, as its parts."""
    return cast("tuple[object, ...]", connection) if isinstance(connection, tuple) else (connection,)
