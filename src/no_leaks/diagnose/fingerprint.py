"""Fingerprint: a name for the cause of a leak that is the same in every run, on every machine and Python version.

It is made of what only a change of code can change: kind, the functions that created the resource, and its holder. Lines,
addresses, ports, descriptors, temporary names, keys and indices are left out. So is the test that was running, where
another function did the work: one faulty helper is one leak, whichever tests call it, and `also_in` lists them.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable, Sequence

from ..model import Frame, Resource

LENGTH = 12
_VARIES = re.compile(r"0x[0-9a-fA-F]+|\d+")
_KEY = re.compile(r"\[.*\]")
# Frames of their own only until 3.11; from 3.12 on they are part of the function around them.
_INLINED = ("<listcomp>", "<dictcomp>", "<setcomp>")


def of(kind: str, frames: Sequence[Frame], held_by: Sequence[str], resource: Resource) -> str:
    """Return "nl-" and 12 hexadecimal digits for a leak of this kind, creation and holder."""
    parts = (kind, *_creators(frames), *_nameless(frames, resource), "held by", *map(_steady, held_by))
    return "nl-" + hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:LENGTH]


def masked(text: str) -> str:
    """Replace what varies from run to run, numbers and addresses, by "#"."""
    return _VARIES.sub("#", text)


def _creators(frames: Sequence[Frame]) -> list[str]:
    mine = [frame for frame in frames if frame.in_app] or _library(frames)
    apart_from_tests = [frame for frame in mine if not _function(frame).startswith("test")]
    return _without_repeats(f"{frame.file} {_function(frame)}" for frame in apart_from_tests or mine)


def _library(frames: Sequence[Frame]) -> list[Frame]:
    """Return the frames of installed libraries; where there is only Python's own, the innermost: the rest changes with it."""
    installed = [frame for frame in frames if not _is_stdlib(frame)]
    return installed or list(frames[:1])


def _is_stdlib(frame: Frame) -> bool:
    return frame.file.partition("/")[0].removesuffix(".py") in sys.stdlib_module_names or frame.file.startswith("<")


def _function(frame: Frame) -> str:
    # The last component: the qualified name is known from 3.11 on only.
    return frame.function.rpartition(".")[2]


def _without_repeats(names: Iterable[str]) -> list[str]:
    """Drop comprehensions, and a function right after itself: how deep it recursed is no cause."""
    kept: list[str] = []
    for name in names:
        if not name.endswith(_INLINED) and name not in kept[-1:]:
            kept.append(name)
    return kept


def _nameless(frames: Sequence[Frame], resource: Resource) -> tuple[str, ...]:
    """Without a creation site, what it is must do: its type, and a name that somebody gave it (a thread's, a task's)."""
    if frames:
        return ()
    return (resource.type, "" if _is_path(resource.id) else masked(resource.id))


def _is_path(name: str) -> bool:
    return "/" in name or "\\" in name


def _steady(step: str) -> str:
    return masked(_KEY.sub("[]", step))
