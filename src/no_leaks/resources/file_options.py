"""How a file is to be opened, checked once: the mode in its parts, and what is asked for beside it."""

from __future__ import annotations

import codecs
import functools
import os
from dataclasses import dataclass

from ..errors import SettingError

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]
WHERE = "secure_file_context"


@dataclass(frozen=True, slots=True)
class FileOptions:
    """One file's options; see `secure_file_context` for what each means."""

    path: str
    mode: str
    root: str | None = None
    permissions: int = 0o600
    atomic: bool = False
    create_parents: bool = False
    follow_symlinks: bool = False
    regular_only: bool = True
    max_bytes: int | None = None
    lock: bool = False
    lock_timeout_s: float = 10.0
    close_timeout_s: float | None = 10.0
    encoding: str | None = None
    errors: str | None = None
    newline: str | None = None

    def __post_init__(self) -> None:
        if not _is_mode(self.mode):
            raise SettingError(WHERE, f"mode {self.mode!r} is unknown", ("r", "w", "a", "x", "and +, b, t"))
        if self.atomic and self.mode.strip("+bt") not in ("w", "x"):
            raise SettingError(WHERE, f"atomic=True writes a file anew, so mode {self.mode!r} does not fit", ("w", "x"))
        if self.is_binary and (self.encoding or self.errors or self.newline):
            raise SettingError(WHERE, "a binary file has no encoding, errors or newline")
        if isinstance(self.permissions, bool) or not 0 <= self.permissions <= 0o777:
            raise SettingError(WHERE, f"permissions={self.permissions!r} is not between 0 and 0o777")
        if self.max_bytes is not None and self.max_bytes < 0:
            raise SettingError(WHERE, f"max_bytes={self.max_bytes} is below 0")
        if self.newline not in (None, "", "\n", "\r", "\r\n"):
            raise SettingError(WHERE, f"newline={self.newline!r} ends no line")
        codecs.lookup(self.encoding or "utf-8")
        codecs.lookup_error(self.errors or "strict")
        if "\0" in self.path:
            raise SettingError(WHERE, f"the path {self.path!r} has a null character in it")

    @property
    def is_binary(self) -> bool:
        """Whether bytes are read and written."""
        return "b" in self.mode

    @property
    def reads(self) -> bool:
        """Whether it can be read."""
        return "r" in self.mode or "+" in self.mode

    @property
    def writes(self) -> bool:
        """Whether it can be written."""
        return self.mode.strip("bt") != "r"

    @property
    def creates(self) -> bool:
        """Whether a file that is not there is made."""
        return "r" not in self.mode

    @property
    def flags(self) -> int:
        """What `os.open` is told, but for making the file; nothing waits, nothing is inherited or becomes our terminal."""
        access = os.O_RDWR if "+" in self.mode else os.O_RDONLY if "r" in self.mode else os.O_WRONLY
        return access | (os.O_APPEND if "a" in self.mode else 0) | os.O_CLOEXEC | os.O_NOCTTY


def text_of(path: Path) -> str:
    """Return a path as text."""
    return os.fsdecode(path)


@functools.cache
def _is_mode(mode: str) -> bool:
    letters = sorted(mode)
    if len(set(letters)) != len(letters) or set(letters) - set("rwax+bt"):
        return False
    return len(set(letters) & set("rwax")) == 1 and not {"b", "t"} <= set(letters)
