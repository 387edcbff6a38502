"""Wider fixtures: what they leave is an error of their own at the end of their scope, and no test's failure."""

from __future__ import annotations

import functools
import importlib.util
from types import SimpleNamespace

import pytest
from runs import LEAKED_AT, Runs

from no_leaks.config import Settings
from no_leaks.plugin import again, apart, extra, fixtures, ownership, sources
from no_leaks.session import Session

WAYS = {
    "set-up": "@pytest.fixture({})\ndef wide():\n    leak()\n    return 1",
    "generator": "@pytest.fixture({})\ndef wide():\n    leak()\n    yield",
    "teardown": "@pytest.fixture({})\ndef wide():\n    yield\n    leak()",
    "finalizer": "@pytest.fixture({})\ndef wide(request): request.addfinalizer(leak)",
}
"""How a fixture can leave a file open."""

needs_xdist = pytest.mark.skipif(importlib.util.find_spec("xdist") is None, reason="needs pytest-xdist")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("scope", ["class", "module", "package", "session"])
def test_what_a_wider_fixture_leaves_is_its_own_error(check: Runs, scope: str, way: str) -> None:
    """One error, which names it; the tests that used it pass."""
    done = check(
        WAYS[way].format(f"scope={scope!r}")
        + "\nclass TestX:\n    def test_a(self, wide): pass\n    def test_b(self, wide): pass\n"
    )
    assert (done.result.ret, done.counts) == (1, {"passed": 2, "errors": 1})
    assert done.lines("ERROR test_a.py") == [f"ERROR test_a.py::wide - 1 leak: file opened at {LEAKED_AT}"]
    done.result.stdout.fnmatch_lines(
        [f"*_ ERROR at teardown of {scope} fixture 'wide' _*", f"  owner *fixture 'wide' ({scope} scope), test_a.py:7"]
    )
    (leak,) = done.document["leaks"]
    assert (leak["test"], leak["owner"]) == (None, {"scope": scope, "fixture": "wide"})


def test_it_is_shown_once(check: Runs) -> None:
    """One letter, one error in JUnit's report under a name of its own, nothing at the end of the run."""
    done = check(WAYS["set-up"].format("scope='session'") + "\ndef test_x(wide): pass")
    assert ".E" in done.out
    assert done.cases == {"test_x": [], "wide": ["error"]}
    assert done.out.count("1 leak: ") == 1
    assert not done.lines("====== no-leaks")


@pytest.mark.parametrize("flags", [(), ("-v",)], ids=["quiet", "verbose"])
def test_it_counts_as_no_test_in_the_progress(check: Runs, flags: tuple[str, ...]) -> None:
    """The last test is the last."""
    source = WAYS["set-up"].format("scope='class'")
    done = check(
        source + "\nclass TestX:\n    def test_a(self, wide): pass\nclass TestY:\n    def test_b(self, wide): pass",
        *flags,
    )
    percents = [word for word in done.out.replace("[ ", "[").split() if word.endswith("%]")]
    assert percents == (["[50%]", "[50%]", "[100%]", "[100%]"] if flags else ["[100%]"])


def test_the_next_run_does_not_look_for_it(check: Runs) -> None:
    """--lf knows tests only."""
    check.pytester.makeconftest("")
    source = WAYS["set-up"].format("scope='session'") + "\ndef test_x(wide): pass\ndef test_y(): leak()"
    check(source)
    done = check(source, "--lf")
    done.result.stdout.fnmatch_lines(["run-last-failure: rerun previous 1 failure"])


@needs_xdist
def test_a_workers_fixtures_are_reported_by_the_controller(check: Runs) -> None:
    """Under their own names, each once for each worker that has set them up."""
    source = (
        WAYS["set-up"].format("scope='session'")
        + "\ndef test_x(wide): pass\n@pytest.mark.allow_leaks(reason='x')\ndef test_y(): pass"
    )
    done = check.child(source, "-p", "xdist.plugin", "-n1", "-v")
    assert (done.result.ret, done.counts) == (1, {"passed": 2, "errors": 1})
    assert done.cases == {"test_x": [], "test_y": [], "wide": ["error"]}
    done.result.stdout.fnmatch_lines(["*100%* ERROR test_a.py::wide*", "ERROR test_a.py::wide - 1 leak: *"])
    assert check.child(source, "-p", "xdist.plugin", "-n1", "--lf").counts == {"passed": 2, "errors": 1}


@pytest.mark.parametrize(
    ("name", "title", "source"),
    [
        ("setup_module", "setup_module of test_a.py", "def setup_module(): leak()\ndef test_x(): pass"),
        ("setUpModule", "setUpModule of test_a.py", "def setUpModule(): leak()\ndef test_x(): pass"),
        ("teardown_module", "teardown_module of test_a.py", "def teardown_module(): leak()\ndef test_x(): pass"),
        (
            "TestX::setup_class",
            "setup_class of TestX",
            "class TestX:\n    @classmethod\n    def setup_class(cls): leak()\n    def test_x(self): pass",
        ),
        (
            "TestX::setUpClass",
            "setUpClass of TestX",
            "class TestX(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls): leak()\n    def test_x(self): pass",
        ),
        (
            "TestX::tearDownClass",
            "tearDownClass of TestX",
            "class TestX(unittest.TestCase):\n    @classmethod\n    def tearDownClass(cls): leak()\n    def test_x(self): pass",
        ),
        (
            "TestX::setUpClass",
            "setUpClass of TestX",
            "class TestX(unittest.TestCase):\n    setUpClass = classmethod(lambda c: c.addClassCleanup(leak))\n    def test(self): pass",
        ),
    ],
)
def test_xunits_functions_bear_the_name_that_the_user_gave(check: Runs, name: str, title: str, source: str) -> None:
    """And not that of the fixture that pytest makes of them."""
    done = check(source)
    assert done.counts == {"passed": 1, "errors": 1}
    assert done.lines("ERROR test_a.py") == [f"ERROR test_a.py::{name} - 1 leak: file opened at {LEAKED_AT}"]
    done.result.stdout.fnmatch_lines([f"*_ ERROR at teardown of {title} _*", f"  owner *{title}, test_a.py:*"])


def test_a_finding_is_allowed_by_the_marker_of_its_module(check: Runs) -> None:
    """It is listed, and fails nothing."""
    done = check(
        "pytestmark = pytest.mark.allow_leaks('files', reason='on purpose')\n"
        + WAYS["set-up"].format("scope='module'")
        + "\ndef test_x(wide): pass"
    )
    assert (done.result.ret, done.counts) == (0, {"passed": 1})
    done.result.stdout.fnmatch_lines(["allowed * fixture 'wide' (module scope): file opened at * - on purpose"])


def test_a_module_that_is_not_checked_has_fixtures_that_are_not(check: Runs) -> None:
    """As its tests."""
    done = check(
        "pytestmark = pytest.mark.no_leaks(False)\n"
        + WAYS["set-up"].format("scope='module'")
        + "\ndef test_x(wide): pass",
    )
    check.pytester.makepyfile(test_b="def test_y(): pass")
    assert done.counts == {"passed": 1}


@pytest.mark.parametrize("mark", ["", "@pytest.mark.no_leaks\n", "@pytest.mark.no_leaks('threads')\n"])
def test_a_fixture_is_judged_with_the_test_that_it_was_set_up_for(check: Runs, mark: str) -> None:
    """Where only marked tests are checked: for the same kinds."""
    done = check(
        WAYS["set-up"].format("scope='session'")
        + f"\n{mark}def test_x(wide): pass\n@pytest.mark.no_leaks\ndef test_y(): pass",
        switch="",
    )
    assert done.counts == ({"passed": 2, "errors": 1} if mark.endswith("leaks\n") else {"passed": 2})


def test_the_action_warn_warns_at_the_fixture(check: Runs) -> None:
    """It names it, and fails nothing."""
    done = check(WAYS["set-up"].format("scope='session'") + "\ndef test_x(wide): pass", "--no-leaks-action=warn")
    assert (done.result.ret, done.counts) == (0, {"passed": 1})
    done.result.stdout.fnmatch_lines(
        ["*LeakWarning: session fixture 'wide': a file was opened and never closed (file *"]
    )


def test_a_warning_that_is_an_error_is_one(check: Runs) -> None:
    """Where the user's filters say so."""
    source = WAYS["set-up"].format("scope='session'") + "\ndef test_x(wide): pass"
    done = check(source, "--no-leaks-action=warn", "-W", "error::no_leaks.errors.LeakWarning")
    assert (done.result.ret, done.counts) == (1, {"passed": 1, "errors": 1})


def test_the_action_of_a_kind_may_be_to_log(check: Runs) -> None:
    """pyleak's keyword, on the module's marker."""
    done = check(
        "pytestmark = pytest.mark.no_leaks(thread_action='log')\n"
        "@pytest.fixture(scope='module')\ndef wide():\n    done = threading.Event()\n    thread = threading.Thread(target=done.wait)\n"
        "    thread.start()\n    KEPT.append(done.set)\n    yield\n"
        "def test_x(wide): pass\ndef teardown_module(): pass\n",
        "--no-leaks-kinds=threads",
        "-rA",
        plugins=(_Setting(),),
    )
    assert done.counts == {"passed": 1}


class _Setting:
    """Lets the thread of an inner test end."""

    def pytest_unconfigure(self) -> None:
        import sys

        for call in getattr(sys.modules.get("test_a"), "KEPT", ()):
            call()


def test_a_server_that_keeps_connections_answers_for_them(check: Runs) -> None:
    """They were accepted while tests ran, in its own threads; the tests are clean."""
    done = check("""
import socketserver

class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        self.server.kept.append(self.request.dup())
        self.request.sendall(self.request.recv(1))

@pytest.fixture(scope="session")
def server():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.kept = KEPT
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()

@pytest.mark.parametrize("n", [1, 2])
def test_x(server, n):
    with socket.create_connection(server.server_address) as client:
        client.sendall(b"x")
        client.recv(1)
""")
    assert done.counts == {"passed": 2, "errors": 1}
    assert done.lines("ERROR test_a.py")[0].startswith("ERROR test_a.py::server - 2 leaks: ")


def test_what_others_left_under_the_same_name_is_not_the_fixtures(check: Runs) -> None:
    """Tests, checked ones and others, and a fixture that ends before: all open the file that it had opened and closed."""
    done = check("""
SAME = os.path.abspath(__file__)

def same(): KEPT.append(open(SAME))

@pytest.fixture(scope="session")
def first():
    open(SAME).close()
    yield
@pytest.fixture(scope="module")
def second():
    yield
    same()
@pytest.fixture(scope="module")
def third():
    same()
def test_checked(first, request):
    request.getfixturevalue("third")
    same()
@pytest.mark.no_leaks(False)
def test_unchecked(first): same()
def test_last(first, second): pass
""")
    names = {(leak["test"], leak["owner"]["fixture"]) for leak in done.document["leaks"]}
    assert names == {(None, "second"), (None, "third"), ("test_a.py::test_checked", None)}


def test_a_parametrised_fixture_answers_for_each_of_its_values(check: Runs) -> None:
    """The first is torn down in the set-up of the next test."""
    done = check("""
@pytest.fixture(scope="module", params=[1, 2, 3])
def wide(request):
    if request.param != 2: leak()
    yield
    os.pipe()
def test_x(wide): pass
""")
    assert done.counts == {"passed": 3, "errors": 3}
    assert [leak["kind"] for leak in done.document["leaks"]] == ["files"] * 2 + ["pipes"] * 6


def test_what_has_no_record_is_the_fixtures_in_whose_teardown_it_appeared(check: Runs) -> None:
    """And not of the test that was about to begin."""
    done = check(
        """
from no_leaks import ledger

def unseen():
    with ledger.at_work(None): KEPT.append(open(os.devnull))

@pytest.fixture(scope="module", params=[1, 2])
def wide(request):
    yield
    unseen()
def test_x(wide): pass
"""
    )
    assert done.counts == {"passed": 2, "errors": 2}


@pytest.mark.parametrize("how", ["raise KeyboardInterrupt", "pytest.exit('enough')"])
def test_an_interrupted_run_accuses_nobody(check: Runs, how: str) -> None:
    """Fixtures that are torn down by it had no chance; what had ended before is reported."""
    done = check.child(f"""
@pytest.fixture(scope="class")
def early():
    leak()
@pytest.fixture(scope="session")
def wide():
    leak()
    yield
class TestX:
    def test_a(self, early, wide): pass
def test_b(): {how}
def test_c(): pass
""")
    assert done.result.ret == 2
    assert [leak["owner"]["fixture"] for leak in done.document["leaks"]] == ["early"]


def test_an_exit_in_the_teardown_loses_no_report(check: Runs) -> None:
    """What had been judged before is logged although the item never is."""
    done = check("""
@pytest.fixture(scope="session")
def last():
    yield
    pytest.exit("enough")
@pytest.fixture(scope="module")
def wide(last):
    leak()
    yield
def test_a(wide): pass
""")
    assert done.lines("ERROR test_a.py") == [f"ERROR test_a.py::wide - 1 leak: file opened at {LEAKED_AT}"]


@pytest.mark.parametrize("flag", ["-x", "--maxfail=1"])
def test_a_run_that_stops_at_a_failure_judges_what_it_tears_down(check: Runs, flag: str) -> None:
    """It does so in the failing test's own teardown."""
    done = check(WAYS["set-up"].format("scope='session'") + "\ndef test_a(wide): assert 0\ndef test_b(): pass", flag)
    assert done.counts == {"failed": 1, "errors": 1}


@pytest.mark.parametrize("last", ["", "    assert 0"], ids=["clean", "failing"])
def test_a_run_that_stops_at_a_leak_judges_what_is_still_set_up(check: Runs, last: str) -> None:
    """The test is known to have failed only when its own fixtures are gone."""
    done = check(
        f"@pytest.fixture(scope='session')\ndef wide():\n    KEPT.append(socket.socket())\n    yield\n{last}\n"
        "def test_a(wide): leak()\ndef test_b(wide): pass",
        "-x",
    )
    assert done.counts == {"failed": 1, "errors": 2 if last else 1}
    assert done.leaks == [("", "sockets"), ("test_a", "files")]


def test_an_error_of_a_fixture_stops_the_run_as_any_other(check: Runs) -> None:
    """Under -x."""
    source = WAYS["set-up"].format("scope='class'")
    done = check(source + "\nclass TestX:\n    def test_a(self, wide): pass\ndef test_b(): pass", "-x")
    assert done.counts == {"passed": 1, "errors": 1}


@pytest.mark.parametrize("end", ["1 / 0", "pytest.skip('not today')"])
def test_a_fixture_that_failed_fails_nothing_more_by_its_leaks(check: Runs, end: str) -> None:
    """They are listed at the end of the run."""
    done = check(f"@pytest.fixture(scope='module')\ndef wide():\n    leak()\n    {end}\ndef test_x(wide): pass")
    assert done.counts == ({"errors": 1} if "/" in end else {"skipped": 1})
    assert done.leaks == [("", "files")]
    done.result.stdout.fnmatch_lines(
        ["*= no-leaks =*", "*_ unconfirmed: files *_", "  owner *fixture 'wide' (module scope), *"]
    )


def test_a_fault_of_ours_breaks_no_fixture(check: Runs, monkeypatch: pytest.MonkeyPatch, clean_faults: None) -> None:
    """Its set-up and teardown run, and the run says that a part of ours does not work."""
    monkeypatch.delattr(sources, "of")
    done = check(WAYS["generator"].format("scope='module'") + "\ndef test_x(wide): pass")
    assert done.counts == {"passed": 1}
    done.result.stdout.fnmatch_lines(["not working: wider fixtures: AttributeError: *"])


def test_a_fault_in_judging_ends_the_fixture_all_the_same(
    check: Runs, monkeypatch: pytest.MonkeyPatch, clean_faults: None
) -> None:
    """What is made from then on is not charged to it."""
    monkeypatch.delattr(again, "obstacle")
    done = check(WAYS["generator"].format("scope='module'") + "\ndef test_x(wide): pass")
    assert (done.counts, done.leaks) == ({"passed": 1}, [])
    done.result.stdout.fnmatch_lines(["not working: wider fixtures: AttributeError: *"])


def test_a_wrong_marker_that_a_fixture_adds_changes_nothing(check: Runs) -> None:
    """Its module's others, which are right, were read when it was collected."""
    done = check("""
@pytest.fixture(scope="module")
def wide(request):
    request.node.add_marker(pytest.mark.allow_leaks("files"))
    leak()
def test_x(wide): pass
""")
    assert done.counts["errors"] == 1


def test_a_marker_that_a_fixture_adds_allows_its_leaks(check: Runs) -> None:
    """As a test may do."""
    done = check("""
@pytest.fixture(scope="module")
def wide(request):
    request.node.add_marker(pytest.mark.allow_leaks("files", reason="on purpose"))
    leak()
def test_x(wide): pass
""")
    assert done.counts == {"passed": 1}


def test_a_fixture_that_no_python_function_is_has_the_place_of_its_node() -> None:
    """A partial has that of the function in it."""
    request = SimpleNamespace(node=SimpleNamespace(path="/nowhere/test_a.py"))
    plain = SimpleNamespace(argname="wide", scope="module", func=len)
    assert sources.of(plain, request, "/nowhere").nodeid == "test_a.py::wide"
    partial = SimpleNamespace(argname="wide", scope="module", func=functools.partial(sources.of))
    assert sources.of(partial, request, "").file.endswith("plugin/sources.py")


def test_a_fixture_that_never_began_ends_nothing(request: pytest.FixtureRequest) -> None:
    """pytest tells of the end of a fixture more often than of its beginning."""
    session = Session(("files",))
    wider = fixtures.Wider(session, Settings(), extra.Reports(request.config))
    owners = ownership.Fixtures(session, wider)
    owners.changed = False
    owners.end(object(), None)
    wider.repeated = wider
    owners.end(wider, None)
    assert not owners.changed


def test_without_a_terminal_or_a_cache_there_are_no_books_to_keep_free(pytester: pytest.Pytester) -> None:
    """-p no:terminal, -p no:cacheprovider."""
    config = pytester.parseconfig("-p", "no:terminal", "-p", "no:cacheprovider")
    with apart.apart(config, object()):
        pass
