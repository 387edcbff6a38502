"""Single values: right ones pass, wrong ones are said in the user's words."""

from __future__ import annotations

import math
import re
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from no_leaks import values
from no_leaks.errors import SettingError


@given(st.floats(min_value=0, allow_infinity=False, allow_nan=False))
def test_seconds_are_read_from_numbers_and_from_text(number: float) -> None:
    """A flag's text and a marker's number are the same value."""
    assert values.seconds(number, "x") == values.seconds(str(number), "x") == number


@pytest.mark.parametrize("wrong", ["abc", "", -1, "-0.1", math.inf, "nan", True, None, [1], 10**400])
def test_seconds_refuse_what_is_no_finite_number_from_zero(wrong: object) -> None:
    """Negative, endless, boolean and other values are named in the error."""
    with pytest.raises(SettingError, match="is not a number of seconds, 0 or more"):
        values.seconds(wrong, "x")


def test_seconds_name_place_and_value_as_the_user_wrote_them() -> None:
    """The whole message is a sentence."""
    with pytest.raises(SettingError) as caught:
        values.seconds("abc", "--no-leaks-grace")
    assert str(caught.value) == "--no-leaks-grace: 'abc' is not a number of seconds, 0 or more"


def test_seconds_above_zero_refuse_zero() -> None:
    """An interval of zero would spin."""
    with pytest.raises(SettingError, match="0 is not a number of seconds, above 0"):
        values.seconds(0, "x", above_zero=True)


def test_a_choice_may_be_an_enum_of_strings() -> None:
    """pyleak's LeakAction.RAISE is its word, and becomes plain text."""

    class Action(str, Enum):
        RAISE = "raise"

    assert type(values.choice(Action.RAISE, "x", ("warn", "raise"))) is str


def test_a_wrong_choice_names_the_likely_and_the_valid_ones() -> None:
    """The error is enough to repair the value."""
    with pytest.raises(SettingError, match="'fial' is unknown; did you mean 'fail'\\?; valid are: fail, warn"):
        values.choice("fial", "x", ("fail", "warn"))


def test_a_choice_of_another_type_is_refused() -> None:
    """A number is no word, and has no likely one."""
    with pytest.raises(SettingError, match="3 is unknown; valid are: fail"):
        values.choice(3, "x", ("fail",))


@pytest.mark.parametrize("wrong", ["false", 0, 1, None])
def test_a_flag_is_a_boolean_only(wrong: object) -> None:
    """The text "false" is not taken for True."""
    with pytest.raises(SettingError, match="is not True or False"):
        values.flag(wrong, "x")


def test_a_pattern_may_be_text_or_compiled() -> None:
    """Text is compiled, a compiled pattern stays itself."""
    compiled = re.compile("pool-.*", re.IGNORECASE)
    assert values.pattern(compiled, "x") is compiled
    assert values.pattern("pool-.*", "x").pattern == "pool-.*"


@pytest.mark.parametrize("wrong", [3, b"pool", re.compile(b"pool")])
def test_a_pattern_of_bytes_or_other_types_is_refused(wrong: object) -> None:
    """Descriptions are text; a pattern of bytes would fail later, in the middle of a report."""
    with pytest.raises(SettingError, match="is not a regular expression of type str"):
        values.pattern(wrong, "x")


def test_a_broken_pattern_is_refused_with_its_fault() -> None:
    """The error carries what the compiler said."""
    with pytest.raises(SettingError, match="is not a regular expression: missing \\)"):
        values.pattern("(", "x")


@pytest.mark.parametrize(
    "text", ["worker-.*", "^worker", "worker$", r"asyncio_\d+", "a|b", "Thread-[0-9]", "worker-*", "wo+rker", "x?"]
)
def test_a_text_filter_that_looks_like_a_pattern_is_remarked_with_the_fix(text: str) -> None:
    """A filter that equals no name switches detection off, which must not pass silently."""
    assert f"write re.compile({text!r})" in values.filter_remark(text, "x")


@pytest.mark.parametrize(
    "name", ["Thread-1 (run)", "pool[0]", "app.worker", "job[2024-01]", "Task-1", "MainThread", re.compile("^a"), None]
)
def test_ordinary_names_and_compiled_patterns_are_not_remarked(name: object) -> None:
    """Python's own default names hold dots and parentheses, and mean just themselves."""
    assert values.filter_remark(name, "x") == ""


def test_a_name_filter_keeps_text_as_text() -> None:
    """Text means equality, so that it is not compiled."""
    assert values.name_filter("worker", "x") == "worker"


def test_a_name_filter_of_another_type_is_refused() -> None:
    """Only text and patterns can be compared with names."""
    with pytest.raises(SettingError, match="is not a regular expression"):
        values.name_filter(3, "x")
