"""The lowest layer of a file with `max_bytes`: it reads and writes nothing beyond, whatever the layers above buffer."""

from __future__ import annotations

import io
import os
import stat
from typing import TYPE_CHECKING, final

from ..errors import FileTooLarge

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


@final
class LimitedFile(io.FileIO):
    """A raw file that may hold so many bytes; once more were asked for, what is still buffered above is thrown away."""

    def __init__(self, fd: int, mode: str, path: str, max_bytes: int) -> None:
        super().__init__(fd, mode)
        self.path = path
        self.max_bytes = max_bytes
        self.exceeded = False
        self._appends = "a" in mode
        self._has_size = stat.S_ISREG(os.fstat(fd).st_mode)
        self._passed = 0  # a device or FIFO has no position: what went through is counted

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """Read; what lies beyond the limit is an error, not an end."""
        if not self._has_size:
            buffer = memoryview(buffer)[: self._room()]  # a layer above asks for more than its caller
        count = super().readinto(buffer)
        if count:
            self._count(count)
        return count

    def readall(self) -> bytes:
        """Read to the end, and at most one byte more than is allowed."""
        parts: list[bytes] = []
        while part := self.read(min(1 << 20, self._room())):
            parts.append(part)
            self._count(len(part))
        return b"".join(parts)

    def write(self, data: ReadableBuffer) -> int:
        """Write; a file that would grow beyond the limit is not written at all."""
        size = memoryview(data).nbytes
        if self.exceeded:
            return size
        start = os.fstat(self.fileno()).st_size if self._appends and self._has_size else self._position()
        if start + size > self.max_bytes:
            self._refuse()
        written = super().write(data)
        self._passed += written
        return written

    def truncate(self, size: int | None = None) -> int:
        """Change the size; not beyond the limit."""
        if size is not None and size > self.max_bytes:
            self._refuse()
        return super().truncate(size)

    def _position(self) -> int:
        return self.tell() if self._has_size else self._passed

    def _room(self) -> int:
        """Return how much may be asked for; at the limit one byte, which tells whether there is more."""
        return max(self.max_bytes - self._position(), 1)

    def _count(self, count: int) -> None:
        self._passed += count
        if self._position() > self.max_bytes:
            self._refuse()

    def _refuse(self) -> None:
        self.exceeded = True
        raise FileTooLarge(self.path, self.max_bytes)
