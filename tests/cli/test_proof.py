"""The demo's proof: a leak counts only with its kind, its verdict, its site and a failed test."""

from __future__ import annotations

from typing import Any, cast

import pytest

from no_leaks.cli import proof
from no_leaks.cli.inner import LeakEntry, Results
from no_leaks.cli.pairs import Pair

PAIR = Pair("socket", "sockets", "shop/prices.py", "tests/test_socket.py", "test_leaks", "test_closes")
SITE = {"file": "shop/prices.py", "line": 10, "function": "PriceFeed.__init__", "in_app": True}
LIBRARY = {"file": "socket.py", "line": 833, "function": "create_connection", "in_app": False}


def leak(**changes: Any) -> LeakEntry:
    """Return the leak that is expected, with changes."""
    entry = {
        "kind": "sockets",
        "verdict": "leak",
        "test": PAIR.leaking_test,
        "summary": "a socket was opened and never closed",
        "created_at": [LIBRARY, SITE],
        "also_in": [],
    }
    return cast("LeakEntry", {**entry, **changes})


def row(*leaks: LeakEntry, leaking: str = "failed", repaired: str = "passed") -> proof.Row:
    """Return the row that these leaks and outcomes give."""
    outcomes = {PAIR.leaking_test: leaking, PAIR.repaired_test: repaired}
    (only,) = proof.prove([PAIR], Results(outcomes, leaks))
    return only


def test_a_leak_that_is_seen_and_a_quiet_twin_are_good() -> None:
    """The site shown is the shop's line, not the library's."""
    assert row(leak()) == proof.Row(PAIR, "shop/prices.py:10", "", "")
    assert row(leak()).is_good


def test_a_leak_that_is_merged_with_another_test_s_counts() -> None:
    """One fingerprint may stand for several tests."""
    assert row(leak(test="tests/test_other.py::test_x", also_in=[PAIR.leaking_test])).is_good


@pytest.mark.parametrize(
    ("leaks", "outcome", "missed"),
    [
        ((), "passed", "not seen: the test passed"),
        ((leak(kind="fds"),), "failed", "not seen as sockets"),
        ((leak(verdict="once"),), "passed", "judged as once only"),
        ((leak(created_at=[LIBRARY]),), "failed", "seen, but not where it was created in shop/prices.py"),
        ((leak(),), "passed", "reported, but the test passed"),
    ],
)
def test_a_missed_leak_says_why(leaks: tuple[LeakEntry, ...], outcome: str, missed: str) -> None:
    """Nothing less than kind, verdict, site and outcome will do."""
    judged = row(*leaks, leaking=outcome)
    assert judged.missed == missed
    assert not judged.is_good


@pytest.mark.parametrize(
    ("leaks", "outcome", "accused"),
    [
        ((leak(test=PAIR.repaired_test),), "failed", "accused: sockets: a socket was opened and never closed"),
        ((), "failed", "not quiet: the test failed"),
        ((leak(kind="temp"),), "passed", "quiet, but the leaking test is accused of temp too"),
    ],
)
def test_a_false_accusation_is_told(leaks: tuple[LeakEntry, ...], outcome: str, accused: str) -> None:
    """Of the twin, or of the leaking test besides what it did leak."""
    judged = row(leak(), *leaks, repaired=outcome)
    assert judged.accused == accused
    assert not judged.is_good


def test_a_test_that_was_not_run_is_missing() -> None:
    """An outcome that pytest did not print is no success."""
    (judged,) = proof.prove([PAIR], Results({}, ()))
    assert (judged.missed, judged.accused) == ("not seen: the test missing", "not quiet: the test missing")


def test_leaks_of_nobody_are_strays() -> None:
    """A leak that is blamed on no test of the demo is shown, whoever is blamed."""
    nobody, stranger = leak(test=None), leak(test="tests/test_other.py::test_x")
    assert proof.strays([PAIR], Results({}, (leak(), nobody, stranger))) == (nobody, stranger)
