"""Overdue: what hangs when it is repeated is broken off, and the alarm clock is left as it was."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from runs import Runs

from no_leaks.config import Settings
from no_leaks.plugin import overdue

LIMIT = "--no-leaks-confirm-limit=0.4"
REASON = "not confirmed: repeated, it hung: broken off after 0.8 s (no_leaks_confirm_limit)"

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no alarm clock")


def test_a_test_that_hangs_when_it_is_repeated_is_broken_off(check: Runs) -> None:
    """It waits for what came once; its leak is unconfirmed, and the next test runs."""
    done = check(
        "once = threading.Semaphore()\ndef test_x():\n    once.acquire()\n    leak()\ndef test_y(): pass",
        LIMIT,
    )
    (found,) = done.document["leaks"]
    assert (done.counts, found["verdict"]) == ({"failed": 1, "passed": 1}, "unconfirmed")
    assert REASON in done.out


def test_a_fixture_that_waits_for_a_test_in_its_teardown_is_broken_off(check: Runs) -> None:
    """No test runs between its second set-up and that teardown."""
    done = check(
        """
used = threading.Semaphore(0)
@pytest.fixture(scope="module")
def server():
    leak()
    yield
    used.acquire()

def test_x(server): used.release()
def test_y(): pass
""",
        LIMIT,
    )
    (found,) = done.document["leaks"]
    assert (found["owner"]["fixture"], found["verdict"]) == ("server", "unconfirmed")
    assert "hung: broken off after 0.8 s" in done.out


def test_what_catches_it_is_told_again(check: Runs) -> None:
    """A handler that goes on waiting is broken off the next time."""
    body = """
once = threading.Semaphore()
def test_x():
    try:
        once.acquire()
    except BaseException:
        once.acquire()
    leak()
"""
    assert REASON in check(body, LIMIT).out


def test_the_alarm_clock_is_put_back() -> None:
    """Neither handler nor timer is left."""
    before = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    with overdue.broken_off(Settings()):
        assert signal.getsignal(signal.SIGALRM) is not before[0]
    assert (signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)) == before


@pytest.mark.parametrize("settings", [Settings(confirm="always"), Settings(confirm_limit_s=0)])
def test_who_asks_for_it_repeats_without_limit(settings: Settings) -> None:
    """`always` has none, and zero repeats nothing."""
    before = signal.getsignal(signal.SIGALRM)
    with overdue.broken_off(settings):
        assert signal.getsignal(signal.SIGALRM) is before


def test_an_alarm_of_somebody_elses_is_left_alone() -> None:
    """pytest-timeout's, or the program's own."""

    def theirs(number: int, frame: object) -> None: ...

    kept = signal.signal(signal.SIGALRM, theirs)
    try:
        with overdue.broken_off(Settings()):
            assert signal.getsignal(signal.SIGALRM) is theirs
    finally:
        signal.signal(signal.SIGALRM, kept)


def test_a_handler_that_the_repetition_sets_stays() -> None:
    """It is for its owner to clear."""

    def theirs(number: int, frame: object) -> None: ...

    try:
        with overdue.broken_off(Settings()):
            signal.signal(signal.SIGALRM, theirs)
        assert signal.getsignal(signal.SIGALRM) is theirs
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def test_off_the_main_thread_nothing_is_set() -> None:
    """Only the main thread may set a handler."""
    seen: list[object] = []

    def run() -> None:
        with overdue.broken_off(Settings()):
            seen.append(signal.getsignal(signal.SIGALRM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGALRM)]


def test_an_alarm_that_rings_as_the_repetition_ends_confirms_nothing(
    check: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is raised in our own code then, and goes no further."""

    @contextmanager
    def rings_late(settings: Settings) -> Generator[list[str]]:
        yield []
        raise overdue.Overdue(REASON)

    monkeypatch.setattr(overdue, "broken_off", rings_late)
    done = check("def test_x(): leak()\ndef test_y(): pass")
    assert (done.counts, REASON in done.out) == ({"failed": 1, "passed": 1}, True)
