"""What this package raises; data rides in attributes, the message is built from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import Leak


class NoLeaksError(Exception):
    """The base of every error of this package; catch it to catch them all."""


class SettingError(NoLeaksError):
    """A kind, option, marker or format is wrong; met when settings are read, before any test runs."""

    def __init__(self, where: str, what: str, valid: Iterable[str] = ()) -> None:
        self.where = where
        self.what = what
        self.valid = tuple(valid)
        names = f"; valid are: {', '.join(self.valid)}" if self.valid else ""
        super().__init__(f"{where}: {what}{names}")


class LeakError(AssertionError, NoLeaksError):
    """A `no_leaks(...)` block or function ended and left something behind; `leaks` says what."""

    def __init__(self, leaks: Iterable[Leak], text: str) -> None:
        self.leaks = tuple(leaks)
        super().__init__(text)


class LeakWarning(UserWarning):
    """A leak under `action=warn`, or a test that closed what it did not open."""


class FilterWarning(UserWarning):
    """A name filter of the marker can equal no name, so that it would switch detection off."""


class NotWatchable(NoLeaksError, TypeError):
    """`watch` or `assert_collectable` was given what nobody can see die; `what` says why, `where` in which call."""

    def __init__(self, where: str, what: str, advice: str) -> None:
        self.where = where
        self.what = what
        super().__init__(f"{where}: {what}; {advice}")


class ResourceError(NoLeaksError):
    """The base of what `no_leaks.resources` raises."""


class DeadlineExceeded(ResourceError, TimeoutError):
    """Opening, closing or waiting took longer than it may; `what` says which, `limit_s` how long it may take."""

    def __init__(self, what: str, limit_s: float) -> None:
        self.what = what
        self.limit_s = limit_s
        super().__init__(f"{what}: took longer than {round(limit_s, 3):g} s")


class ResourceClosed(ResourceError, ValueError):
    """A file, connection or pool is used after it was closed; `what` names it."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"{what} has been closed: use it inside its `with` block, or open it anew")


class UnsafePath(ResourceError, OSError):
    """A path leads where it must not: out of its root, over a symbolic link, or to what is no regular file."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path!r} {reason}")


class FileTooLarge(ResourceError, OSError):
    """A file is, or would become, larger than `max_bytes`."""

    def __init__(self, path: str, limit_bytes: int) -> None:
        self.path = path
        self.limit_bytes = limit_bytes
        super().__init__(f"{path!r} would hold more than the {limit_bytes} bytes that are allowed (max_bytes)")


class ConnectionUnhealthy(ResourceError, ConnectionError):
    """A connection was made, and its health check said no; it has been closed."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name}: connected, but its health check failed")


class PoolTimeout(DeadlineExceeded):
    """No resource of a pool became free in time; `holders` says who has them, the longest first."""

    def __init__(self, what: str, limit_s: float, holders: Iterable[str]) -> None:
        self.holders = tuple(holders)
        super().__init__(what, limit_s)

    def __str__(self) -> str:
        return "\n  ".join((f"{self.what}: waited for {self.limit_s:g} s; all are on loan:", *self.holders))


class ResourceLimitExceeded(ResourceError):
    """One more resource would be more than the limits allow; `holders` says what is open, the oldest first."""

    def __init__(self, kind: str, limit: str, holders: Iterable[str]) -> None:
        self.kind = kind
        self.limit = limit
        self.holders = tuple(holders)
        super().__init__("\n  ".join((f"{kind}: no more than {limit}; open are, the oldest first:", *self.holders)))
