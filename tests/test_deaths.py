"""Deaths: which reference died in this moment, and which long ago."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import pytest

from no_leaks import deaths


class Thing:
    """Something that can be referred to weakly."""


@pytest.fixture(autouse=True)
def _unwatched(no_outer_session: None) -> Iterator[None]:
    """No collection is told of but those told of here."""
    deaths.collection(begins=True)
    yield
    deaths.collection(begins=False)


def dead() -> weakref.ref[object]:
    """Return the reference of a thing that has just died."""
    return deaths.watch(Thing())


def collect() -> None:
    """Tell of a collection that comes and goes."""
    deaths.collection(begins=True)
    dead()
    deaths.collection(begins=False)


def test_what_a_collection_has_cleared_dies_now() -> None:
    """However many things there are: all references are cleared before the first finalizer."""
    references = [dead() for _ in range(100)]
    assert all(map(deaths.is_dying, references))


def test_what_died_before_a_collection_does_not_die_now() -> None:
    """Its address may be another's by now."""
    gone = dead()
    deaths.collection(begins=False)
    collect()
    deaths.collection(begins=True)
    assert not deaths.is_dying(gone)


def test_outside_of_a_collection_only_the_last_die_now() -> None:
    """Its finalizer comes at once."""
    deaths.collection(begins=False)
    first = dead()
    assert deaths.is_dying(first)
    last = [dead() for _ in range(100)][-1]
    assert deaths.is_dying(last)
    assert not deaths.is_dying(first)


def test_a_collection_may_come_between_a_death_and_its_finalizer() -> None:
    """What runs in between allocates."""
    deaths.collection(begins=False)
    dying = dead()
    collect()
    assert deaths.is_dying(dying)


def test_what_is_born_unwatched_is_nothing_that_died_before() -> None:
    """Though it may have the same address."""
    deaths.collection(begins=False)
    gone = dead()
    deaths.pass_over()
    assert not deaths.is_dying(gone)


def test_what_lives_does_not_die() -> None:
    """Nor what was never noted."""
    thing = Thing()
    deaths.collection(begins=False)
    assert not deaths.is_dying(deaths.watch(thing))
    assert not deaths.is_dying(weakref.ref(Thing()))
