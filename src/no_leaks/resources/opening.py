"""Opens one file step by step: the descriptor first, then what it leads to is checked on it, locked, and only then emptied."""

from __future__ import annotations

import errno
import os
import stat
from typing import NoReturn

from ..errors import FileTooLarge, UnsafePath
from . import places
from .atomic import Replacement
from .file_options import FileOptions
from .locks import Lock
from .places import NOFOLLOW, Place

TRIES = 16
"""So often a file may come and go between two calls before it is taken for an attack."""


class Opening:
    """A file on its way: `begin`, `lock.pauses()` until it is taken, `complete`; `undo` at any time before that."""

    def __init__(self, options: FileOptions) -> None:
        self.options = options
        self.created = False
        self.lock: Lock | None = None
        self.replacement: Replacement | None = None
        self.fd = -1
        self._place: Place | None = None
        self._size = 0
        self._was_there = False

    def begin(self) -> None:
        """Find the place, open the descriptor and check it; whatever fails is undone."""
        try:
            self._place = places.find(self.options)
            self._refuse_special(self._place)
            if self.options.atomic:
                self.replacement = Replacement(self._place, self.options)
                self.fd = self.replacement.open()
            else:
                self.fd = self._open(self._place)
                self._check()
            if self.options.lock:
                self.lock = Lock(self.fd if self.replacement is None else self.replacement.lock_fd(), self.options)
        except BaseException:
            self.undo()
            raise

    def complete(self) -> None:
        """Empty a file that is written anew, now that it is ours."""
        try:
            if self.replacement is None:
                if "w" in self.options.mode and self._size:
                    os.ftruncate(self.fd, 0)
                self._let_go_of_place()
        except BaseException:
            self.undo()
            raise

    def hand_over(self) -> None:
        """Let somebody else close the descriptor."""
        self.fd = -1

    def undo(self) -> None:
        """Leave no descriptor, and no file that this opening made."""
        fd, self.fd = self.fd, -1
        try:
            if fd >= 0:
                if self.created and self._place is not None:
                    _remove(self._place, fd)
                os.close(fd)
        finally:
            if self.replacement is not None:
                self._place = None  # the replacement closes the place that it was given
                self.replacement.roll_back()
            self._let_go_of_place()

    def _let_go_of_place(self) -> None:
        if self._place is not None:
            place, self._place = self._place, None
            place.close()

    def _refuse_special(self, place: Place) -> None:
        """Refuse before it is opened what shows itself: to open a device may do something. The check that counts comes after."""
        if not self.options.regular_only and not self.options.atomic:
            return
        try:
            mode = os.stat(place.name, dir_fd=place.folder, follow_symlinks=self._follows).st_mode
        except FileNotFoundError:
            return
        self._was_there = True
        if stat.S_ISLNK(mode):
            self._refuse("is a symbolic link")
        if not stat.S_ISREG(mode):
            self._refuse("is no regular file")

    @property
    def _follows(self) -> bool:
        """Whether the system may follow a link; below a root, links have been followed on the way."""
        return self.options.follow_symlinks and self.options.root is None

    def _open(self, place: Place) -> int:
        waits = 0 if not self.options.regular_only else os.O_NONBLOCK  # a FIFO must not hold us up before it is refused
        flags = self.options.flags | waits | (0 if self._follows else NOFOLLOW)
        for _ in range(TRIES):
            try:
                return self._open_once(place, flags)
            except FileNotFoundError:
                if not self.options.creates or self._place_is_gone(place):
                    raise
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.EMLINK):
                    self._refuse("is a symbolic link")
                raise
        return self._refuse("came and went while it was opened, or is a link that leads nowhere")

    def _open_once(self, place: Place, flags: int) -> int:
        if self._was_there and "x" not in self.options.mode:
            self._was_there = False  # if it has gone since, the next try makes it
        elif self.options.creates:
            try:
                fd = os.open(place.name, flags | os.O_CREAT | os.O_EXCL, self.options.permissions, dir_fd=place.folder)
            except FileExistsError:
                if "x" in self.options.mode:
                    raise
            else:
                self.created = True
                return fd
        return os.open(place.name, flags, dir_fd=place.folder)

    def _place_is_gone(self, place: Place) -> bool:
        """Whether it is the folder that is missing: to try again would not help."""
        folder = os.path.dirname(place.name) or os.curdir
        return not os.path.isdir(folder if place.folder is None else place.folder)

    def _check(self) -> None:
        seen = os.fstat(self.fd)
        if self.options.regular_only and not stat.S_ISREG(seen.st_mode):
            self._refuse("is no regular file")
        if self.created and stat.S_IMODE(seen.st_mode) != self.options.permissions:
            os.fchmod(self.fd, self.options.permissions)  # what the umask took away
        self._size = seen.st_size if stat.S_ISREG(seen.st_mode) else 0
        limit = self.options.max_bytes
        if limit is not None and self._size > limit and "r" in self.options.mode:
            raise FileTooLarge(self.options.path, limit)

    def _refuse(self, reason: str) -> NoReturn:
        raise UnsafePath(self.options.path, reason)


def _remove(place: Place, fd: int) -> None:
    """Remove a file that was just made, if it is still the one at its place."""
    try:
        made, there = os.fstat(fd), os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)
        if (made.st_dev, made.st_ino) == (there.st_dev, there.st_ino):
            os.unlink(place.name, dir_fd=place.folder)
    except OSError:
        pass  # somebody else has moved or removed it: it is not ours any more
