"""The table of open suites: who changed, who is accused, what somebody said of it, and what the page makes of that."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("resource", reason="the script takes the processor's time as POSIX tells it")

FOLDER = Path(__file__).parent.parent / "benchmarks" / "open_suites"
TEST = "tests/test_a.py::test_x"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Load the modules of the script, which find each other in their own folder."""
    monkeypatch.syspath_prepend(FOLDER)
    names = ("projects", "running", "compare", "judgement", "page")
    return SimpleNamespace(**{name: importlib.import_module(name) for name in names})


def leak(**given: Any) -> dict[str, Any]:
    """Return a leak as the JSON report has it."""
    frames = [
        {"file": "/x/lib/python3.11/socket.py", "line": 3, "function": "dial", "in_app": False},
        {"file": "tests/test_a.py", "line": 7, "function": "test_x", "in_app": True},
    ]
    return {
        "test": TEST,
        "kind": "sockets",
        "verdict": "leak",
        "summary": "a socket was left",
        "owner": {"scope": "function", "fixture": None},
        "created_at": frames,
        **given,
    }


def plain(script: SimpleNamespace, outcomes: dict[str, str], **given: Any) -> Any:
    """Return a run without the plugin."""
    return script.running.Run(False, outcomes, {}, given.get("clock_s", 1.0), given.get("processor_s", 1.0), 0.5, {})


def checked(script: SimpleNamespace, outcomes: dict[str, str], *leaks: dict[str, Any], **given: Any) -> Any:
    """Return a run with the plugin."""
    report = {"leaks": list(leaks), "faults": given.get("faults", {}), "canary": given.get("canary", {})}
    seconds = given.get("clock_s", 1.0), given.get("processor_s", 1.0)
    return script.running.Run(True, outcomes, {}, *seconds, 0.5, report, given.get("without", ()))


def result_of(script: SimpleNamespace, before: str, after: str) -> Any:
    """Compare two runs of one test."""
    return script.compare.compare([plain(script, {TEST: before}), checked(script, {TEST: after})])


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("passed", "passed", 0),
        ("passed", "leaked", 0),
        ("teardown failed", "leaked + teardown failed", 0),
        ("passed", "call failed", 1),
        ("skipped", "passed", 1),
        ("call failed", "leaked", 1),
    ],
)
def test_only_a_leak_may_change_a_test(script: SimpleNamespace, before: str, after: str, changed: int) -> None:
    """A test has to fare as it did without the plugin, unless all that is new is that it leaked."""
    assert len(result_of(script, before, after).changes) == changed


def test_a_missing_test_has_changed(script: SimpleNamespace) -> None:
    """A run that ends early does not pass for one that is clean."""
    (change,) = script.compare.compare([plain(script, {TEST: "passed"}), checked(script, {})]).changes

    assert (change.plain, change.checked) == ("passed", "missing")


def test_what_was_left_out_is_not_missing(script: SimpleNamespace) -> None:
    """The pairs for the time run without the tests that were accused."""
    runs = [plain(script, {TEST: "passed"}), checked(script, {TEST: "leaked"})]
    runs += [plain(script, {}), checked(script, {}, without=(TEST,))]

    assert not script.compare.compare(runs).changes


def test_an_unsteady_test_has_not_changed(script: SimpleNamespace) -> None:
    """What fails without the plugin too, now and then, is not the plugin's doing."""
    runs = [plain(script, {TEST: "passed"}), checked(script, {TEST: "call failed"})]
    runs += [plain(script, {TEST: "call failed"}), checked(script, {TEST: "passed"})]

    assert not script.compare.compare(runs).changes


def test_parameters_are_one_accusation(script: SimpleNamespace) -> None:
    """The same line in a test with parameters is read once; the tests are counted all the same."""
    leaks = [leak(test=f"{TEST}[{number}]") for number in range(3)]
    result = script.compare.compare([plain(script, {}), checked(script, {}, *leaks)])
    (accusation,) = result.accusations

    assert (accusation.test, accusation.site) == (TEST, "tests/test_a.py:7")
    assert result.tests_with("leak") == 3


def test_a_wider_fixture_is_accused_by_its_name(script: SimpleNamespace) -> None:
    """It is no test's leak, and counts as one."""
    fixture = leak(test=None, owner={"scope": "session", "fixture": "server"})
    result = script.compare.compare([plain(script, {}), checked(script, {}, fixture)])

    assert [one.test for one in result.accusations] == ["session fixture server"]
    assert result.tests_with("leak") == 1


def test_a_library_is_named_without_its_place(script: SimpleNamespace) -> None:
    """Where only a library's frame is known, the folder of this machine stays out of the page."""
    frames = leak()["created_at"][:1]

    assert script.compare.site_of(leak(created_at=frames)) == "socket.py:3"


def test_medians_are_of_the_pairs(script: SimpleNamespace) -> None:
    """The first two runs are of the whole suite, leaks and all: they say nothing of the cost of a clean test."""
    runs = [plain(script, {}, processor_s=50.0), checked(script, {}, processor_s=90.0)]
    runs += [checked(script, {}, processor_s=3.0, clock_s=5.0), plain(script, {}, processor_s=2.0, clock_s=4.0)]
    cost = script.compare.compare(runs).cost

    assert (cost.pairs, cost.plain_s, cost.checked_s, cost.ratio, cost.clock_ratio) == (1, 2.0, 3.0, 1.5, 1.25)


def test_what_does_not_work_is_told(script: SimpleNamespace) -> None:
    """A plugin that is blind or at fault accuses nobody, and that is not a clean result."""
    run = checked(script, {}, faults={"plugin": "oh"}, canary={"files": False, "threads": True})
    result = script.compare.compare([plain(script, {}), run])

    assert result.broken == ("canary: files was planted and not seen", "plugin: oh")


def judged(script: SimpleNamespace, *rows: dict[str, Any]) -> list[Any]:
    """Judge one accusation by these entries."""
    result = script.compare.compare([plain(script, {}), checked(script, {}, leak())])
    return list(script.judgement.judge(result.accusations, map(script.judgement.entry, rows)))


def test_the_first_judgement_that_fits_counts(script: SimpleNamespace) -> None:
    """Patterns are the shell's; test, kind and site all have to fit."""
    other = {"test": "tests/*", "kind": "files", "is": "false", "why": "another kind"}
    mine = {"test": ["tests/*::test_x"], "site": "tests/test_a.py:*", "is": "true", "why": "never closed"}
    last = {"kind": "sockets", "is": "false", "why": "too late"}

    assert [(one.verdict, one.why) for one in judged(script, other, mine, last)] == [("true", "never closed")]


@pytest.mark.parametrize(
    ("told", "said", "comes_to"),
    [
        ("leak", "true", "true"),
        ("unconfirmed", "true", "true"),
        ("leak", "once", "false"),
        ("leak", "false", "false"),
        ("once", "once", "once"),
        ("once", "true", "missed"),
    ],
)
def test_a_verdict_is_right_or_wrong(script: SimpleNamespace, told: str, said: str, comes_to: str) -> None:
    """A leak that is none is false; a leak that is called `once` was missed."""
    runs = [plain(script, {}), checked(script, {}, leak(verdict=told))]
    entry = script.judgement.entry({"kind": "sockets", "is": said, "why": "read it"})
    (one,) = script.judgement.judge(script.compare.compare(runs).accusations, [entry])

    assert one.verdict == comes_to


def test_what_is_allowed_is_not_told(script: SimpleNamespace) -> None:
    """A suite's own markers are its own affair."""
    runs = [plain(script, {}), checked(script, {}, leak(verdict="allowed"))]

    assert script.compare.compare(runs).accusations == ()


def test_what_nobody_has_read_is_unjudged(script: SimpleNamespace) -> None:
    """It shows, and the suite is not right."""
    assert [one.verdict for one in judged(script)] == ["unjudged"]


@pytest.mark.parametrize(
    "row", [{"test": "x", "is": "maybe", "why": "y"}, {"test": "x", "is": "true"}, {"is": "true", "why": "y"}]
)
def test_a_judgement_says_what_and_why(script: SimpleNamespace, row: dict[str, str]) -> None:
    """One without a reason, or about everything, is an error."""
    with pytest.raises(ValueError, match="an entry has"):
        script.judgement.entry(row)


def test_the_judgements_name_known_suites(script: SimpleNamespace) -> None:
    """Each entry of judged.toml can be read and belongs to a line of projects.toml."""
    known = script.projects.read({})

    assert set(script.judgement.read(FOLDER / "judged.toml")) <= set(known)


def test_the_page_counts_and_shows(script: SimpleNamespace) -> None:
    """One line of numbers for a suite, and one for what it is accused of."""
    first = plain(script, {TEST: "passed", "tests/test_a.py::test_y": "skipped"})
    result = script.compare.compare(
        [first, checked(script, {TEST: "leaked", "tests/test_a.py::test_y": "skipped"}, leak())]
    )
    suite = script.page.Suite("shop", "1.0", "sockets", result, tuple(judged(script)))

    assert script.page.row(suite).startswith("| shop 1.0 | 1 | 1 | 0 | 0 | 0 | 0 | 1 | 0 |")
    assert f"| `{TEST}` | sockets | `tests/test_a.py:7` | **unjudged**: a socket was left |" in list(
        script.page.details([suite])
    )
    assert not suite.is_right
