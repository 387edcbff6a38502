"""Tracing: which line of Python adds to a container; one run of a leaking test is watched line by line."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from .. import env
from ..model import Places
from . import census

DEPTH = 16


class Tracer:
    """Compares the lengths of some containers at each line; `places` has, for each, who first added to it."""

    def __init__(self, containers: Sequence[object]) -> None:
        self._containers = containers
        self._lengths = [census.length_of(one) or 0 for one in containers]
        self.places: dict[int, Places] = {}
        """Place in the list of containers -> the stack that added to it, innermost first."""
        self._at: dict[int, tuple[FrameType, int]] = {}

    @contextmanager
    def at_work(self) -> Generator[None]:
        """Watch this thread, and those that are started meanwhile; a debugger or coverage's tracer is put back."""
        outer, threads = sys.gettrace(), threading.gettrace()
        threading.settrace(self.trace)
        sys.settrace(self.trace)
        try:
            yield
        finally:
            sys.settrace(outer)
            threading.settrace(threads)
            self._at.clear()

    def trace(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any] | None:
        """Compare, and remember the line that is about to run; our own code is not looked into."""
        thread = threading.get_ident()
        if len(self.places) < len(self._containers):
            self._compare(self._at.get(thread))
        if frame.f_code.co_filename.startswith(env.HERE):
            return None
        back = frame.f_back if event == "return" else None
        where = back if back is not None else frame
        self._at[thread] = where, where.f_lineno
        return self.trace

    def _compare(self, at: tuple[FrameType, int] | None) -> None:
        for place, container in enumerate(self._containers):
            length = census.length_of(container) or 0
            if at is not None and length > self._lengths[place] and place not in self.places:
                self.places[place] = places_of(*at)
            self._lengths[place] = length


def places_of(frame: FrameType, line: int) -> Places:
    """Return the stack from a line outwards as places."""
    found: list[tuple[str, int, str]] = []
    at: FrameType | None = frame
    while at is not None and len(found) < DEPTH:
        code = at.f_code
        found.append((code.co_filename, line, getattr(code, "co_qualname", code.co_name)))
        at = at.f_back
        line = at.f_lineno if at is not None else 0
    return tuple(found)
