"""Terminal: how a leak stands in pytest's own output, in JUnit XML and behind xdist."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Any

import pytest
from _pytest._io import TerminalWriter
from _pytest.reports import TestReport

from no_leaks.model import Frame, Leak, Owner, Resource, Verdict
from no_leaks.plugin import terminal
from no_leaks.plugin.run import Run

LEAK = Leak(
    fingerprint="nl-7f3a1c09be42",
    kind="sockets",
    verdict=Verdict.LEAK,
    confidence="definite",
    test="test_client.py::test_fetch",
    owner=Owner("function", test="test_client.py::test_fetch"),
    summary="a TCP socket was opened and never closed",
    resource=Resource("socket", "fd 11", ""),
    created_at=(Frame("src/shop/http.py", 31, "Client._connect", True),),
    hint="close it",
)
HEADLINE = "1 leak: TCP socket opened at src/shop/http.py:31"

CONFTEST = """
import pytest
from no_leaks.model import Frame, Leak, Owner, Resource, Verdict
from no_leaks.plugin import terminal

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when != "call":
        return report
    leak = Leak("nl-7f3a1c09be42", "sockets", Verdict.LEAK, "definite", item.nodeid, Owner("function"),
        "a TCP socket was opened and never closed", Resource("socket", "fd 11"),
        (Frame("src/shop/http.py", 31, "Client._connect", True),), hint="close it")
    if report.passed:
        report.outcome = "failed"
        report.longrepr = terminal.failure([leak], str(item.config.rootpath), item.nodeid, *item.location[:2])
    else:
        report.sections.append(terminal.section([leak], str(item.config.rootpath)))
    return report
"""


def found(leaks: Sequence[Leak] = (), **others: Any) -> Run:
    """Return a run of 412 tests that found these leaks."""
    return Run("", 412, 412, 38_000_000, {}, tuple(leaks))._replace(**others)


class Reporter:
    """Stands in for pytest's terminal reporter: it keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def section(self, title: str, sep: str = "=") -> None:
        """Keep a section's title."""
        self.lines.append(f"{sep}{title}{sep}")

    def write_line(self, line: str, **markup: bool) -> None:
        """Keep a line."""
        self.lines.append(line)


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project whose one test is said to leak."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_client="def test_fetch(): pass\n")
    return pytester


def summary_of(run: Run) -> list[str]:
    reporter = Reporter()
    terminal.write_summary(reporter, run)  # type: ignore[arg-type]  # it needs two of its methods
    return reporter.lines


def test_the_summary_of_failures_names_the_leak(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """One F, one block, one line."""
    monkeypatch.setenv("COLUMNS", "140")
    result = project.runpytest("-p", "no:no_leaks")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*_ test_fetch _*",
            "*_ leak: sockets · nl-7f3a1c09be42 · definite _*",
            "A TCP socket was opened and never closed.",
            "  opened at   src/shop/http.py:31 in Client._connect",
            f"FAILED test_client.py::test_fetch - {HEADLINE}",
        ]
    )


def test_it_survives_xdist(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker found is shown by the controller, as text."""
    pytest.importorskip("xdist")
    monkeypatch.setenv("COLUMNS", "140")
    result = project.runpytest_subprocess("-p", "no:no_leaks", "-p", "xdist", "-n1")
    result.stdout.fnmatch_lines(
        ["  opened at   src/shop/http.py:31 in Client._connect", f"FAILED test_client.py::test_fetch - {HEADLINE}"]
    )


def test_it_is_one_failure_in_junit(project: pytest.Pytester) -> None:
    """The message is the headline, the text the whole block."""
    project.runpytest("-p", "no:no_leaks", "--junitxml=out.xml")
    root = ET.parse(project.path / "out.xml").getroot()
    (failure,) = root.iter("failure")
    assert failure.get("message") == HEADLINE
    assert "opened at   src/shop/http.py:31" in (failure.text or "")
    assert not list(root.iter("error"))


def test_one_line_per_failure_names_the_test_and_the_leak(project: pytest.Pytester) -> None:
    """`--tb=line` reads the place and the headline."""
    project.runpytest("-p", "no:no_leaks", "--tb=line").stdout.fnmatch_lines([f"*test_client.py:1: {HEADLINE}"])


def test_a_test_that_failed_for_its_own_reason_gets_a_section(pytester: pytest.Pytester) -> None:
    """Its own error stays first; the leaks are added."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_own="def test_own(): assert 1 == 2")
    result = pytester.runpytest("-p", "no:no_leaks")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E *assert 1 == 2", "*- leaks -*", "*leak: sockets*", "FAILED test_own.py::test_own - assert 1 == 2"]
    )


def test_it_is_coloured_on_a_terminal() -> None:
    """Red for what is wrong, green for what to do."""
    out = io.StringIO()
    writer = TerminalWriter(out)
    writer.hasmarkup = True
    terminal.failure([LEAK], "", "test_client.py::test_fetch", "test_client.py", 0).toterminal(writer)
    assert "\x1b[31m\x1b[1mA TCP socket was opened and never closed.\x1b[0m" in out.getvalue()


def test_sections_of_others_are_printed() -> None:
    """A plugin may add to any failure."""
    shown = terminal.failure([LEAK], "", "test_client.py::test_fetch", "test_client.py", 0)
    shown.addsection("more", "words of another plugin")
    assert str(shown).endswith("words of another plugin")


def test_a_report_is_rebuilt_with_the_same_text() -> None:
    """What pytest-xdist sends keeps block and headline."""
    shown = terminal.failure([LEAK], "", "test_client.py::test_fetch", "", 0)
    report = TestReport("test_client.py::test_fetch", ("test_client.py", 0, "test_fetch"), {}, "failed", shown, "call")
    rebuilt = TestReport._from_json(report._to_json())  # pyright: ignore[reportPrivateUsage]  # what xdist calls
    assert "opened at   src/shop/http.py:31" in rebuilt.longreprtext
    assert rebuilt.longrepr.reprcrash.message == HEADLINE  # type: ignore[union-attr]
    assert (shown.reprcrash.path, shown.reprcrash.lineno) == ("test_client.py", 1)  # type: ignore[union-attr]


def test_the_line_of_a_clean_run(clean_faults: None) -> None:
    """One line, and no section above it."""
    assert summary_of(found()) == ["no-leaks: 412 tests checked, no leaks; 0.038 s (92 us per test)"]


def test_the_line_counts_leaks_and_tests(clean_faults: None) -> None:
    """Leaks that failed a test have been shown with it, and need no section."""
    other = LEAK._replace(test="test_client.py::test_other")
    assert summary_of(found([LEAK, LEAK, other])) == [
        "no-leaks: 412 tests checked, 3 leaks in 2 tests; 0.038 s (92 us per test)"
    ]


def test_the_line_says_how_few_were_checked(clean_faults: None) -> None:
    """A marker may check one test of many."""
    assert summary_of(found(checked=1))[0].startswith("no-leaks: 1 of 412 tests checked")


def test_allowed_leaks_are_listed_with_their_reason(clean_faults: None) -> None:
    """What is allowed is never invisible; equal ones make one line."""
    allowed = LEAK._replace(verdict=Verdict.ALLOWED, reason="kept warm")
    assert summary_of(found([allowed, allowed])) == [
        "=no-leaks=",
        "allowed     test_client.py::test_fetch: TCP socket opened at src/shop/http.py:31 (nl-7f3a1c09be42) (2 times) - kept warm",
        "no-leaks: 412 tests checked, no leaks, 2 allowed; 0.038 s (92 us per test)",
    ]


def test_a_one_time_leak_is_listed_without_a_reason(clean_faults: None) -> None:
    """It fails nothing, and is said."""
    lines = summary_of(found([LEAK._replace(verdict=Verdict.ONCE)]))
    assert lines[1].startswith("once        test_client.py::test_fetch: TCP socket")
    assert lines[-1].startswith("no-leaks: 412 tests checked, no leaks, 1 once;")


def test_a_leak_of_no_test_is_shown_whole(clean_faults: None) -> None:
    """A session fixture's leak has no test's report to stand in."""
    lines = summary_of(found([LEAK._replace(test=None, owner=Owner("session", "server"))]))
    assert "  owner       fixture 'server' (session scope)" in lines
    assert lines[-1].startswith("no-leaks: 412 tests checked, 1 leak;")


def test_an_unconfirmed_leak_of_no_test_is_not_shown_twice(clean_faults: None) -> None:
    """It stands above with all that is known."""
    lines = summary_of(found([LEAK._replace(test=None, verdict=Verdict.UNCONFIRMED)]))
    assert sum("unconfirmed" in line for line in lines) == 2


def test_strays_are_said(clean_faults: None) -> None:
    """What nobody can be charged with is said all the same."""
    assert "not attributable to a test: a file was dropped" in summary_of(found(unattributed=("a file was dropped",)))


def test_faults_and_blindness_are_said(clean_faults: None) -> None:
    """A check that does not work never passes silently."""
    lines = summary_of(found(canary={"files": True, "threads": False}, faults={"probe sockets": "OSError: no /proc"}))
    assert "not working: probe sockets: OSError: no /proc" in lines
    assert any(line.startswith("not working: canary threads: ") for line in lines)
    assert lines[-1].endswith("; 2 parts of no-leaks failed")
