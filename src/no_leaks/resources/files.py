"""An open file that keeps its promises: bounded, private, whole or not at all, closed once; the plain half of both faces."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import IO, AnyStr, Generic, cast

from ..errors import FileTooLarge, ResourceClosed
from .file_options import FileOptions
from .limited import LimitedFile
from .opening import Opening


class SecureFile(Generic[AnyStr]):
    """What `with secure_file_context(...)` gives: the methods of a file of Python, sync."""

    def __init__(self, opening: Opening) -> None:
        self._closed = True
        self.options = opening.options
        self._replacement = opening.replacement
        self._pid = os.getpid()
        self._closing = threading.RLock()
        self._withdraw: Callable[[], object] | None = None
        try:
            self._raw = _raw(opening)
            opening.hand_over()
            self._file: IO[AnyStr] = cast("IO[AnyStr]", self._layered())
        except BaseException:
            opening.undo()
            raise
        self._closed = False

    def __repr__(self) -> str:
        return f"<{'closed' if self._closed else 'open'} secure file {self.options.path!r}, mode {self.options.mode!r}>"

    @property
    def name(self) -> str:
        """The path that it was opened by."""
        return self.options.path

    @property
    def mode(self) -> str:
        """The mode that it was opened in."""
        return self.options.mode

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self._closed

    def fileno(self) -> int:
        """Return its descriptor."""
        return self.opened.fileno()

    @property
    def opened(self) -> IO[AnyStr]:
        """The file of Python below; raises `ResourceClosed` once it is closed."""
        if self._closed:
            raise ResourceClosed(f"file {self.options.path!r}")
        return self._file

    def read(self, size: int = -1, /) -> AnyStr:
        """Read so much, or to the end."""
        return self.opened.read(size)

    def readline(self, size: int = -1, /) -> AnyStr:
        """Read one line, or so much of it; "" at the end."""
        return self.opened.readline(size)

    def readlines(self) -> list[AnyStr]:
        """Read all lines."""
        return self.opened.readlines()

    def __iter__(self) -> Iterator[AnyStr]:
        return self

    def __next__(self) -> AnyStr:
        return next(self.opened)

    def write(self, data: AnyStr, /) -> int:
        """Write; with `max_bytes` at once, so that the line that is too much is the one that fails."""
        file = self.opened
        count = file.write(data)
        if self.options.max_bytes is not None:
            file.flush()
        return count

    def writelines(self, lines: Iterable[AnyStr], /) -> None:
        """Write one after the other."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Hand over to the system what is buffered."""
        self.opened.flush()

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a position."""
        return self.opened.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self.opened.tell()

    def truncate(self, size: int | None = None, /) -> int:
        """Cut off, at the position or at a size."""
        return self.opened.truncate(size)

    def close(self) -> None:
        """Close; a second time is harmless. An atomic file that is closed outside its context's good end is thrown away."""
        self.end(commit=False)

    def end(self, *, commit: bool) -> None:
        """Close, and put an atomic file in place if the block ended well; whatever fails, nothing stays open or beside it."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            if self._withdraw is not None:
                self._withdraw()
            if os.getpid() != self._pid:
                self._disown()
                return
            try:
                self._write_out(commit=commit)
            finally:
                if self._replacement is not None:
                    self._replacement.roll_back()

    def on_close(self, withdraw: Callable[[], object]) -> None:
        """Have someone told as soon as it is closed: the manager that tracks it."""
        self._withdraw = withdraw

    def _layered(self) -> io.IOBase:
        try:
            return _layers(self._raw, self.options)
        except BaseException:
            self._raw.close()
            raise

    def _write_out(self, *, commit: bool) -> None:
        replacement, exceeded = self._replacement, isinstance(self._raw, LimitedFile) and self._raw.exceeded
        with self._file:  # closes whatever happens
            if replacement is None:
                return
            if not commit:
                self._raw.close()  # what is buffered is not wanted any more
                return
            if exceeded:
                raise FileTooLarge(self.options.path, self.options.max_bytes or 0)
            self._file.flush()
            os.fsync(self._raw.fileno())
        replacement.commit()

    def _disown(self) -> None:
        """In a forked child: what is buffered is the parent's to write, and the temporary file the parent's to rename."""
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, self._raw.fileno(), inheritable=False)
        os.close(null)
        self._file.close()
        if self._replacement is not None:
            self._replacement.let_go()

    def __del__(self) -> None:
        # Python's own file says in a ResourceWarning that it was not closed; of the temporary file it knows nothing.
        if not getattr(self, "_closed", True) and self._replacement is not None and os.getpid() == self._pid:
            self._replacement.roll_back()


def open_file(options: FileOptions) -> SecureFile[AnyStr]:
    """Open a file from plain code, and wait for its lock where one is asked for."""
    opening = Opening(options)
    opening.begin()
    try:
        if opening.lock is not None:
            for pause_s in opening.lock.pauses():
                time.sleep(pause_s)
    except BaseException:
        opening.undo()
        raise
    return complete(opening)


def complete(opening: Opening) -> SecureFile[AnyStr]:
    """Make the file of an opening that has its lock."""
    opening.complete()
    return SecureFile(opening)


def _raw(opening: Opening) -> io.FileIO:
    options = opening.options
    letters = options.mode.translate({ord("b"): None, ord("t"): None})
    mode = letters.replace("x", "w")  # FileIO opens nothing here; to it "x" would be a file that is not there yet
    if options.max_bytes is not None:
        return LimitedFile(opening.fd, mode, options.path, options.max_bytes)
    return io.FileIO(opening.fd, mode)


def _layers(raw: io.FileIO, options: FileOptions) -> io.IOBase:
    buffered: io.BufferedReader | io.BufferedWriter | io.BufferedRandom
    if options.reads and options.writes:
        buffered = io.BufferedRandom(raw)
    elif options.writes:
        buffered = io.BufferedWriter(raw)
    else:
        buffered = io.BufferedReader(raw)
    if options.is_binary:
        return buffered
    return io.TextIOWrapper(buffered, options.encoding or "utf-8", options.errors, options.newline)
