"""Frames: local variables are found and left as they were."""

from __future__ import annotations

import sys
import threading
import weakref

from no_leaks.diagnose import frames


class Thing:
    """What a variable holds."""


def here() -> object:
    return sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # a frame as the search meets it


def test_a_variable_is_named() -> None:
    """Function and variable, without the module."""
    thing = Thing()
    assert frames.variable(here(), thing) == "frame test_a_variable_is_named: variable thing"  # type: ignore[arg-type]


def test_what_no_variable_holds_is_named_by_its_function() -> None:
    """A value may be on the stack alone."""
    assert frames.variable(here(), Thing()) == "frame test_what_no_variable_holds_is_named_by_its_function"  # type: ignore[arg-type]


def test_a_finished_function_has_no_word() -> None:
    """A generator that has ended has no frame."""
    assert frames.variable(None, Thing()) == ""


def test_a_class_body_is_left_alone() -> None:
    """Its variables are the class's own namespace, which nobody may empty."""

    class Body:
        names = frames.local_ids(here())  # type: ignore[arg-type]

    assert Body.names == []


def test_a_variable_goes_when_it_is_deleted() -> None:
    """Looking at a frame leaves no snapshot in it."""
    thing = Thing()
    weak = weakref.ref(thing)
    frames.local_ids(here())  # type: ignore[arg-type]
    del thing
    assert weak() is None


def test_somebody_elses_snapshot_is_left_alone() -> None:
    """The user's `locals()` may be the very dictionary that was looked at."""
    thing = Thing()
    mine = locals()
    frames.local_ids(here())  # type: ignore[arg-type]
    assert mine["thing"] is thing


def test_the_frames_of_an_unknown_thread_are_named_by_its_number() -> None:
    """A thread of the _thread module has no name."""
    import _thread

    ready, done = threading.Event(), threading.Event()
    ended = threading.Event()

    def work(conn: Thing) -> None:
        ready.set()
        done.wait()
        ended.set()

    ident = _thread.start_new_thread(work, (Thing(),))
    ready.wait()
    # An earlier thread of the same number may have left a dummy behind, which then names this one.
    dummy = next((thread.name for thread in threading.enumerate() if thread.ident == ident), ident)
    found = set(frames.running(None).values())
    done.set()
    ended.wait()
    assert (f"thread {dummy}", "frame work: variable conn") in found


def test_only_so_many_frames_are_asked() -> None:
    """A deep recursion is not walked to its end."""

    def deep(level: int, marker: Thing) -> int:
        return deep(level - 1, marker) if level else len(frames.running(None))

    assert deep(frames.DEPTH * 2, Thing()) < frames.DEPTH * 4
