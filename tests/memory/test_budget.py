"""Budget: what a run may spend, by its length, its tests and what it has spent."""

from __future__ import annotations

import pytest

from no_leaks.memory.budget import LEAST_S, MOST_S, Budget


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_grows_with_the_time_that_passes() -> None:
    """Half of the share may be measured: ten percent of 100 s are 5 s, and what a run has beside that."""
    clock = Clock()
    budget = Budget(0.1, 1000, lambda: 0.0, clock, before_s=0.0)
    assert not budget.affords(1.0)
    clock.now += 100
    assert budget.affords(5.0 + LEAST_S)
    assert not budget.affords(5.01 + LEAST_S)


def test_what_came_before_the_first_test_counts() -> None:
    """Imports are part of a run, by the processor's time of the process."""
    assert Budget(0.1, 1000, lambda: 0.0, Clock(), before_s=100.0).affords(5.0)
    assert Budget().affords(0.0)


@pytest.mark.parametrize(("tests", "start_s"), [(0, MOST_S), (1, MOST_S), (50, 0.4), (10_000, LEAST_S)])
def test_a_small_suite_begins_with_more(tests: int, start_s: float) -> None:
    """A suite of one test is to be repeated, too."""
    assert Budget(0.1, tests).start_s == pytest.approx(start_s)


def test_what_was_spent_is_gone() -> None:
    """Looks at other kinds count as well."""
    assert Budget(0.1, 1000, lambda: LEAST_S, Clock(), before_s=0.0).affords(0.0)
    assert not Budget(0.1, 1000, lambda: LEAST_S, Clock(), before_s=0.0).affords(0.01)


def test_none_is_none() -> None:
    """Zero percent repeat nothing, in a small suite either."""
    assert not Budget(0.0, 1).affords(0.0)
