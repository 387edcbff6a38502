"""The async face of an open file: the same methods, each awaited, the work of each in a worker thread."""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable, Iterable
from typing import Any, AnyStr, Generic, TypeVar, cast, final

from . import hops
from .files import SecureFile

T = TypeVar("T")

BATCH = 1 << 16
"""Iteration fetches lines of about so many characters at a time: a thread for each line would take longer than the line."""

WIDEST = 8
"""More bytes than any encoding needs for a character, a line's end or a byte order mark included."""


@final
class AsyncSecureFile(Generic[AnyStr]):
    """What `async with secure_file_context(...)` gives. `wrapped` is the sync file below."""

    def __init__(self, file: SecureFile[AnyStr]) -> None:
        self.wrapped: SecureFile[AnyStr] = file
        self._ahead: list[AnyStr] = []
        self._buffers = not file.options.reads and file.options.max_bytes is None
        self._buffered = 0

    def __repr__(self) -> str:
        return repr(self.wrapped)

    @property
    def name(self) -> str:
        """The path that it was opened by."""
        return self.wrapped.name

    @property
    def mode(self) -> str:
        """The mode that it was opened in."""
        return self.wrapped.mode

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self.wrapped.closed

    def fileno(self) -> int:
        """Return its descriptor."""
        return self.wrapped.fileno()

    async def read(self, size: int = -1, /) -> AnyStr:
        """Read so much, or to the end."""
        if not self._ahead:
            return await hops.hop(functools.partial(self.wrapped.read, size))
        fetched = self._fetched(size)
        if len(fetched) == size:
            return fetched
        return fetched + await hops.hop(functools.partial(self.wrapped.read, size if size < 0 else size - len(fetched)))

    async def readline(self, size: int = -1, /) -> AnyStr:
        """Read one line, or so much of it; "" at the end."""
        if not self._ahead:
            return await hops.hop(functools.partial(self.wrapped.readline, size))
        line = self._ahead.pop()
        if 0 <= size < len(line):
            self._ahead.append(line[size:])
            return line[:size]
        return line

    async def readlines(self) -> list[AnyStr]:
        """Read all lines."""
        rest = await hops.hop(self.wrapped.readlines)
        fetched, self._ahead = self._ahead[::-1], []
        return fetched + rest

    def __aiter__(self) -> AsyncSecureFile[AnyStr]:
        return self

    async def __anext__(self) -> AnyStr:
        if not self._ahead:
            self._ahead = await hops.hop(functools.partial(self.wrapped.opened.readlines, BATCH))
            self._ahead.reverse()
        if not self._ahead:
            raise StopAsyncIteration
        return self._ahead.pop()

    async def write(self, data: AnyStr, /) -> int:
        """Write; with `max_bytes` at once, so that the line that is too much is the one that fails.

        What the buffer of a file that is only written can take is put there at once: no system call, no thread.
        """
        self._buffered += len(data) * WIDEST
        if self._buffers and self._buffered < io.DEFAULT_BUFFER_SIZE:
            return self.wrapped.write(data)
        self._buffered = 0
        return await self._hop(functools.partial(self._write_through, data))

    async def writelines(self, lines: Iterable[AnyStr], /) -> None:
        """Write one after the other."""
        await self._hop(functools.partial(self.wrapped.writelines, lines))

    async def flush(self) -> None:
        """Hand over to the system what is buffered."""
        await hops.hop(self.wrapped.flush)

    async def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a position."""
        return await self._hop(functools.partial(self.wrapped.seek, offset, whence))

    async def tell(self) -> int:
        """Return the position; as for a file of Python, there is none of a text that is being iterated."""
        if self.wrapped.options.is_binary:
            return await self._hop(self.wrapped.tell)
        return await hops.hop(self.wrapped.tell)

    async def truncate(self, size: int | None = None, /) -> int:
        """Cut off, at the position or at a size."""
        return await self._hop(functools.partial(self.wrapped.truncate, size))

    def _fetched(self, size: int) -> AnyStr:
        """Take so much of the lines that were fetched ahead, or all."""
        taken, wanted = list[AnyStr](), size
        while self._ahead and (size < 0 or wanted > 0):
            taken.append(self._ahead.pop())
            wanted -= len(taken[-1])
        text = cast(AnyStr, (b"" if self.wrapped.options.is_binary else "").join(cast("Any", taken)))
        if 0 <= size < len(text):
            self._ahead.append(text[size:])
            return text[:size]
        return text

    async def _hop(self, work: Callable[[], T]) -> T:
        """Do in a thread what counts from where the caller is, before the lines that were only fetched."""
        return await hops.hop(functools.partial(self._from_here, work) if self._ahead else work)

    def _from_here(self, work: Callable[[], T]) -> T:
        back = sum(map(len, self._ahead))
        self._ahead.clear()
        if self.wrapped.options.is_binary:
            self.wrapped.seek(-back, os.SEEK_CUR)
        return work()

    def _write_through(self, data: AnyStr) -> int:
        """Write, and leave the buffer empty for what comes next."""
        count = self.wrapped.write(data)
        self.wrapped.flush()
        return count

    async def aclose(self) -> None:
        """Close; a second time is harmless. An atomic file that is closed outside its context's good end is thrown away."""
        await self.aend(commit=False)

    async def close(self) -> None:
        """Close, as `aclose`."""
        await self.aclose()

    async def aend(self, *, commit: bool) -> None:
        """Close in a worker thread, whatever cancels the caller, within the file's deadline.

        A file that was only read has nothing to write out: to close it takes no time, and no thread.
        """
        file = self.wrapped
        if not file.options.writes:
            file.end(commit=commit)
        elif not file.closed:
            work = functools.partial(file.end, commit=commit)
            await hops.surely(work, file.options.close_timeout_s, f"closing file {file.name!r}")
