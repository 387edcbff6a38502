"""pytest-xdist: however tests are dealt out, and whatever becomes of a worker, there is one report, summary and exit code."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

pytest.importorskip("xdist")

SOURCE = """
import os, pathlib, pytest

kept = []

@pytest.mark.xdist_group("one")
class TestGroup:
    def test_leaks_a_file(self): kept.append(open(__file__))
    def test_is_clean(self): pass
"""

FLAGS = ("--no-leaks", "--no-leaks-grace=0", "--no-leaks-kinds=files,threads", "--no-leaks-report=json:leaks.json")
PLUGINS = ("-p", "no_leaks", "-p", "xdist.plugin")


class Workers:
    """Runs pytest with two workers on two files in a process of its own."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        monkeypatch.delenv("PYTEST_ADDOPTS")

    def __call__(self, *args: str, one: str = "", two: str = "", flags: tuple[str, ...] = FLAGS) -> pytest.RunResult:
        """Add tests to the two files and run them."""
        self.pytester.makepyfile(test_one=SOURCE + one, test_two=SOURCE + two)
        return self.pytester.runpytest_subprocess(*PLUGINS, *flags, *args)

    @property
    def document(self) -> dict[str, Any]:
        """What was written as JSON."""
        document: dict[str, Any] = json.loads((self.pytester.path / "leaks.json").read_text(encoding="utf-8"))
        return document

    @property
    def leaks(self) -> Counter[str]:
        """How often each test is charged with a leak; to a name of `--dist=loadgroup` some releases add the group."""
        names = (leak["test"].partition("@")[0] for leak in self.document["leaks"])
        return Counter(name.replace(".py::TestGroup::", " ") for name in names)


@pytest.fixture
def workers(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Workers:
    """Make `workers(*args, one=..., two=...)`."""
    return Workers(pytester, monkeypatch)


@pytest.mark.parametrize("mode", ["load", "loadscope", "loadfile", "loadgroup", "worksteal", "no"])
def test_every_way_to_deal_out_tests_makes_one_report(workers: Workers, mode: str) -> None:
    """The document counts the tests of both, the summary is printed once, and the exit code is that of failed tests."""
    result = workers("-n", "2", f"--dist={mode}")
    result.assert_outcomes(failed=2, passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert [line.partition(";")[0] for line in result.outlines if line.startswith("no-leaks:")] == [
        "no-leaks: 4 tests checked, 2 leaks in 2 tests"
    ]
    assert (workers.document["tests"], workers.document["checked"]) == (4, 4)
    assert workers.document["canary"] == {"files": True, "threads": True}
    assert workers.document["overhead"]["seconds"] > 0
    assert workers.leaks == {"test_one test_leaks_a_file": 1, "test_two test_leaks_a_file": 1}


def test_each_worker_of_dist_each_finds_its_own(workers: Workers) -> None:
    """Every test runs in both workers, and leaks in both."""
    result = workers("--dist=each", "--tx=2*popen")
    result.assert_outcomes(failed=4, passed=4)
    assert (workers.document["tests"], workers.document["checked"]) == (8, 8)
    assert workers.leaks == {"test_one test_leaks_a_file": 2, "test_two test_leaks_a_file": 2}


CRASH = """
def test_crash():
    os._exit(3)
"""


def test_what_a_crashed_worker_had_found_is_not_lost(workers: Workers) -> None:
    """Each test's report has taken it along; nor is anything lost of the other worker and of the one that follows."""
    result = workers("-n", "2", "--dist=loadfile", "--max-worker-restart=1", one=CRASH)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["worker 'gw?' crashed while running 'test_one.py::test_crash'"])
    assert workers.leaks == {"test_one test_leaks_a_file": 1, "test_two test_leaks_a_file": 1}
    assert workers.document["canary"] == {"files": True, "threads": True}
    assert workers.document["tests"] >= 4


def test_a_run_that_stops_at_the_first_failure_writes_what_was_found(workers: Workers) -> None:
    """The workers that are still at it hand in nothing any more."""
    result = workers("-n", "2", "-x")
    assert result.ret != 0
    assert sum(workers.leaks.values()) >= 1
    assert len([line for line in result.outlines if line.startswith("no-leaks:")]) == 1


def test_the_report_is_written_without_a_terminal_too(workers: Workers) -> None:
    """Who writes no summary still wants the document."""
    workers("-n", "2", "-p", "no:terminal")
    assert sum(workers.leaks.values()) == 2


def test_workers_with_nothing_to_check_say_nothing(workers: Workers) -> None:
    """The plugin is there, and idle."""
    result = workers("-n", "2", flags=())
    result.assert_outcomes(passed=4)
    assert "no-leaks:" not in result.stdout.str()


def test_a_marker_alone_is_checked_in_the_workers(workers: Workers) -> None:
    """The controller collects nothing: it learns of it from the workers."""
    marked = "\n@pytest.mark.no_leaks\ndef test_marked(): kept.append(open(__file__))"
    result = workers("-n", "2", one=marked, flags=FLAGS[1:])
    result.assert_outcomes(passed=4, failed=1)
    assert workers.leaks == {"test_one.py::test_marked": 1}
    assert (workers.document["tests"], workers.document["checked"]) >= (3, 1)


def test_what_travels_with_a_report_reaches_no_other_plugin(workers: Workers) -> None:
    """Plugins that write reports as they are would write ours along."""
    workers.pytester.makeconftest(
        """
        def pytest_runtest_logreport(report):
            if hasattr(report, "node"):
                assert not [name for name in vars(report) if "leaks" in name]
        """
    )
    workers("-n", "2").assert_outcomes(failed=2, passed=2)


def test_reruns_in_workers_count_once(workers: Workers) -> None:
    """pytest-rerunfailures runs in the workers: one test, one leak, one failure."""
    pytest.importorskip("pytest_rerunfailures")
    result = workers("-n", "2", "-p", "pytest_rerunfailures", "--reruns=1")
    result.assert_outcomes(failed=2, passed=2)
    result.stdout.fnmatch_lines(["*2 rerun*"])
    assert (workers.document["tests"], workers.document["checked"]) == (4, 4)
    assert workers.leaks == {"test_one test_leaks_a_file": 1, "test_two test_leaks_a_file": 1}
