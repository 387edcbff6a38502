"""Trend: growth on every repetition, and nothing else, is growth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from no_leaks.memory.readings import Reading
from no_leaks.memory.trend import NATIVE, Trend, changed


def trend_of(*readings: Reading) -> Trend:
    """Add readings one after the other."""
    trend = Trend()
    for reading in (*readings[:1], *readings):
        trend.add(reading)
    return trend


def grown(*counts: int, blocks: int = 1, heap: int = 0) -> Trend:
    """Return the trend of one type, with blocks and bytes that grow evenly."""
    return trend_of(*(Reading({"Node": count}, blocks * place, heap * place, 1) for place, count in enumerate(counts)))


@given(st.lists(st.integers(0, 5), min_size=2, max_size=12))
def test_a_type_grows_if_each_step_adds_to_it(steps: list[int]) -> None:
    """One step without growth, and it is none, whatever comes later."""
    counts = [sum(steps[:place]) for place in range(len(steps) + 1)]
    trend = grown(*counts)
    assert trend.objects_grow == all(steps)
    assert trend.rounds == len(steps)


def test_what_takes_the_place_of_older_objects_is_no_growth() -> None:
    """A ring that is full takes a new object for an old one: there are more young ones, and no more memory."""
    assert not grown(1, 2, 3, 4, blocks=0).grows
    assert grown(1, 2, 3, 4, blocks=0, heap=NATIVE).objects_grow


def test_native_memory_grows_by_more_than_its_own_books() -> None:
    """A few bytes come and go."""
    assert grown(1, 1, 1, blocks=0, heap=NATIVE).heap_grows
    assert not grown(1, 1, 1, blocks=0, heap=NATIVE - 1).grows
    assert grown(1, 1, 1, blocks=0, heap=NATIVE).growth == (NATIVE, NATIVE)


def test_blocks_grow_if_each_step_gave_out_more() -> None:
    """Strings are seen by nothing else."""
    trend = grown(1, 1, 1, blocks=2)
    assert (trend.blocks_grow, trend.growth) == (True, (2, 2))


def test_readings_that_count_otherwise_begin_anew() -> None:
    """What is young since another turn cannot be compared."""
    trend = trend_of(Reading({}, 0, 0, 1), Reading({"Node": 1}, 1, 0, 1), Reading({"Node": 9}, 9, 0, 2))
    assert (trend.rounds, trend.grows) == (0, False)


def test_a_cache_that_fills_up_grows_less_each_time() -> None:
    """That is a reason to go on; what grows evenly is none."""
    assert grown(0, 4, 6, 7, blocks=0).shrinks
    assert not grown(0, 4, 8, 12, blocks=0).shrinks
    assert not Trend().shrinks
    assert trend_of(Reading({}, 0, 0, 1), Reading({}, 9, 9999, 1), Reading({}, 12, 15000, 1)).shrinks


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)),
)
def test_changes_are_what_has_to_be_added(before: dict[str, int], after: dict[str, int]) -> None:
    """Names that are missing count as none."""
    changes = changed(before, after)
    assert 0 not in changes.values()
    assert all(before.get(name, 0) + changes.get(name, 0) == after.get(name, 0) for name in "abc")


def test_objects_of_several_types_grow_together() -> None:
    """The growth of a step is that of all of them."""
    trend = trend_of(*(Reading({"Node": place, "dict": 2 * place}, 3 * place, 0, 1) for place in range(3)))
    assert trend.growth == (3, 3)


@pytest.mark.parametrize("kept", [True, False])
def test_a_type_that_is_gone_is_none_that_grows(kept: bool) -> None:
    """A type that shrinks, or vanishes, is dropped."""
    last = Reading({"Node": 1} if kept else {}, 9, 0, 1)
    assert not trend_of(Reading({}, 0, 0, 1), Reading({"Node": 3}, 3, 0, 1), last).objects_grow
