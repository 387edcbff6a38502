"""Plugins that run a test several times, by a protocol of their own or by several items: each attempt is checked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from _pytest import runner
from runs import Outcome, Runs

from no_leaks.plugin import protocol

RERUNS = ("-p", "pytest_rerunfailures", "--reruns", "2")
FLAKY = ("-p", "flaky.flaky_pytest_plugin", "--no-flaky-report")

COUNTED = """
TRIES = []
def attempt():
    TRIES.append(1)
    return len(TRIES)
"""


@pytest.fixture(autouse=True)
def _installed() -> None:
    for name in ("pytest_rerunfailures", "flaky", "pytest_repeat"):
        pytest.importorskip(name)


def outcomes(done: Outcome) -> str:
    """Return the letters of pytest's progress; some releases end it anew after each attempt."""
    (line,) = done.lines("test_a.py ")
    return "".join(re.sub(r"\[ *\d+%\]", " ", line).split()[1:])


def test_a_leaky_test_is_rerun_and_fails_in_the_end_once(check: Runs) -> None:
    """It is one test and one leak, however many attempts were made."""
    done = check(COUNTED + "def test_x():\n    attempt(); leak()\ndef test_n(): assert len(TRIES) >= 3", *RERUNS)
    assert outcomes(done) == "RRF."
    assert (done.result.ret, done.counts) == (1, {"failed": 1, "passed": 1, "rerun": 2})
    assert done.leaks == [("test_x", "files")]
    assert (done.document["tests"], done.document["checked"]) == (2, 2)
    assert len(done.lines("FAILED")) == 1


def test_a_flaky_test_that_leaks_nothing_passes(check: Runs) -> None:
    """Its reruns are what they are without us."""
    done = check(COUNTED + "def test_x(): assert attempt() == 3", *RERUNS)
    assert (outcomes(done), done.result.ret, done.leaks) == ("RR.", 0, [])
    assert done.lines("no-leaks: 1 test checked, no leaks;")


def test_what_a_failed_attempt_left_is_listed_and_fails_nothing(check: Runs) -> None:
    """The attempt failed for its own reason, the next one neither failed nor leaked."""
    done = check(COUNTED + "def test_x():\n    if attempt() == 1:\n        leak()\n        assert 0", *RERUNS)
    assert (outcomes(done), done.result.ret) == ("R.", 0)
    assert done.leaks == [("test_x", "files")]
    assert done.document["leaks"][0]["verdict"] == "unconfirmed"


def test_what_only_a_first_attempt_makes_is_made_once(check: Runs) -> None:
    """Repeating the attempt left no more of it: it passes, and there is no rerun."""
    done = check(COUNTED + "def test_x():\n    if attempt() == 1: leak()", *RERUNS)
    assert (outcomes(done), done.result.ret) == (".", 0)
    assert [leak["verdict"] for leak in done.document["leaks"]] == ["once"]


def test_a_leak_of_the_first_attempts_only_is_reported_and_passes_as_any_failure_does(check: Runs) -> None:
    """An attempt that leaked for certain is rerun like one that failed; the last one decides."""
    source = """
def test_x():
    attempt()
    if len(TRIES) <= 3: leak()
"""
    done = check(COUNTED + source, *RERUNS)
    assert (outcomes(done), done.result.ret) == ("R.", 0)
    assert [leak["verdict"] for leak in done.document["leaks"]] == ["leak"]


def test_reruns_by_marker_and_plain_tests_go_together(check: Runs) -> None:
    """Where the other plugin does not answer, pytest's own protocol asks for the same phases."""
    done = check(
        "@pytest.mark.flaky(reruns=1)\ndef test_x(): leak()\ndef test_y(): leak()\ndef test_z(): pass",
        *RERUNS[:2],
    )
    assert outcomes(done) == "RFF."
    assert done.leaks == [("test_x", "files"), ("test_y", "files")]


def test_wider_fixtures_live_through_reruns_for_leaks(check: Runs) -> None:
    """They are torn down once, at their end, whether the leaky test is the last or not."""
    done = check(
        """
EVENTS = []
@pytest.fixture(scope="module")
def wide():
    EVENTS.append("up")
    with open(os.devnull) as file: yield file
    EVENTS.append("down")
def test_x(wide):
    assert not wide.closed
    leak()
def test_y(wide): assert not wide.closed
def test_z(): assert EVENTS.count("up") - EVENTS.count("down") in (0, 1) and len(EVENTS) <= 2
""",
        *RERUNS,
    )
    assert outcomes(done) == "RRF.."
    assert done.leaks == [("test_x", "files")]


def test_flaky_tries_again_in_silence_what_failed(check: Runs) -> None:
    """A failed try is not reported, and passes for nothing of ours."""
    done = check(COUNTED + "@pytest.mark.flaky\ndef test_x(): assert attempt() == 2\ndef test_y(): pass", *FLAKY)
    assert (outcomes(done), done.result.ret, done.counts, done.leaks) == ("..", 0, {"passed": 2}, [])
    assert (done.document["tests"], done.document["checked"]) == (2, 2)


def test_a_leaky_test_fails_under_flaky_once(check: Runs) -> None:
    """flaky decides before the teardown: a leak makes no further try, and fails the last one."""
    done = check("@pytest.mark.flaky\ndef test_x(): leak()\ndef test_y(): leak()\ndef test_z(): pass", *FLAKY)
    assert (outcomes(done), done.counts) == ("FF.", {"failed": 2, "passed": 1})
    assert done.leaks == [("test_x", "files"), ("test_y", "files")]


def test_flaky_and_subtests_log_what_they_have_to_say(check: Runs) -> None:
    """What somebody else logs while a phase runs is heard as well."""
    done = check(
        """
class TestParts(unittest.TestCase):
    def test_x(self):
        with self.subTest("part"): pass
        with self.subTest("bad part"): assert 0
""",
        *FLAKY,
    )
    assert done.result.ret == 1
    assert "bad part" in done.out


def test_each_repetition_of_pytest_repeat_is_a_test(check: Runs) -> None:
    """A leak in each of them is reported for each."""
    done = check("def test_x(): leak()\ndef test_y(): pass", "-p", "pytest_repeat", "--count=2")
    assert done.counts == {"failed": 2, "passed": 2}
    assert [test for test, _ in done.leaks] == ["test_x[1-2]", "test_x[2-2]"]


def test_a_plugin_that_only_listens_to_the_protocol_is_heard(check: Runs) -> None:
    """An implementation that answers nothing leaves the item to pytest, and to us."""
    heard: list[str] = []

    class Listener:
        def pytest_runtest_protocol(self, item: pytest.Item) -> None:
            heard.append(item.name)

    done = check("def test_x(): leak()\ndef test_y(): pass", plugins=(Listener(),))
    assert heard == ["test_x", "test_y"]
    assert done.leaks == [("test_x", "files")]


@pytest.mark.usefixtures("clean_faults")
def test_tests_that_run_where_nobody_can_look_are_named_as_such(check: Runs) -> None:
    """A plugin that never asks for the phases: nothing was checked, and silence would say that all is well."""

    class Runner:
        def pytest_runtest_protocol(self, item: pytest.Item) -> bool:
            item.runtest()
            return True

    source = "def test_x(): leak()\ndef test_y(): leak()"
    done = check(source, plugins=(Runner(),))
    assert done.lines("no-leaks: 0 of 2 tests checked, no leaks;")
    (line,) = done.lines("not working: 2 tests: NotChecked: run by ")
    assert line.endswith("in a way that nobody else can look at")


def test_nothing_of_ours_stands_in_pytest_after_a_run(check: Runs, no_outer_session: None) -> None:
    """Not even in a module that imported the function by name."""
    rerunfailures = pytest.importorskip("pytest_rerunfailures")
    outer, protocol._at_work[:] = [*protocol._at_work], []
    protocol._replace(protocol.dispatch, protocol._plain)
    try:
        check("def test_x(): pass", *RERUNS)
        assert runner.runtestprotocol is protocol._plain
        assert rerunfailures.runtestprotocol is protocol._plain
    finally:
        protocol._at_work[:] = outer
        protocol._replace(protocol._plain, protocol.dispatch)


def test_a_pytest_without_the_function_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """In words that say what still works."""
    with monkeypatch.context() as patched:
        patched.delattr(runner, "runtestprotocol")
        source = Path(str(protocol.__file__)).read_text(encoding="utf-8")
        with pytest.raises(pytest.UsageError, match="--no-leaks-off runs them unchecked"):
            exec(
                compile(source, str(protocol.__file__), "exec"),
                {"__name__": protocol.__name__, "__package__": "no_leaks.plugin"},
            )
