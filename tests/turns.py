"""Threads that take turns at every step, so that what needs a lock and has none goes wrong each time, and not once a year."""

from __future__ import annotations

import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any


def give_way() -> None:
    """Let another thread run: a wait of the shortest time lets go of the interpreter's lock."""
    select.select((), (), (), 1e-6)


@contextmanager
def turns_at_each_step(module: ModuleType) -> Iterator[None]:
    """Let the threads that are started in the block take turns at each step of a module: what is not locked goes wrong."""

    def step(frame: FrameType, event: str, arg: object) -> Any:
        give_way()
        return step

    def call(frame: FrameType, event: str, arg: object) -> Any:
        if frame.f_code.co_filename != module.__file__:
            return None
        frame.f_trace_opcodes = True  # a "+=" can be interrupted, too
        return step

    interval_s = sys.getswitchinterval()
    threading.settrace(call)
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval_s)
        threading.settrace(None)  # type: ignore[arg-type]  # as its documentation has it
