"""Births of children that no audit event tells of: what multiprocessing spawns, and loky, by `_posixsubprocess.fork_exec`.

Private: that function, which `multiprocessing.util` calls by its module (3.10 to 3.14); it returns the child's pid.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

from .. import env, faults, ledger, origin
from .patches import Patches

EVENT = "fork_exec"
"""The event of a record: its fact is the pid."""

_patches = Patches()


def install() -> None:
    """Wrap it where the platform has it; subprocess has its own name for it, and its own audit event."""
    if env.LINUX:
        _patches.put(importlib.import_module("_posixsubprocess"), "fork_exec", _starting)


def remove() -> None:
    """Leave it to itself."""
    _patches.undo()


def _starting(fork_exec: Callable[..., int]) -> Callable[..., int]:
    @functools.wraps(fork_exec)
    def noting(*args: Any) -> int:
        pid = fork_exec(*args)
        try:
            book = ledger.current()
            if book is not None:
                stack = origin.capture(origin.frame_up(1)) + ledger.SUBMITTED.get()
                book.records.append(ledger.Record(EVENT, (pid,), stack))
        except Exception as error:
            faults.note("spawned children", error)
        return pid

    return noting
