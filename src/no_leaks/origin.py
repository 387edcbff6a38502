"""Where a thing was made: raw stacks taken in a microsecond, and the frames they become once a report needs them."""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Callable
from types import CodeType, FrameType

from . import env, speedups
from .model import Frame, Places, RawStack

DEPTH = 16
"""Frames kept for each creation: deep enough to get through an async library to the test that called it."""


frame_up: Callable[[int], FrameType] = sys._getframe  # pyright: ignore[reportPrivateUsage]  # inspect takes 10 us
"""Return the frame so many calls above the caller."""
stops: dict[str, CodeType] = {}
"""The code in which a runner calls the program, by name (a code object is hashed over all its content, each time): what is
below is never shown, so it is not walked either."""
_root = ""


def set_root(folder: str) -> None:
    """Set the folder that paths are shown relative to: the session's root folder; "" for none."""
    global _root
    _root = folder


def root() -> str:
    """Return the folder that paths are shown relative to."""
    return _root


def walk(frame: FrameType | None, depth: int, stops: dict[str, CodeType]) -> RawStack:
    """Walk in Python; to ask a frame for its code is audited, each time."""
    pairs: list[tuple[CodeType, int]] = []
    while frame is not None and depth:
        code = frame.f_code
        if stops.get(code.co_name) is code:
            break
        pairs.append((code, frame.f_lasti))
        frame = frame.f_back
        depth -= 1
    return tuple(pairs)


_compiled = speedups.load()[0]
_walk: Callable[[FrameType | None, int, dict[str, CodeType]], RawStack] = walk if _compiled is None else _compiled.walk


def capture(frame: FrameType | None, depth: int = DEPTH, stops: dict[str, CodeType] = stops) -> RawStack:
    """Return `(code, lasti)` pairs from `frame` outwards, up to the runner; formats nothing and holds no frame."""
    return _walk(frame, depth, stops)


def capture_here(skip: int = 1) -> RawStack:
    """Return the raw stack of the caller, `skip` frames up."""
    return capture(frame_up(skip + 1))


def places_above(frame: FrameType | None, file: str, line: int, function: str) -> Places:
    """Return `(file, line, function)` of what called a function that is still at work in or above a frame, innermost first."""
    while frame is not None and (frame.f_code.co_filename, frame.f_code.co_name) != (file, function):
        frame = frame.f_back
    above = capture(frame.f_back) if frame is not None else ()
    return tuple((code.co_filename, line_of(code, lasti), code.co_name) for code, lasti in above)


def line_of(code: CodeType, lasti: int) -> int:
    """Return the source line of a bytecode offset, or the first line of the code where it has none."""
    for start, end, line in code.co_lines():
        if start <= lasti < end and line is not None:
            return line
    return code.co_firstlineno


def frames_of(stack: RawStack, root: str | None = None) -> tuple[Frame, ...]:
    """Format a raw stack, innermost first, without this package's own frames and the test runner's below the test."""
    frames: list[Frame] = []
    for code, lasti in stack:
        if is_runner(code.co_filename):
            break
        if not code.co_filename.startswith(env.HERE):
            frames.append(frame_of(code, line_of(code, lasti), root))
    return tuple(frames)


def frames_at(places: Places, root: str | None = None) -> tuple[Frame, ...]:
    """Format `(file, line, function)` triples, innermost first, as `frames_of` does raw stacks."""
    base = _root if root is None else root
    frames: list[Frame] = []
    for file, line, function in places:
        if is_runner(file):
            break
        if not file.startswith(env.HERE):
            frames.append(Frame(relative(file, base), line, function, is_app(file, base)))
    return tuple(frames)


def frames_now(frame: FrameType | None, root: str | None = None, depth: int = DEPTH) -> tuple[Frame, ...]:
    """Format where a running frame stands, innermost first."""
    return frames_of(capture(frame, depth), root)


def frame_of(code: CodeType, line: int, root: str | None = None) -> Frame:
    """Format one code object at one line; `root` defaults to the session's."""
    base = _root if root is None else root
    name: str = getattr(code, "co_qualname", code.co_name)  # co_qualname: from 3.11
    file = code.co_filename
    return Frame(relative(file, base), line, name.replace(".<locals>", ""), is_app(file, base))


def is_runner(file: str) -> bool:
    """Whether a file is the test runner's: what called the test is of no use to its reader."""
    return f"{os.sep}_pytest{os.sep}" in file or f"{os.sep}pluggy{os.sep}" in file


def is_app(file: str, root: str) -> bool:
    """Whether a file is the user's own: no library, no frozen or generated code, and below the root folder if one is known."""
    if file.startswith(("<", env.HERE)) or any(part in file for part in env.LIBRARY):
        return False
    if root and os.path.abspath(file).startswith(root.rstrip(os.sep) + os.sep):
        return True
    return not root and not file.startswith(env.STDLIB)


def relative(file: str, root: str) -> str:
    """Shorten a path: relative to the root folder, or from the package on for a library; always with "/"."""
    for part in env.LIBRARY:
        if part in file:
            return file.rpartition(part)[2].replace(os.sep, "/")
    path = os.path.abspath(file) if not file.startswith("<") else file
    base = root.rstrip(os.sep) + os.sep
    if root and path.startswith(base):
        path = path[len(base) :]
    else:
        for stdlib in env.STDLIB:
            path = path.removeprefix(stdlib)
    return path.replace(os.sep, "/")


def source_line(frame: Frame, root: str) -> str:
    """Return the stripped source line of a frame, or "" where it cannot be read."""
    for path in (os.path.join(root, frame.file), frame.file):
        text = linecache.getline(path, frame.line).strip()
        if text:
            return text
    return ""
