"""Silence: of a repetition nothing shows, wherever a user or another plugin looks."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ET
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from runs import Runs

from no_leaks.plugin import silence

LOUD = """
import logging

@pytest.fixture
def loud():
    print("heard: set-up")
    yield
    print("heard: teardown")

def test_x(loud, record_property, record_testsuite_property, request):
    leak()
    print("heard: body")
    os.write(1, b"heard: descriptor\\n")
    sys.stderr.write("heard: error\\n")
    logging.getLogger().warning("heard: log")
    warnings.warn("heard: warning")
    record_property("heard", "property")
    record_testsuite_property("heard", "of the suite")
"""


def heard(text: str, what: str) -> int:
    """Count how often something is to be heard."""
    return text.count(f"heard: {what}")


@pytest.mark.parametrize("capture", ["fd", "sys", "no", "tee-sys"])
def test_output_logs_and_warnings_are_those_of_the_first_run(check: Runs, capture: str) -> None:
    """Whatever pytest captures, and what it does not."""
    done = check.child(LOUD, f"--capture={capture}", "-o", "log_cli=true")
    assert done.counts == {"failed": 1}
    # Captured output stands in the report of the failure; a tee and -s show it once more, or only, while it runs.
    most = 2 if capture == "tee-sys" else 1
    for what in ("set-up", "body", "teardown"):
        assert 1 <= heard(done.out, what) <= most
    assert heard(done.out + done.result.stderr.str(), "error") <= most
    assert heard(done.out, "descriptor") == 1
    assert heard(done.out, "log") == 2  # the live log, and the section of the report
    assert done.document["leaks"][0]["evidence"]["rounds"] == [1, 1]
    assert len([line for line in done.out.splitlines() if "UserWarning: heard" in line]) == 1


def test_properties_and_junit_entries_are_those_of_the_first_run(check: Runs) -> None:
    """One test case, each property once."""
    done = check(LOUD)
    tree = ET.parse(done.folder / "junit.xml")
    assert len(list(tree.iter("testcase"))) == 1
    assert sorted(one.get("value") or "" for one in tree.iter("property")) == ["of the suite", "property"]


def test_durations_and_fixtures_are_shown_once(check: Runs) -> None:
    """--durations lists three phases, --setup-show one set-up."""
    done = check(LOUD, "--durations=0", "-vv", "--setup-show")
    assert len([line for line in done.out.splitlines() if " call " in line and "test_x" in line]) == 1
    assert len(done.lines("        SETUP    F loud")) == 1


def test_subtests_are_reported_once(check: Runs) -> None:
    """They log their reports while the test runs."""
    pytest.importorskip("_pytest.subtests", reason="part of pytest from 9.0 on")
    done = check(
        """
def test_x(subtests):
    leak()
    for n in range(2):
        with subtests.test(n=n): pass
""",
        "-v",
    )
    assert done.out.count("SUBPASSED") == 2
    assert done.document["leaks"][0]["evidence"]["rounds"] == [1, 1]


def test_other_plugins_hear_of_one_test(check: Runs) -> None:
    """Start, finish, reports and warnings; the phases' own hooks are what a repetition consists of."""

    class Listens:
        heard: ClassVar[list[str]] = []

        def pytest_runtest_logstart(self) -> None:
            self.heard.append("start")

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            self.heard.append(report.when or "")

        def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
            self.heard.append(f"make {call.when}")

        def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
            if str(warning_message.message).startswith("heard"):  # pytest warns of record_property with xunit2
                self.heard.append("warning")

    check(LOUD, plugins=(Listens(),))
    assert sorted(Listens.heard) == sorted(
        ["start", "make setup", "make call", "make teardown", "setup", "call", "teardown", "warning"]
    )


def test_a_pluggy_that_keeps_its_hooks_elsewhere_is_left_alone() -> None:
    """Then a subtest is reported again; nothing breaks."""
    config: Any = SimpleNamespace(hook=SimpleNamespace(pytest_runtest_logreport=SimpleNamespace()))
    with silence._unreported(config):  # pyright: ignore[reportPrivateUsage]  # no pluggy so far looks like this
        pass
