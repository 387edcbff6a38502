"""What repetitions say: growth in each is a leak, a repetition without growth means made once."""

from __future__ import annotations

from collections import Counter

import pytest

from no_leaks import confirm, origin
from no_leaks.config import Allowance, Settings
from no_leaks.model import Resource, Sighting, Verdict

SEEN = Sighting("sockets", Resource("TCP socket", "fd 9"), "a TCP socket was opened and never closed", "close it")
SETTINGS = Settings()


@pytest.mark.parametrize(
    ("rounds", "failure", "verdict", "growth"),
    [
        ([1, 1], "", Verdict.LEAK, (1, 1)),
        ([2, 1], "", Verdict.LEAK, (2, 1)),
        ([0], "", Verdict.ONCE, (0,)),
        ([1, 0], "", Verdict.ONCE, (1, 0)),
        ([0, 1], "", Verdict.ONCE, (0,)),
        ([], "it failed", Verdict.UNCONFIRMED, ()),
        ([1], "it failed", Verdict.UNCONFIRMED, (1,)),
        ([0], "it failed", Verdict.ONCE, (0,)),
    ],
)
def test_what_grew_each_time_is_a_leak(
    rounds: list[int], failure: str, verdict: Verdict, growth: tuple[int, ...]
) -> None:
    """The first repetition without growth ends the question; one that came to nothing leaves it open."""
    ruling = confirm.ruling("nl-1", [Counter({"nl-1": number}) for number in rounds], failure)
    assert (ruling.verdict, ruling.rounds) == (verdict, growth)
    assert bool(ruling.reason) is (verdict is not Verdict.LEAK)


def test_only_causes_that_grew_so_far_are_asked_again() -> None:
    """A singleton beside a leak costs no second repetition."""
    rounds = [Counter({"a": 1, "b": 1}), Counter({"a": 3})]
    assert confirm.grown(rounds[:1], ("a", "b", "c")) == {"a", "b"}
    assert confirm.grown(rounds, ("a", "b", "c")) == {"a"}


@pytest.mark.parametrize(
    ("sighting", "settings", "is_open"),
    [
        (SEEN, SETTINGS, True),
        (SEEN._replace(proof="the garbage collector closed it"), SETTINGS, False),
        (SEEN._replace(proof="the garbage collector closed it"), Settings(confirm="always"), True),
        (SEEN._replace(once="by its nature"), SETTINGS, False),
        (SEEN._replace(kind="state"), Settings(confirm="always"), False),
        (SEEN._replace(kind="blocking"), SETTINGS, False),
        (SEEN, Settings(allowances=(Allowance("on purpose", ("sockets",)),)), False),
        (SEEN, Settings(allowances=(Allowance("on purpose", ("files",)),)), True),
    ],
    ids=["unproven", "proven", "always", "once", "state", "blocking", "allowed", "another allowed"],
)
def test_only_an_open_question_is_worth_a_repetition(sighting: Sighting, settings: Settings, is_open: bool) -> None:
    """Proven, allowed and overwritten things are known already."""
    assert confirm.is_open(sighting, settings) is is_open


def test_the_same_line_is_the_same_cause() -> None:
    """The descriptor's number is another one in each repetition."""
    first, second = (
        SEEN._replace(resource=Resource("TCP socket", f"fd {number}"), stack=origin.capture_here(0))
        for number in (9, 12)
    )
    assert confirm.cause(first, "") == confirm.cause(second, "")
    assert confirm.cause(first, "") != confirm.cause(first._replace(kind="files"), "")
