"""Diff: what was born and what is gone, by identity alone, in one order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from no_leaks.diff import diff

IDENTS = st.frozensets(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=8)
LOOKS = st.dictionaries(st.sampled_from(["descriptors", "threads", "temp"]), IDENTS, max_size=3)


@given(LOOKS)
def test_two_equal_looks_differ_in_nothing(look: dict[str, frozenset[tuple[int, int]]]) -> None:
    """A clean test has an empty delta."""
    delta = diff(look, dict(look))
    assert (delta.born, delta.gone) == ((), ())


@given(LOOKS, LOOKS)
def test_swapping_the_looks_swaps_born_and_gone(
    before: dict[str, frozenset[tuple[int, int]]], after: dict[str, frozenset[tuple[int, int]]]
) -> None:
    """The two are one idea in two directions."""
    there, back = diff(before, after), diff(after, before)
    assert (there.born, there.gone) == (back.gone, back.born)


@given(LOOKS, LOOKS)
def test_a_delta_leads_from_one_look_to_the_other(
    before: dict[str, frozenset[tuple[int, int]]], after: dict[str, frozenset[tuple[int, int]]]
) -> None:
    """Nothing is lost and nothing is made up: before - gone + born is after."""
    delta = diff(before, after)
    spots = {(name, ident) for name in before for ident in before[name]}
    assert spots - set(delta.gone) | set(delta.born) == {(name, ident) for name in after for ident in after[name]}


@given(LOOKS, LOOKS)
def test_the_order_is_that_of_names_and_identities(
    before: dict[str, frozenset[tuple[int, int]]], after: dict[str, frozenset[tuple[int, int]]]
) -> None:
    """Two runs give the same bytes."""
    delta = diff(before, after)
    assert list(delta.born) == sorted(delta.born, key=repr)
    assert list(delta.gone) == sorted(delta.gone, key=repr)
