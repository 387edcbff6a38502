"""Runtime: what closes in time is no leak, one test's leak is never another's, and a fault of ours breaks nobody."""

from __future__ import annotations

import sys

import pytest
from runs import LEAKED_AT, Runs

from no_leaks import session as sessions
from no_leaks.plugin import attempts

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs os.fork")


@pytest.mark.usefixtures("clean_faults")
def test_what_function_fixtures_close_is_no_leak(check: Runs) -> None:
    """By yield, by finalizer, by a factory, by context managers of the class and by pytest's own fixtures."""
    done = check(
        """
import logging

@pytest.fixture
def yielded():
    with open(os.devnull) as file: yield file
@pytest.fixture
def finalized(request):
    file = open(os.devnull)
    request.addfinalizer(file.close)
@pytest.fixture
def factory():
    made = []
    def make():
        made.append(socket.socket())
        return made[-1]
    yield make
    for one in made: one.close()
@pytest.fixture
def thread():
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    yield
    done.set()
    thread.join()
@pytest.fixture(autouse=True)
def always(tmp_path):
    with open(tmp_path / "always", "w"): yield

def test_own(yielded, finalized, factory, thread): factory(), factory()
def test_finalizer(request):
    file = open(os.devnull)
    request.addfinalizer(file.close)
def test_pytests_own(monkeypatch, tmp_path, tmp_path_factory, capfd, caplog, recwarn, cache, doctest_namespace):
    monkeypatch.setenv("a", "b")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").write_text("x")
    tmp_path_factory.mktemp("other")
    os.write(1, b"to the descriptor")
    logging.getLogger("x").warning("logged")
    warnings.warn("warned")
    cache.set("a/b", 1)
def test_capsys(capsys): print("to the stream")
def test_late(request): request.getfixturevalue("yielded")
""",
        "--basetemp=base",
        "--no-leaks-kinds=all,-memory,-cycles,-managed,-blocking",
    )
    assert (done.counts, done.leaks) == ({"passed": 5}, [])


@pytest.mark.usefixtures("clean_faults")
def test_pytest_inside_a_test_is_no_leak(check: Runs) -> None:
    """An inner run listens for itself, gives back to the outer one, and leaves nothing of its own."""
    done = check.child(
        """
def test_inner(pytester):
    pytester.makepyfile("def test_x(): assert open(__file__).close() is None")
    result = pytester.runpytest_inprocess("-p", "no_leaks", "--no-leaks")
    result.assert_outcomes(passed=1)
def test_leaky_after(): leak()
""",
        *("-p", "pytester"),
    )
    assert (done.counts, done.leaks) == ({"failed": 1, "passed": 1}, [("test_leaky_after", "files")])


def test_an_allowed_leak_fails_nobody_later(check: Runs) -> None:
    """It stays open, is listed once, and is there when the next test begins."""
    done = check("""
@pytest.mark.allow_leaks("files", reason="kept on purpose")
def test_a(): leak()
def test_b(): pass
def test_c(): KEPT[0].close()
""")
    assert (done.counts, done.leaks) == ({"passed": 3}, [("test_a", "files")])


def test_what_the_traceback_of_a_failure_holds_is_blamed_on_nobody_else(check: Runs) -> None:
    """It is let go whenever pytest lets go of it: the test itself is already charged."""
    done = check("""
def test_a():
    held = socket.socket()
    assert held is None
def test_b(): gc.collect()
def test_c(): gc.collect()
""")
    assert (done.counts, done.leaks) == ({"failed": 1, "passed": 2}, [("test_a", "sockets")])


def test_a_coroutine_of_a_failed_test_is_blamed_on_nobody_else(check: Runs) -> None:
    """Its traceback holds it until a later test runs."""
    done = check.child("""
def test_a():
    async def never(): ...
    held = never()
    assert held is None
def test_b(): gc.collect()
def test_c(): gc.collect()
""")
    assert done.counts == {"failed": 1, "passed": 2}
    assert {test for test, _ in done.leaks} <= {"test_a"}


def test_a_cycle_of_one_test_is_not_charged_to_the_next(check: Runs) -> None:
    """The collection that proves it runs in its own teardown."""
    done = check("""
class Node: pass
def test_a():
    node = Node()
    node.self, node.held = node, socket.socket()
def test_b(): gc.collect()
""")
    assert (done.counts, done.leaks) == ({"failed": 1, "passed": 1}, [("test_a", "sockets")])


def test_a_leak_is_reported_once_and_fails_no_later_test(check: Runs) -> None:
    """A bare descriptor cannot be closed safely: it stays, and is known."""
    done = check("def test_a(): KEPT.append(os.dup(1))\ndef test_b(): pass\ndef test_c(): os.close(KEPT[0])")
    assert [test for test, _ in done.leaks] == ["test_a"]
    assert done.result.parseoutcomes() == {"failed": 1, "passed": 2}


def test_a_thread_that_ends_in_a_later_test_is_the_first_ones(check: Runs) -> None:
    """Neither the thread nor what it does then is the later test's."""
    done = check("""
go = threading.Event()
def work():
    go.wait()
    with open(os.devnull): pass
    KEPT.append(socket.socket())
def test_a():
    KEPT.append(threading.Thread(target=work, daemon=True))
    KEPT[0].start()
def test_b():
    go.set()
    KEPT[0].join()
def test_c(): pass
""")
    assert {test for test, _ in done.leaks} == {"test_a"}
    assert done.counts == {"failed": 1, "passed": 2}


def test_only_marked_tests_are_checked_without_the_flag(check: Runs) -> None:
    """By mark on test, class and module; the nearest says."""
    done = check(
        """
def test_unmarked(): leak()
@pytest.mark.no_leaks
def test_marked(): leak()
@pytest.mark.no_leaks
class TestMarked:
    def test_method(self): leak()
    @pytest.mark.no_leaks(False)
    def test_exempt(self): leak()
@pytest.mark.no_leaks("sockets")
def test_other_kind(): leak()
""",
        switch="",
    )
    assert done.leaks == [("test_method", "files"), ("test_marked", "files")]
    assert (done.document["tests"], done.document["checked"]) == (5, 3)
    assert done.lines("no-leaks: 3 of 5 tests checked, 2 leaks in 2 tests;")


def test_a_modules_mark_checks_its_tests(check: Runs) -> None:
    """And the ini key those of the run."""
    assert check("pytestmark = pytest.mark.no_leaks\ndef test_x(): leak()", switch="").leaks == [("test_x", "files")]
    assert check("def test_x(): leak()", "-o", "no_leaks=true", switch="").leaks == [("test_x", "files")]


def test_off_is_off(check: Runs) -> None:
    """Whatever markers say."""
    done = check("@pytest.mark.no_leaks\ndef test_x(): leak()", "--no-leaks-off")
    assert done.counts == {"passed": 1}
    assert not done.lines("no-leaks:")


@pytest.mark.usefixtures("clean_faults")
@pytest.mark.parametrize("part", ["take", "describe", "thing"])
def test_a_fault_in_a_probe_breaks_no_test_and_is_said(check: Runs, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once at the end, and in the report; the other probes go on."""
    from no_leaks.probes.descriptors import DescriptorProbe

    def broken(*args: object) -> object:
        raise OSError("probe out of order")

    class Break:
        """The canary has run: from here on the probe fails."""

        def pytest_runtest_setup(self) -> None:
            monkeypatch.setattr(DescriptorProbe, part, broken)

    done = check("def test_a(): leak()\ndef test_b(): leak()", plugins=(Break(),))
    assert "INTERNALERROR" not in done.out
    assert list(done.document["faults"]) == ["probe descriptors"]
    assert done.document["faults"]["probe descriptors"].startswith("OSError: probe out of order")
    assert len(done.lines("not working: probe descriptors: OSError: probe out of order")) == 1
    assert done.lines("no-leaks:")[0].endswith("; 1 part of no-leaks failed")
    assert set(done.counts) <= {"passed", "failed"}


@pytest.mark.usefixtures("clean_faults")
@pytest.mark.parametrize("name", ["_open", "_look", "_close"])
def test_a_fault_of_the_plugin_breaks_no_test_and_is_said(
    check: Runs, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests end as they would have; the summary and the report name the fault."""

    def broken(*args: object) -> None:
        raise ValueError("plugin out of order")

    monkeypatch.setattr(attempts.Attempts, name, broken)
    done = check("def test_a(): pass\ndef test_b(): assert 1 == 2\n@pytest.mark.xfail\ndef test_c(): assert 0")
    assert done.counts == {"failed": 1, "passed": 1, "xfailed": 1}
    assert done.document["faults"]["plugin"].startswith("ValueError: plugin out of order")
    assert len(done.lines("not working: plugin: ValueError: plugin out of order")) == 1


@pytest.mark.usefixtures("clean_faults")
def test_after_a_fault_nobody_is_left_at_work(check: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scope that could not be settled is ended, so that the next test has its own."""
    from no_leaks.scope import Scope

    whole = Scope.settle

    def broken(scope: Scope) -> object:
        monkeypatch.setattr(Scope, "settle", whole)
        raise ValueError("scope out of order")

    monkeypatch.setattr(Scope, "settle", broken)
    done = check("def test_a(): leak()\ndef test_b(): leak()")
    assert done.leaks == [("test_b", "files")]
    assert done.counts == {"failed": 1, "passed": 1}


def test_the_canary_is_in_the_report(check: Runs) -> None:
    """Each kind that is checked was planted, seen and forgotten."""
    done = check("def test_x(): pass", "--no-leaks-kinds=files,threads,temp")
    assert done.document["canary"] == {"files": True, "temp": True, "threads": True}


@posix
def test_a_forked_child_neither_reports_nor_closes(check: Runs) -> None:
    """It leaves by os._exit, as a child should; the parent's file is still open then."""
    done = check.child("""
@pytest.fixture
def file():
    with open(os.devnull) as file: yield file
def test_fork(file):
    pid = os.fork()
    if pid == 0:
        KEPT.append(socket.socket())
        os._exit(0 if file.read() == "" else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert file.read() == ""
""")
    assert (done.counts, done.leaks) == ({"passed": 1}, [])


@posix
def test_a_child_that_runs_on_through_pytest_reports_nothing(check: Runs) -> None:
    """A test forgets to leave the child: it finishes the run on its own, and writes over no report."""
    done = check.child(
        """
@pytest.mark.no_leaks("files")
def test_fork():
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        os.write(1, b"\\nparent goes on\\n")
    leak()
@pytest.mark.no_leaks("files")
def test_after(): leak()
""",
        "-s",
    )
    child, _, parent = done.out.partition("parent goes on")
    assert "no-leaks:" not in child
    assert "FAILED" not in child
    assert "2 failed" in parent
    assert done.leaks == [("test_after", "files"), ("test_fork", "files")]


@posix
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_of_multiprocessing_is_no_leak_once_joined(check: Runs, method: str) -> None:
    """Nor are the pipe and the tracker that the module keeps for itself."""
    done = check.child(f"""
import multiprocessing, time
def test_x():
    context = multiprocessing.get_context({method!r})
    child = context.Process(target=os.getpid)
    child.start()
    child.join()
    child.close()
    assert 1
def test_y(): pass
""")
    assert (done.counts, done.leaks) == ({"passed": 2}, [])


def test_two_runs_in_one_process_are_two_runs(check: Runs) -> None:
    """What the first counted, kept or found is not the second's."""
    first = check("def test_x(): leak()")
    assert first.leaks == [("test_x", "files")]
    second = check("def test_x(): pass")
    assert (second.counts, second.leaks) == ({"passed": 1}, [])
    assert second.lines("no-leaks: 1 test checked, no leaks;")


def test_nothing_listens_after_a_run(check: Runs, no_outer_session: None) -> None:
    """Sessions, sensors and ledgers are put back."""
    check("def test_x(): leak()")
    assert sessions._sessions == []
    assert "__wrapped__" not in vars(__import__("threading").Thread.start)


def test_hypothesis_examples_are_one_test(check: Runs) -> None:
    """The scope is around all of them; what one example leaves is the test's."""
    done = check(
        """
from hypothesis import given, settings, strategies as st

@settings(max_examples=5, database=None, deadline=None)
@given(st.integers())
def test_clean(number):
    with open(os.devnull): pass
@settings(max_examples=5, database=None, deadline=None)
@given(st.just(1))
def test_leaky(number): leak()
""",
        "--no-leaks-kinds=handles",
    )
    assert [test for test, _ in done.leaks] == ["test_leaky"] * len(done.leaks)
    assert done.counts == {"failed": 1, "passed": 1}


def test_the_site_of_a_leak_is_in_the_users_file(check: Runs) -> None:
    """Test, owner, and the frame that made it, as JSON has them."""
    (leak,) = check("def test_x(): leak()").document["leaks"]
    assert (leak["test"], leak["owner"]) == ("test_a.py::test_x", {"scope": "function", "fixture": None})
    file, line = LEAKED_AT.split(":")
    assert leak["created_at"][0] == {"file": file, "line": int(line), "function": "leak", "in_app": True}
