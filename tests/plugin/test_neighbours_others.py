"""Other neighbours: doctest, hypothesis, subtests, order, coverage, runs inside runs, and runners that are refused."""

from __future__ import annotations

import importlib.util

import pytest
from runs import Runs

from no_leaks.plugin import neighbours

HAS_SUBTESTS = pytest.version_tuple >= (9, 0) or importlib.util.find_spec("pytest_subtests") is not None
SUBTESTS = () if pytest.version_tuple >= (9, 0) else ("-p", "pytest_subtests.plugin")


def test_doctests_of_modules_and_text_files(check: Runs) -> None:
    """Each is an item like others: what it leaves is its own."""
    check.pytester.makepyfile(
        shop='''
        kept = []
        def clean():
            """
            >>> open(__file__).close()
            """
        def leaky():
            """
            >>> kept.append(open(__file__))
            """
        '''
    )
    check.pytester.maketxtfile(
        guide=">>> import socket\n>>> socket.socket().close()\n", bad=">>> import socket\n>>> one = socket.socket()\n"
    )
    names = ("shop.py", "guide.txt", "bad.txt")
    done = check.child("", *names, "--doctest-modules", "--doctest-glob=*.txt")
    assert {leak["test"] for leak in done.document["leaks"]} == {"shop.py::shop.leaky", "bad.txt::bad.txt"}
    assert done.counts == {"failed": 2, "passed": 2}


def test_hypothesis_leaves_a_leak_to_its_test(check: Runs) -> None:
    """With its plugin, its database and its statistics."""
    pytest.importorskip("hypothesis")
    done = check(
        """
from hypothesis import given, settings, strategies as st
@settings(max_examples=3, deadline=None)
@given(st.integers())
def test_clean(number):
    with open(os.devnull): pass
@settings(max_examples=3, deadline=None)
@given(st.booleans())
def test_leaky(flag): leak()
""",
        *("-p", "_hypothesis_pytestplugin", "--hypothesis-show-statistics"),
    )
    assert {test for test, _ in done.leaks} == {"test_leaky"}
    assert done.counts == {"failed": 1, "passed": 1}
    assert done.out.count("test_a.py::test_leaky:") == 1


@pytest.mark.skipif(not HAS_SUBTESTS, reason="neither pytest 9 nor pytest-subtests")
def test_subtests_are_parts_of_a_test(check: Runs) -> None:
    """What one of them leaves is the test's; those that failed are reported once."""
    done = check(
        """
def test_leaky(subtests):
    for number in range(2):
        with subtests.test(number=number): leak()
def test_clean(subtests):
    with subtests.test("one"), open(os.devnull): pass
def test_failing(subtests):
    with subtests.test("bad"): assert 0
class TestCase(unittest.TestCase):
    def test_parts(self):
        for number in range(2):
            with self.subTest(number=number): leak()
""",
        *SUBTESTS,
    )
    assert {test for test, _ in done.leaks} == {"test_leaky", "test_parts"}
    assert len([line for line in done.lines("FAILED") if "leak" in line]) == 2
    assert done.out.count("[bad]") <= 3
    assert done.result.ret == 1


def test_subtests_of_a_repetition_show_nowhere(check: Runs) -> None:
    """A leaky test that is repeated reports as many parts as one that leaks nothing."""
    if not HAS_SUBTESTS:
        pytest.skip("neither pytest 9 nor pytest-subtests")
    source = "def test_x(subtests):\n    with subtests.test('part'): {}"
    quiet = check(source.format("pass"), *SUBTESTS)
    leaky = check(source.format("leak()"), *SUBTESTS)
    assert leaky.document["leaks"][0]["evidence"]["rounds"] == [1, 1]
    assert leaky.out.count("part") == quiet.out.count("part")
    names = ("subtests passed", "subtests failed")
    assert [leaky.counts.get(name) for name in names] == [quiet.counts.get(name) for name in names]


def test_a_random_order_blames_the_same_tests(check: Runs) -> None:
    """Whatever comes before and after."""
    pytest.importorskip("pytest_randomly")
    source = "\n".join(
        f"def test_clean{number}(): open(os.devnull).close()\ndef test_leaky{number}(): leak()" for number in range(3)
    )
    for seed in ("1", "2", "3"):
        done = check(source, "-p", "pytest_randomly", f"--randomly-seed={seed}")
        assert [test for test, _ in done.leaks] == ["test_leaky0", "test_leaky1", "test_leaky2"]
        assert done.counts == {"failed": 3, "passed": 3}


def test_coverage_is_measured_and_nothing_of_it_is_a_leak(check: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest-cov keeps a database open; a repeated test adds nothing to what was covered."""
    pytest.importorskip("pytest_cov")
    for name in ("COVERAGE_FILE", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        monkeypatch.delenv(name, raising=False)  # of these tests' own coverage
    done = check.child(
        "def test_x(): leak()\ndef test_y(): subprocess.run([sys.executable, '-c', ''])",
        *("-p", "pytest_cov.plugin", "--cov=test_a", "--cov-report=term"),
    )
    assert done.leaks == [("test_x", "files")]
    assert done.counts == {"failed": 1, "passed": 1}
    (line,) = done.lines("test_a.py  ")
    assert line.endswith("100%")


def test_two_mains_in_one_process_are_two_runs(check: Runs) -> None:
    """The second finds what the first did, and no more."""
    check.arguments("def test_x(): leak()\ndef test_y(): pass", "")
    check.pytester.makepyfile(
        twice="""
        import json, pathlib, pytest

        for number in (1, 2):
            code = pytest.main(["-p", "no_leaks", "--no-leaks", f"--no-leaks-report=json:{number}.json", "test_a.py"])
            found = json.loads(pathlib.Path(f"{number}.json").read_text())
            print("RUN", int(code), found["checked"], [leak["test"] for leak in found["leaks"]], found["faults"])
        """
    )
    result = check.pytester.runpython("twice.py")
    assert [line for line in result.outlines if line.startswith("RUN")] == [
        "RUN 1 2 ['test_a.py::test_x'] {}",
        "RUN 1 2 ['test_a.py::test_x'] {}",
    ]


INNER = """
def test_inner(pytester):
    pytester.makepyfile(test_b='''
        kept = []
        def test_leaky(): kept.append(open(__file__))
        def test_clean(): pass
        def teardown_module():
            for file in kept: file.close()
    ''')
    result = pytester.runpytest_inprocess("-p", "no_leaks", "--no-leaks", "--no-leaks-grace=0")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["FAILED test_b.py::test_leaky - 1 leak*"])
    result.stdout.fnmatch_lines(["no-leaks: 2 tests checked, 1 leak in 1 test;*"])
def test_unchecked(pytester):
    pytester.makepyfile("def test_b(): open(__file__).close()")
    pytester.runpytest_inprocess("-p", "no_leaks").assert_outcomes(passed=1)
def test_leaky(pytester):
    pytester.makepyfile("def test_b(): pass")
    pytester.runpytest_inprocess("-p", "no_leaks", "--no-leaks")
    leak()
def test_clean(): pass
"""


def test_a_run_inside_a_run_never_confuses_the_outer_one(check: Runs) -> None:
    """Each has its own tests and its own leaks, and the outer one goes on where it was."""
    done = check(INNER, "-p", "pytester")
    assert done.leaks == [("test_leaky", "files")]
    assert done.counts == {"failed": 1, "passed": 3}
    assert done.lines("no-leaks: 4 tests checked, 1 leak in 1 test;")


IN_THREADS = ("-p", "pytest_run_parallel.plugin")


@pytest.mark.parametrize(
    ("mark", "args"),
    [("", ("--parallel-threads=2",)), ("", ("--parallel-threads=auto",)), ("@pytest.mark.parallel_threads(2)\n", ())],
    ids=["option", "auto", "marker"],
)
def test_a_runner_in_threads_is_refused(check: Runs, mark: str, args: tuple[str, ...]) -> None:
    """As a usage error that says what, why and what to do, before any test runs."""
    pytest.importorskip("pytest_run_parallel")
    done = check(mark + "def test_x(): assert 0", *IN_THREADS, *args)
    assert done.result.ret == pytest.ExitCode.USAGE_ERROR
    error = done.result.stderr.str() + done.out
    assert "no-leaks: pytest-run-parallel runs tests side by side in one process" in error
    assert "-n 2" in error
    assert "--no-leaks-off" in error


def test_a_runner_in_threads_that_uses_one_is_not_refused(check: Runs) -> None:
    """It is installed, and does nothing in this run; or we do nothing."""
    pytest.importorskip("pytest_run_parallel")
    done = check("@pytest.mark.parallel_threads(1)\ndef test_x(): leak()\ndef test_y(): pass", *IN_THREADS)
    assert done.leaks == [("test_x", "files")]
    assert check("def test_x(): pass", *IN_THREADS, "--parallel-threads=2", "--no-leaks-off").result.ret == 0


class _Named:
    """Registers a plugin under the name that pytest-parallel uses."""

    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.register(object(), "parallelrunner")


def test_pytest_parallel_is_refused_by_the_plugin_that_it_registers(check: Runs) -> None:
    """It does not run on the pytest of today: its name has to do."""
    done = check("def test_x(): pass", plugins=(_Named(),))
    assert done.result.ret == pytest.ExitCode.USAGE_ERROR
    assert "no-leaks: pytest-parallel runs tests side by side" in done.result.stderr.str() + done.out


class _AtOnce:
    """Runs the second item while the first one is under way, as a runner may that nobody knows."""

    def pytest_runtest_call(self, item: pytest.Item) -> None:
        if item.name == "test_x":
            item.session._setupstate.stack.clear()  # in threads, each has its own
            item.config.hook.pytest_runtest_protocol(item=item.session.items[1], nextitem=None)


def test_two_tests_at_once_end_the_run(check: Runs) -> None:
    """In the same words; nobody can say whose a leak would be."""
    done = check("def test_x(): pass\ndef test_y(): pass\ndef test_z(): leak()", plugins=(_AtOnce(),))
    assert done.result.ret == pytest.ExitCode.INTERRUPTED
    assert neighbours.AT_ONCE in done.out
    assert done.leaks == []
