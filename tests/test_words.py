"""Words for foreign objects: bounded, on one line, never raising."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from no_leaks import words
from no_leaks.model import Owner


class Spoken:
    """An object whose repr is whatever it is told."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


class Broken:
    """An object whose repr raises."""

    def __repr__(self) -> str:
        raise LookupError("no words")


@given(st.text(max_size=500), st.integers(1, 300))
def test_a_repr_is_bounded_and_on_one_line(text: str, longest: int) -> None:
    """Whatever an object says of itself, a report stays a report."""
    said = words.safe_repr(Spoken(text), longest)
    assert len(said) <= longest
    assert said.splitlines() in ([], [said])
    assert said == " ".join(text.split()) or said.endswith("…")


@given(st.text(st.characters(categories=("L", "N")), max_size=100))
def test_a_short_repr_is_unchanged(text: str) -> None:
    """What fits is shown as it is."""
    assert words.safe_repr(Spoken(text)) == text


def test_a_repr_that_raises_is_a_placeholder() -> None:
    """The placeholder says what and why."""
    assert words.safe_repr(Broken()) == "<Broken object whose repr raises LookupError>"


def test_a_type_is_named_with_its_module_unless_built_in() -> None:
    """`dict` is clear by itself."""
    assert words.type_name({}) == "dict"
    assert words.type_name(Owner("function")) == "no_leaks.model.Owner"
