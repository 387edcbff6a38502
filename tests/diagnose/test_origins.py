"""Origins: the order of the creation frames."""

from __future__ import annotations

import sys
from pathlib import Path

from no_leaks import origin
from no_leaks.diagnose import origins
from no_leaks.model import Evidence, Frame, Leak, Owner, Resource, Sighting, Verdict

ROOT = str(Path(__file__).parents[2])
LIBRARY = Frame("socket.py", 1, "create_connection", False)
INNER = Frame("src/a.py", 2, "connect", True)
OUTER = Frame("tests/test_a.py", 3, "test_a", True)


def sighting(**more: object) -> Sighting:
    return Sighting("sockets", Resource("socket", "fd 3"), "a socket was opened and never closed", "close it", **more)  # type: ignore[arg-type]


def leak(*frames: Frame) -> Leak:
    return Leak(
        "nl-0",
        "sockets",
        Verdict.LEAK,
        "definite",
        None,
        Owner("session"),
        "",
        Resource("", ""),
        frames,
        evidence=Evidence(),
    )


def test_the_users_frames_come_first() -> None:
    """Library frames follow, and both keep the order of the calls."""
    assert origins.ordered((LIBRARY, INNER, LIBRARY, OUTER)) == (INNER, OUTER, LIBRARY, LIBRARY)


def test_a_raw_stack_becomes_frames() -> None:
    """The innermost frame of the user's is the caller's own line."""
    stack = origin.capture(sys._getframe())  # pyright: ignore[reportPrivateUsage]  # a stack as sensors take it
    first = origins.created_at(sighting(stack=stack), ROOT)[0]
    assert (first.file, first.in_app) == ("tests/diagnose/test_origins.py", True)


def test_places_stand_in_for_a_stack() -> None:
    """A coroutine has no raw stack, only file, line and function."""
    (frame,) = origins.created_at(sighting(places=((__file__, 7, "main"),)), ROOT)
    assert frame == Frame("tests/diagnose/test_origins.py", 7, "main", True)


def test_the_site_is_the_first_frame() -> None:
    """One frame is named where there is room for one."""
    assert origins.site(leak(INNER, OUTER)) == INNER


def test_no_site_without_frames() -> None:
    """Native code leaves no frame to name."""
    assert origins.site(leak()) is None
