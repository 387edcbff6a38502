"""Where reports go: FORMAT:PATH is checked, and the path proven to be writable, before any test runs."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import TypeAlias

from ..config import FORMATS, LATER_FORMATS
from ..errors import SettingError
from ..values import did_you_mean

Target: TypeAlias = tuple[str, Path]


def read_target(text: str, where: str, folder: Path) -> Target:
    """Return format and absolute path of "json:leaks.json"; a relative path starts at `folder`."""
    format_name, colon, written = text.partition(":")
    if not colon:
        raise SettingError(where, f"{text!r} is not FORMAT:PATH, as in 'json:leaks.json'; formats", FORMATS)
    if format_name in LATER_FORMATS:
        raise SettingError(where, f"{format_name!r} comes with a later version", FORMATS)
    if format_name not in FORMATS:
        raise SettingError(where, f"{format_name!r} is not a format{did_you_mean(format_name, FORMATS)}", FORMATS)
    if written in ("", "-"):
        raise SettingError(where, f"{text!r} names no file; write {format_name}:PATH")
    path = folder / written
    obstacle = _obstacle(path)
    if obstacle:
        raise SettingError(where, f"cannot write {written!r}: {obstacle}")
    return format_name, path


def _obstacle(path: Path) -> str:
    """Say why a file cannot be written, or "". The file itself is left untouched: a worker may be writing it."""
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            return "it is a folder"
        return "" if os.access(path, os.W_OK) else "permission denied"
    except FileNotFoundError:
        return _folder_obstacle(path.parent)
    except (OSError, ValueError) as error:
        return _reason(error)


def _folder_obstacle(folder: Path) -> str:
    if not folder.is_dir():
        return f"the folder {str(folder)!r} does not exist"
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return f"no file can be made in {str(folder)!r}: {_reason(error)}"


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
