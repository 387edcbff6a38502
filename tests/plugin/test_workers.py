"""pytest-xdist: the workers' findings become one report, one summary and one exit code."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from no_leaks.plugin import workers

pytest.importorskip("xdist")

LEAKY = """
kept = []

def test_leaks_a_file():
    kept.append(open(__file__))

def test_is_clean():
    pass
"""


def test_two_workers_make_one_report(pytester: pytest.Pytester) -> None:
    """The document counts the tests of both, and the summary is printed once, by the controller."""
    pytester.makepyfile(test_one=LEAKY, test_two=LEAKY)
    result = pytester.runpytest_subprocess(
        *("-n", "2", "--no-leaks", "--no-leaks-grace=0", "--no-leaks-report=json:leaks.json", "-p", "no:randomly")
    )
    result.assert_outcomes(failed=2, passed=2)
    result.stdout.fnmatch_lines(["no-leaks: 4 tests checked, 2 leaks in 2 tests;*"])
    document = json.loads((pytester.path / "leaks.json").read_text(encoding="utf-8"))
    assert (document["tests"], document["checked"], document["summary"]["leak"]) == (4, 4, 2)
    assert sorted(leak["test"] for leak in document["leaks"]) == [
        "test_one.py::test_leaks_a_file",
        "test_two.py::test_leaks_a_file",
    ]
    assert document["canary"]["files"] is True


def test_a_report_that_cannot_be_written_is_said(pytester: pytest.Pytester) -> None:
    """The folder goes while the tests run: the run ends all the same, and the summary says so."""
    pytester.makepyfile(
        """
        import pathlib, shutil

        def test_removes_the_folder():
            shutil.rmtree(pathlib.Path(__file__).parent / "out")
        """
    )
    (pytester.path / "out").mkdir()
    result = pytester.runpytest_subprocess("--no-leaks", "--no-leaks-report=json:out/leaks.json", "-p", "no:randomly")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["not working: report *leaks.json: FileNotFoundError*"])


def test_a_crashed_worker_takes_nothing_from_the_others() -> None:
    """It hands in nothing, and nothing happens."""
    workers.take(SimpleNamespace(workeroutput=None))
    workers.take(SimpleNamespace(workeroutput={"other": 1}))
