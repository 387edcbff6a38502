"""The lowest layer of a file with `max_bytes`: it reads and writes nothing beyond, whatever the layers above buffer."""

from __future__ import annotations

import io
import os
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

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """Read; what lies beyond the limit is an error, not an end."""
        count = super().readinto(buffer)
        if count and self.tell() > self.max_bytes:
            self._refuse()
        return count

    def readall(self) -> bytes:
        """Read to the end, and at most one byte more than is allowed."""
        parts: list[bytes] = []
        while part := self.read(min(1 << 20, self.max_bytes + 1 - self.tell())):
            parts.append(part)
            if self.tell() > self.max_bytes:
                self._refuse()
        return b"".join(parts)

    def write(self, data: ReadableBuffer) -> int:
        """Write; a file that would grow beyond the limit is not written at all."""
        size = memoryview(data).nbytes
        if self.exceeded:
            return size
        start = os.fstat(self.fileno()).st_size if self._appends else self.tell()
        if start + size > self.max_bytes:
            self._refuse()
        return super().write(data)

    def truncate(self, size: int | None = None) -> int:
        """Change the size; not beyond the limit."""
        if size is not None and size > self.max_bytes:
            self._refuse()
        return super().truncate(size)

    def _refuse(self) -> None:
        self.exceeded = True
        raise FileTooLarge(self.path, self.max_bytes)
