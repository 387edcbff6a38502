"""Phases: an item runs as pytest runs it, whatever stops it, shows it or runs it elsewhere."""

from __future__ import annotations

import importlib

import pytest
from _pytest import fixtures, runner
from runs import Runs

from no_leaks.plugin import phases, protocol

THREE = "def test_a(): leak()\ndef test_b(): leak()\ndef test_c(): pass"
OPEN_FIXTURE = """
@pytest.fixture
def file():
    with open(os.devnull) as file: yield file
"""


@pytest.mark.parametrize(("flag", "failed"), [("-x", 1), ("--maxfail=2", 2)])
def test_a_leak_counts_for_maxfail(check: Runs, flag: str, failed: int) -> None:
    """The run stops after so many."""
    done = check(THREE, flag)
    assert done.counts == {"failed": failed}
    assert len(done.leaks) == failed


def test_a_test_that_stops_the_run_has_all_its_fixtures_torn_down_in_it(check: Runs) -> None:
    """Errors of the wider teardown are then reported, as without the plugin."""
    done = check(
        """
@pytest.fixture(scope="session")
def wide():
    yield
    pytest.fail("teardown of a session fixture")
def test_a(wide): assert 0
def test_b(wide): pass
""",
        "-x",
    )
    assert done.counts == {"failed": 1, "errors": 1}


def test_setup_show_names_the_test_amid_its_fixtures(check: Runs) -> None:
    """In pytest's words; the dot comes once its leaks are known."""
    done = check(OPEN_FIXTURE + "def test_x(file): pass\ndef test_y(): pass", "--setup-show")
    assert [line.strip() for line in done.out.splitlines() if line.startswith("        ")] == [
        "SETUP    F file",
        "test_a.py::test_x (fixtures used: file)",
        "TEARDOWN F file.",
        "test_a.py::test_y .",
    ]


def test_setup_only_runs_no_test(check: Runs) -> None:
    """Set-up and teardown are checked; the body does not run."""
    done = check(OPEN_FIXTURE + "def test_x(file): leak()", "--setup-only")
    assert (done.result.ret, done.counts, done.leaks) == (0, {}, [])
    assert "test_a.py::test_x (fixtures used: file)" in done.out


def test_collect_only_checks_nothing(check: Runs) -> None:
    """Nothing runs, and nothing is said."""
    done = check(THREE, "--collect-only")
    assert "3 tests collected" in done.out
    assert not done.lines("no-leaks:")


def test_pdb_is_entered_for_an_error_and_not_for_a_leak(check: Runs) -> None:
    """A leak has no frame to stand in."""
    done = check(
        """
class FakePdb:
    quitting = False
    entered = []
    def __init__(self, *args, **keywords): pass
    def reset(self): pass
    def interaction(self, *args): FakePdb.entered.append(1)
def test_error(): assert 0
def test_leaky(): leak()
def test_entered(): assert FakePdb.entered == [1]
""",
        *("--pdb", "--pdbcls=test_a:FakePdb"),
    )
    assert done.counts == {"failed": 2, "passed": 1}
    assert done.leaks == [("test_leaky", "files")]


def test_unittest_under_pdb_is_checked_after_its_late_teardown(check: Runs) -> None:
    """With --pdb pytest itself postpones tearDown to the end of the item."""
    done = check(
        """
class TestLate(unittest.TestCase):
    def setUp(self): self.file = open(os.devnull)
    def tearDown(self): self.file.close()
    def test_x(self): pass
""",
        "--pdb",
    )
    assert (done.counts, done.leaks) == ({"passed": 1}, [])


def test_last_failed_runs_the_leaking_test_again(check: Runs) -> None:
    """To the cache it failed."""
    check(THREE)
    assert check(THREE, "--lf").counts == {"failed": 2}


@pytest.mark.parametrize(
    "flags", [("-p", "no:cacheprovider"), ("-s",), ("--durations=3",), ("-q", "--tb=short"), ("-v",), ("--tb=no",)]
)
def test_other_flags_change_nothing(check: Runs, flags: tuple[str, ...]) -> None:
    """Two leaks, one pass."""
    assert check(THREE, *flags).counts == {"failed": 2, "passed": 1}


@pytest.mark.parametrize("where", ["body", "teardown"])
def test_an_interrupted_test_is_not_judged(check: Runs, where: str) -> None:
    """Its fixtures are still open; what was reported so far stays, and the report is written."""
    body = "raise KeyboardInterrupt" if where == "body" else "pass"
    teardown = "raise KeyboardInterrupt" if where == "teardown" else "pass"
    done = check.child(
        f"""
@pytest.fixture
def file():
    with open(os.devnull) as file:
        yield file
        {teardown}
def test_a(): leak()
def test_b(file): {body}
def test_c(): pass
"""
    )
    assert done.result.ret == pytest.ExitCode.INTERRUPTED
    assert done.leaks == [("test_a", "files")]
    assert (done.counts.get("failed"), done.counts.get("errors")) == (1, None)
    assert len(done.lines("no-leaks: 3 tests checked") + done.lines("no-leaks: 1 of 2 tests checked")) == 1


def test_a_run_that_a_test_ends_writes_its_report(check: Runs) -> None:
    """pytest.exit in the body."""
    done = check.child("def test_a(): leak()\ndef test_b():\n    leak()\n    pytest.exit('enough')\ndef test_c(): pass")
    assert done.result.ret == pytest.ExitCode.INTERRUPTED
    assert done.leaks == [("test_a", "files")]
    assert "enough" in done.out


def test_an_item_that_runs_again_gets_a_new_request(pytester: pytest.Pytester) -> None:
    """As pytest itself makes one for plugins that repeat tests."""
    (item,) = pytester.getitems("def test_x(tmp_path): assert tmp_path.exists()")
    for _ in range(2):
        reports: list[pytest.TestReport] = []
        protocol.drive(phases.steps(item, None, reports), item, phases.one)
        assert [(report.when, report.outcome) for report in reports] == [
            ("setup", "passed"),
            ("call", "passed"),
            ("teardown", "passed"),
        ]


def test_items_of_other_files_are_tests_like_others(check: Runs) -> None:
    """They have neither fixtures nor a request."""
    check.pytester.makeconftest(
        """
        import pytest

        kept = []

        class Line(pytest.Item):
            def runtest(self):
                if self.name == "leaky":
                    kept.append(open(self.path))
            def reportinfo(self):
                return self.path, None, self.name

        class Lines(pytest.File):
            def collect(self):
                yield from (Line.from_parent(self, name=name) for name in self.path.read_text().split())

        def pytest_collect_file(file_path, parent):
            if file_path.suffix == ".lines":
                return Lines.from_parent(parent, path=file_path)

        def pytest_unconfigure():
            for file in kept:
                file.close()
        """
    )
    check.pytester.makefile(".lines", one="clean leaky")
    done = check("", "one.lines")
    assert (done.counts, done.leaks) == ({"failed": 1, "passed": 1}, [("leaky", "files")])


def test_the_code_that_calls_tests_is_found_where_a_release_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not there under that name calls nothing."""
    names = set(phases.callers())
    assert {"call_fixture_func", "pytest_pyfunc_call"} <= names
    monkeypatch.delattr(fixtures, "call_fixture_func")
    assert set(phases.callers()) == names - {"call_fixture_func"}


def test_a_pytest_without_its_private_parts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """In words that say what still works."""
    with monkeypatch.context() as patched:
        patched.delattr(runner, "call_and_report")
        with pytest.raises(pytest.UsageError, match="--no-leaks-off runs them unchecked"):
            importlib.reload(phases)
    importlib.reload(phases)


def test_a_test_case_that_runs_again_is_made_again(pytester: pytest.Pytester) -> None:
    """pytest 8.2 leaves None in its place."""
    (item,) = pytester.getitems("class TestX:\n    def test_x(self): assert self is not None")
    protocol.drive(phases.steps(item, None, []), item, phases.one)
    item._instance = None  # type: ignore[attr-defined]
    item._obj = None  # type: ignore[attr-defined]
    assert phases.again(item).outcome == "passed"


def test_nothing_of_ours_but_one_file_is_on_a_tests_stack(check: Runs) -> None:
    """A loop in debug mode formats the whole stack for each callback: each frame and each file there costs."""
    done = check.child(
        """
import traceback
def test_x():
    ours = [frame.f_code for frame, _ in traceback.walk_stack(None) if frame.f_globals["__name__"].startswith("no_leaks.")]
    assert ([code.co_name for code in ours], len({code.co_filename for code in ours})) == (["drive", "dispatch"], 1)
"""
    )
    assert done.counts == {"passed": 1}
