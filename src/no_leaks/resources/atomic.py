"""A file that is replaced as a whole: written beside the old one, made durable, and put in its place by one rename."""

from __future__ import annotations

import os
import secrets
import stat

from .file_options import FileOptions
from .places import FOLDER, Place, close_each

PREFIX = ".no-leaks-"
TRIES = 100


class Replacement:
    """The new content of a file until it is committed or rolled back; it owns its place from `open` on."""

    def __init__(self, place: Place, options: FileOptions) -> None:
        assert place.folder is not None
        self._folder = place.folder
        self._name = place.name
        self._options = options
        self._temporary = ""
        self._lock_fd = -1

    def open(self) -> int:
        """Make the temporary file in the same folder and return its descriptor; it gets the old one's permissions."""
        mode = self._options.permissions
        try:
            old = os.stat(self._name, dir_fd=self._folder, follow_symlinks=False)
        except FileNotFoundError:
            pass
        else:
            if "x" in self._options.mode:
                raise FileExistsError(f"{self._options.path!r} is there already")
            mode = stat.S_IMODE(old.st_mode)
        fd = self._make()
        try:
            os.fchmod(fd, mode)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def lock_fd(self) -> int:
        """Return the descriptor to lock: the folder's, for the file itself is another one after each replacement."""
        self._lock_fd = os.open(os.curdir, FOLDER, dir_fd=self._folder)
        return self._lock_fd

    def commit(self) -> None:
        """Put the new file, which has been written and synced, in the old one's place."""
        if "x" in self._options.mode:
            # A rename would take the place of what has come meanwhile; a link does not.
            os.link(self._temporary, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        else:
            os.rename(self._temporary, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            self._temporary = ""
        os.fsync(self._folder)

    def roll_back(self) -> None:
        """End: remove the temporary file if it is still there, let go of the folder."""
        try:
            if self._temporary:
                os.unlink(self._temporary, dir_fd=self._folder)
        except OSError:
            pass  # somebody has tidied up: it is gone, as it should be
        finally:
            self.let_go()

    def let_go(self) -> None:
        """Close the descriptors only: all that a forked child may do."""
        fds = [fd for fd in (self._folder, self._lock_fd) if fd >= 0]
        self._folder = self._lock_fd = -1
        close_each(fds)

    def _make(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        for _ in range(TRIES):
            name = f"{PREFIX}{secrets.token_hex(8)}.tmp"
            try:
                fd = os.open(name, flags, 0o600, dir_fd=self._folder)
            except FileExistsError:
                continue
            self._temporary = name
            return fd
        raise FileExistsError(f"no free name for a temporary file beside {self._options.path!r}")
