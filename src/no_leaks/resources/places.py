"""Where a file is: its folder as an open descriptor and its name in it, so that nobody can swap what lies between."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from ..errors import UnsafePath
from .file_options import FileOptions

MOST_LINKS = 40
"""So many symbolic links on one way are followed, as the kernel does."""
FOLDER = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_DIRECTORY", 0)
NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True, slots=True)
class Place:
    """`folder` is a descriptor, or None where the name is a path that the system may resolve."""

    folder: int | None
    name: str

    def close(self) -> None:
        """Let go of the folder."""
        if self.folder is not None:
            os.close(self.folder)


def find(options: FileOptions) -> Place:
    """Return the place of a file; raises `UnsafePath` for a way that leaves the root."""
    if options.root is not None:
        return _Walk(options, options.root).to_place()
    path = options.path
    if options.follow_symlinks and options.atomic:
        path = os.path.realpath(path)  # what is renamed over is the file, not the link
    folder, name = os.path.split(path)
    if options.create_parents and folder:
        _make_folders(folder, _folder_mode(options.permissions))
    if not options.atomic:
        return Place(None, path)
    return Place(os.open(folder or os.curdir, FOLDER), name)


def _make_folders(path: str, mode: int) -> None:
    """Make what is missing of a way, each part with these permissions: `os.makedirs` opens all but the last to everybody."""
    missing: list[str] = []
    while path and not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        try:
            os.mkdir(folder, mode)
        except FileExistsError:
            if not os.path.isdir(folder):  # else somebody was faster
                raise


def _folder_mode(permissions: int) -> int:
    """Return permissions for a folder: who may read or write what is in it may enter it."""
    return permissions | 0o300 | (permissions & 0o044) >> 2


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def close_each(fds: list[int]) -> None:
    """Close descriptors and empty the list; whatever one of them raises, the others are closed."""
    try:
        while fds:
            os.close(fds.pop())
    finally:
        if fds:
            close_each(fds)


class _Walk:
    """A walk from the root to a file, one folder at a time, each opened below the one before: no path is resolved as a whole."""

    def __init__(self, options: FileOptions, root: str) -> None:
        self.options = options
        self.root = root
        self.links = 0
        self.folders: list[int] = []
        self.todo = self._inside(options.path)
        if not self.todo or ".." in self.todo:
            self._refuse("names no file" if not self.todo else "goes up by '..'")

    def to_place(self) -> Place:
        """Walk; the descriptors of all folders but the last are closed again."""
        self.folders.append(os.open(self.root, FOLDER))
        try:
            while len(self.todo) > 1 or self._is_link(self.todo[0]):
                self._step(self.todo.pop(0))
                if not self.todo:
                    self._refuse("leads over a link to a folder")
            place = Place(self.folders.pop(), self.todo[0])
        except BaseException:
            close_each(self.folders)
            raise
        try:
            close_each(self.folders)
        except BaseException:
            place.close()
            raise
        return place

    def _step(self, name: str) -> None:
        """Go down into a folder, up out of one, or on to where a link leads."""
        if name == "..":
            if len(self.folders) == 1:
                self._refuse("leads out of its root")
            os.close(self.folders.pop())
            return
        target = self._target(name)
        if target is None:
            self.folders.append(self._enter(name))
            return
        self.links += 1
        if not self.options.follow_symlinks or self.links > MOST_LINKS:
            self._refuse(f"leads over a symbolic link, {name!r}")
        if target.startswith("/"):
            self.todo[:0] = self._inside(target)
            above, self.folders = self.folders[1:], self.folders[:1]
            close_each(above)
        else:
            self.todo[:0] = _parts(target)

    def _enter(self, name: str) -> int:
        """Open one folder, made first if that is asked for; a link that was put there meanwhile is not followed."""
        try:
            return os.open(name, FOLDER | NOFOLLOW, dir_fd=self.folders[-1])
        except FileNotFoundError:
            if not self.options.create_parents:
                raise
        try:
            os.mkdir(name, _folder_mode(self.options.permissions), dir_fd=self.folders[-1])
        except FileExistsError:
            pass  # somebody was faster
        return os.open(name, FOLDER | NOFOLLOW, dir_fd=self.folders[-1])

    def _is_link(self, name: str) -> bool:
        """Whether the last step is a link that is to be followed, or a way up that a link has brought."""
        return name == ".." or (self.options.follow_symlinks and self._target(name) is not None)

    def _target(self, name: str) -> str | None:
        """Return where a link leads, None where it is none."""
        try:
            return os.readlink(name, dir_fd=self.folders[-1])
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOENT):
                return None
            raise

    def _inside(self, path: str) -> list[str]:
        """Return the parts of a path below the root; an absolute one has to lie there."""
        if not path.startswith("/"):
            return _parts(path)
        for root in (os.path.abspath(self.root), os.path.realpath(self.root)):
            below = path.removeprefix(root.rstrip("/") + "/")
            if below != path:
                return _parts(below)
        return self._refuse(f"is not below its root, {self.root!r}")

    def _refuse(self, reason: str) -> list[str]:
        raise UnsafePath(self.options.path, reason)
