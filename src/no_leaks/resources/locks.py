"""An exclusive lock on an open descriptor, by portalocker: other processes that ask for one wait; it ends with the descriptor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import DeadlineExceeded, ResourceError
from .file_options import FileOptions

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.001, 0.1


@dataclass(frozen=True, slots=True)
class _Descriptor:
    """What portalocker takes in every version: something with a `fileno`."""

    fd: int

    def fileno(self) -> int:
        return self.fd


class Lock:
    """Asked for again and again, since to wait in the system's call could be neither cancelled nor timed."""

    def __init__(self, fd: int, options: FileOptions) -> None:
        try:
            import portalocker
        except ImportError as error:
            raise ResourceError("lock=True needs portalocker: pip install 'pytest-no-leaks[locks]'") from error
        self._library = portalocker
        self._descriptor = _Descriptor(fd)
        self._options = options

    def pauses(self) -> Iterator[float]:
        """Yield how long to wait after each try; end once it is taken, raise `DeadlineExceeded` once that took too long."""
        pause_s, waited_s, limit_s = FIRST_PAUSE_S, 0.0, self._options.lock_timeout_s
        while not self._is_taken():
            if waited_s >= limit_s:
                raise DeadlineExceeded(f"waiting for the lock of {self._options.path!r}", limit_s)
            pause_s = min(pause_s, limit_s - waited_s)
            yield pause_s
            waited_s, pause_s = waited_s + pause_s, min(pause_s * 2, LONGEST_PAUSE_S)

    def _is_taken(self) -> bool:
        flags = self._library.LockFlags.EXCLUSIVE | self._library.LockFlags.NON_BLOCKING
        try:
            self._library.lock(self._descriptor, flags)
        except self._library.exceptions.AlreadyLocked:
            return False
        return True
