"""Phrases: times and sentences."""

from __future__ import annotations

import pytest

from no_leaks.model import Owner
from no_leaks.reporters import phrases


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.00005, "50 us"), (0.063, "63 ms"), (0.42, "0.42 s"), (12.4, "12 s"), (125.0, "2 min 5 s")],
)
def test_a_duration_has_its_unit(seconds: float, text: str) -> None:
    """Two digits or so are enough."""
    assert phrases.duration(seconds) == text


def test_a_sentence_keeps_its_own_end() -> None:
    """A full stop is added only where there is none."""
    assert (phrases.sentence("it grew!"), phrases.sentence("it grew")) == ("It grew!", "It grew.")


def test_a_scope_without_a_fixture_answers_by_its_own_name() -> None:
    """A block, or the session."""
    assert phrases.owner(Owner("session")) == "session"
    assert phrases.owner(Owner("module", "setup_module of test_a.py")) == "setup_module of test_a.py"
    assert phrases.owner(Owner("module", "server")) == "fixture 'server' (module scope)"
