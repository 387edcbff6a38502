"""Tracing: the line that adds to a container is told from the lines around it."""

from __future__ import annotations

import sys
import threading
from types import FrameType
from typing import Any

import pytest
from support import here

from no_leaks.memory import census
from no_leaks.memory.tracing import DEPTH, Tracer, places_of


def frame() -> FrameType:
    """Return the frame of the caller."""
    return sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # a test's own frame


def test_the_line_that_was_about_to_run_has_added() -> None:
    """What is longer at the next line grew in the last."""
    kept: list[object] = []
    tracer = Tracer([kept])
    own, line = frame(), here() + 1
    assert tracer.trace(own, "line", None) == tracer.trace
    kept.append(1)
    assert tracer.trace(own, "line", None) == tracer.trace
    file, at, name = tracer.places[0][0]
    assert (file, at, name) == (__file__, line, own.f_code.co_name)


def test_only_the_first_to_add_is_told() -> None:
    """Later ones are not looked for any more."""
    kept: list[object] = []
    tracer = Tracer([kept])
    tracer.trace(frame(), "line", None)
    kept.append(1)
    tracer.trace(frame(), "line", None)
    (first,) = tracer.places.values()
    kept.append(2)
    tracer.trace(frame(), "line", None)
    assert list(tracer.places.values()) == [first]


def test_what_grew_before_any_line_was_seen_has_no_place() -> None:
    """Another thread may have added."""
    kept: list[object] = []
    tracer = Tracer([kept])
    kept.append(1)
    tracer.trace(frame(), "call", None)
    assert tracer.places == {}


def test_our_own_code_is_not_looked_into() -> None:
    """Nor does a line of it stand for one of the program's."""
    ours: Any = census.containers()
    next(ours)
    assert Tracer([]).trace(ours.gi_frame, "call", None) is None
    ours.close()


def test_after_a_return_the_caller_goes_on() -> None:
    """What is made of what was returned is made in its line; the outermost frame has no caller."""
    kept: list[object] = []
    tracer = Tracer([kept])

    def inner() -> None:
        tracer.trace(frame(), "return", None)

    line = here() + 1
    inner()
    kept.append(1)
    tracer.trace(frame(), "line", None)
    assert tracer.places[0][0][1] == line

    def outermost() -> None:
        tracer.trace(frame(), "return", None)

    thread = threading.Thread(target=outermost)
    thread.start()
    thread.join()


def test_at_work_another_tracer_steps_aside_and_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A debugger's, or that of coverage; for this thread and for those that are started."""
    here_set: list[object] = []
    threads_set: list[object] = []
    outer, threads = sys.gettrace(), threading.gettrace()
    monkeypatch.setattr(sys, "settrace", here_set.append)
    monkeypatch.setattr(threading, "settrace", threads_set.append)
    tracer = Tracer([])
    with tracer.at_work():
        pass
    monkeypatch.undo()
    assert (here_set, threads_set) == ([tracer.trace, outer], [tracer.trace, threads])


def test_a_stack_is_told_from_the_line_outwards_and_bounded() -> None:
    """Nobody reads a hundred frames."""

    def deep(left: int) -> tuple[tuple[str, int, str], ...]:
        return deep(left - 1) if left else places_of(frame(), 7)

    places = deep(2 * DEPTH)
    assert (len(places), places[0][:2]) == (DEPTH, (__file__, 7))
    assert {name.rpartition(".")[2] for _, _, name in places} == {"deep"}


def test_a_short_stack_is_told_to_its_end() -> None:
    """A thread's begins with the thread."""
    told: list[tuple[tuple[str, int, str], ...]] = []
    thread = threading.Thread(target=lambda: told.append(places_of(frame(), 1)))
    thread.start()
    thread.join()
    assert 1 < len(told[0]) < DEPTH
