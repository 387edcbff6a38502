"""Random programs: what grows by construction is found and named as constructed, and nothing else is."""

from __future__ import annotations

import pytest
from growing import ENDS, FORMS, ITEMS, PLACES, SORTS, Other, Part, Program
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from no_leaks import growth
from no_leaks.memory import telling

EXAMPLES = 25
"""Half a second each; a thousand and more were tried when this was written."""
pytestmark = pytest.mark.usefixtures("no_outer_session")

names = st.sampled_from
numbers = st.integers(2, 7)
parts = st.builds(Part, names(sorted(SORTS)), names(sorted(PLACES)), names(sorted(ITEMS)), names(ENDS), numbers)
others = st.builds(Other, names(sorted(FORMS)), numbers)
programs = st.lists(parts | others, max_size=8).filter(lambda some: sum(one.leaks for one in some) <= telling.MOST)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs)
def test_what_grows_by_construction_is_named_and_nothing_else(some: list[Part | Other]) -> None:
    """Each leaking container by its path; nothing of what is emptied, bounded, replaced or weak."""
    with Program(some) as program:
        leaks = growth(program.run)
        assert sorted(leak.held_by for leak in leaks) == sorted(program.leaking)
