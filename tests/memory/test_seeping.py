"""Seeping: a heap that takes about as much each time is told from one that is warming up; the heap is written down."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, chain, repeat

import pytest

from no_leaks.memory import readings, seeping
from no_leaks.memory.seeping import MOST_WINDOWS, WINDOW, WINDOWS, Seeping


def asked(monkeypatch: pytest.MonkeyPatch, windows: Iterable[int], *, start: int = 1_000) -> Seeping:
    """Ask of a heap that takes so many bytes in each window, until it is answered."""
    heap = accumulate(chain(windows, repeat(0)), initial=start)
    monkeypatch.setattr(readings, "heap", lambda: next(heap))
    monkeypatch.setattr(seeping.warnings_, "collect", lambda: None)
    one = Seeping()
    while not one.is_answered:
        one.look()
    return one


@pytest.mark.parametrize(
    "windows",
    [repeat(100 * WINDOW), chain([2_000, 900], repeat(64 * WINDOW)), chain(repeat(100 * WINDOW, 5), repeat(3_000))],
    ids=["even", "after a handful", "after another"],
)
def test_about_as_much_in_each_window_is_a_leak(monkeypatch: pytest.MonkeyPatch, windows: Iterable[int]) -> None:
    """Whatever the heap gave out at first."""
    one = asked(monkeypatch, windows)
    assert one.is_proven
    assert len(one.rounds) == WINDOWS
    assert min(one.rounds) >= 64 // 2


@pytest.mark.parametrize(
    "windows",
    [
        repeat(0),
        repeat(1_000, 7),
        repeat(-1_000),
        [7_900, 4_800, 1_300],
        (5_000 - place * 300 for place in range(MOST_WINDOWS)),
        (1_000 if place % 3 else 3_000 for place in range(MOST_WINDOWS)),
    ],
    ids=["nothing", "comes to rest", "less", "warming up", "less and less", "at random"],
)
def test_anything_else_is_none(monkeypatch: pytest.MonkeyPatch, windows: Iterable[int]) -> None:
    """And it is not asked for ever."""
    one = asked(monkeypatch, windows)
    assert not one.is_proven
    assert one.calls <= MOST_WINDOWS * WINDOW


def test_a_heap_that_cannot_be_asked_answers_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every system says how much is in use."""
    one = asked(monkeypatch, [], start=0)
    assert (one.calls, one.is_proven, one.rounds) == (0, False, ())
