"""Faults of our own: each part is noted once, with its place, and nothing raises on the way."""

from __future__ import annotations

import pytest
from support import here

from no_leaks import faults

pytestmark = pytest.mark.usefixtures("clean_faults")


def test_the_first_fault_of_a_part_stands() -> None:
    """A part that fails a thousand times is reported once."""
    faults.note("probe", ValueError("first"))
    faults.note("probe", ValueError("second"))
    assert faults.noted() == {"probe": "ValueError: first"}
    assert faults.has("probe")
    assert not faults.has("another")


def test_a_raised_fault_names_its_innermost_place() -> None:
    """The report has to lead to the line that raised."""

    def inner() -> None:
        raise KeyError("x")

    try:
        inner()
    except KeyError as error:
        faults.note("probe", error)
    line = inner.__code__.co_firstlineno + 1
    assert faults.noted()["probe"] == f"KeyError: 'x' ({__file__}:{line})"
    assert line < here()


def test_words_never_raise() -> None:
    """A broken `__str__` becomes a placeholder that says so."""

    class Mute:
        def __str__(self) -> str:
            raise OSError("mute")

    assert faults.words("plain") == "plain"
    assert faults.words(Mute()) == "<Mute whose __str__ raises OSError>"


def test_a_new_session_begins_without_faults() -> None:
    """What an earlier session noted is not this one's."""
    faults.note("probe", ValueError("old"))
    faults.clear()
    assert faults.noted() == {}
