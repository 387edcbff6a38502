"""The end of the run: one line with counts and cost, and the reports that were asked for, whatever happened."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from runs import Runs

from no_leaks.model import Resource, Sighting
from no_leaks.plugin import summary
from no_leaks.plugin.run import Run
from no_leaks.sensors import strays

LINE = re.compile(r"no-leaks: 1 test checked, no leaks; \d+\.\d{3} s \(\d+ us per test\)")


def test_a_clean_run_says_one_line(check: Runs, no_outer_session: None) -> None:
    """Counts and cost; no section."""
    done = check("def test_x(): pass")
    assert LINE.fullmatch(done.lines("no-leaks:")[0])
    assert "= no-leaks =" not in done.out


def test_the_report_of_a_clean_run_has_no_leaks(check: Runs) -> None:
    """It is written all the same."""
    document = check("def test_x(): pass").document
    assert (document["schema"], document["tests"], document["checked"], document["leaks"]) == (1, 1, 1, [])
    assert document["overhead"]["seconds"] >= 0


def test_the_report_of_a_run_that_failed_is_written(check: Runs) -> None:
    """Each test for its own reason, each with a leak: one entry each."""
    done = check("@pytest.mark.parametrize('n', range(3))\ndef test_x(n):\n    leak()\n    assert n is None")
    assert done.leaks == [("test_x[0]", "files"), ("test_x[1]", "files"), ("test_x[2]", "files")]
    assert done.lines("no-leaks: 3 tests checked, no leaks, 3 unconfirmed;")
    assert done.document["summary"]["unconfirmed"] == 3


def test_a_run_without_tests_that_are_checked_says_nothing(check: Runs) -> None:
    """No line, no report."""
    done = check("def test_x(): leak()", switch="")
    assert done.counts == {"passed": 1}
    assert not done.lines("no-leaks:")


def test_a_report_that_cannot_be_written_is_said(check: Runs) -> None:
    """Its folder went while the tests ran; nothing else is lost."""
    (check.pytester.path / "out").mkdir()
    done = check("def test_x(): os.rmdir('out')\ndef test_y(): leak()", "--no-leaks-report=json:out/leaks.json")
    assert done.counts == {"failed": 1, "passed": 1}
    assert done.leaks == [("test_y", "files")]
    assert len(done.lines("not working: report ")) == 1
    assert done.lines("no-leaks:")[0].endswith("; 1 part of no-leaks failed")


def test_a_report_that_is_written_leaves_the_run_as_it_was(pytester: pytest.Pytester) -> None:
    """The same value comes back."""
    config = pytester.parseconfig("-p", "no:pyleak", "--no-leaks-report=json:leaks.json")
    found = Run("", tests=1)
    assert summary.close(config, found) is found
    assert (pytester.path / "leaks.json").exists()


def test_without_a_terminal_there_is_a_report(check: Runs) -> None:
    """-p no:terminal has no summary."""
    done = check("def test_x(): leak()", "-p", "no:terminal")
    assert done.leaks == [("test_x", "files")]
    assert not done.lines("no-leaks:")


def test_what_an_earlier_run_could_not_attribute_is_not_told_again(check: Runs, no_outer_session: None) -> None:
    """pytest.main may be called twice in one process."""
    strays.kept.append(Sighting("unclosed", Resource("file", "fd 9"), "a file was dropped unclosed", "close it"))
    assert "not attributable" not in check("def test_x(): pass").out


class Lines:
    """Stands in for the terminal reporter."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write_line(self, line: str, **markup: bool) -> None:
        """Keep a line."""
        self.lines.append(line)

    def section(self, title: str, sep: str = "=") -> None:
        """Keep a title."""
        self.lines.append(title)


@pytest.mark.parametrize(
    "noteworthy", [{"unattributed": ("a file",)}, {"faults": {"probe": "broken"}}, {"canary": {"files": False}}]
)
def test_what_no_test_shows_has_a_section(noteworthy: dict[str, object]) -> None:
    """Strays, faults and blindness never pass in silence."""
    lines = Lines()
    summary.write(lines, Run(str(Path.cwd()), tests=1, checked=1)._replace(**noteworthy))  # type: ignore[arg-type]
    assert lines.lines[0] == "no-leaks"
    assert len(lines.lines) == 3
