"""Repetition: a suspected test runs again in silence, and its leak is told from something that was made once."""

from __future__ import annotations

import os
import select
from collections.abc import Generator
from types import SimpleNamespace

import pytest
from runs import Outcome, Runs

from no_leaks.config import Settings
from no_leaks.plugin import repetition

SINGLETON = """
_KEPT = None

def singleton():
    global _KEPT
    if _KEPT is None:
        _KEPT = open(LEAKED, "a")
    return _KEPT
"""
COUNTING = """
RUNS = []

@pytest.fixture(autouse=True)
def counted():
    RUNS.append("up")
    yield
    RUNS.append("down")
"""


def verdicts(done: Outcome) -> list[tuple[str, str, list[int]]]:
    """Return test, verdict and growth of each finding."""
    return [
        (leak["test"].rpartition("::")[2], leak["verdict"], leak["evidence"]["rounds"])
        for leak in done.document["leaks"]
    ]


def test_what_each_run_leaves_is_a_leak(check: Runs) -> None:
    """Two repetitions, and each left one more."""
    done = check("def test_x(): leak()")
    assert (done.counts, verdicts(done)) == ({"failed": 1}, [("test_x", "leak", [1, 1])])
    assert done.document["leaks"][0]["confidence"] == "definite"
    assert "+1 on each of 2 repetitions" in done.out


def test_what_is_made_when_first_used_is_made_once(check: Runs) -> None:
    """A lazy singleton is listed, and fails nothing."""
    done = check(SINGLETON + "def test_x(): singleton()\ndef test_y(): singleton()")
    assert (done.counts, verdicts(done)) == ({"passed": 2}, [("test_x", "once", [0])])
    assert done.lines("once        test_a.py::test_x: file opened at test_a.py:")
    assert done.lines("no-leaks: 2 tests checked, no leaks, 1 once;")


def test_under_strict_a_singleton_fails_the_test_that_made_it(check: Runs) -> None:
    """For suites that want each resource to be somebody's."""
    done = check(SINGLETON + "def test_x(): singleton()", "--no-leaks-strict")
    assert (done.counts, verdicts(done)) == ({"failed": 1}, [("test_x", "once", [0])])


def test_a_pool_that_has_filled_up_by_its_second_use_is_none(check: Runs) -> None:
    """It grew once more, and then no more."""
    done = check("""
POOL = []
def test_x():
    if len(POOL) < 2:
        POOL.append(open(LEAKED, "a"))
""")
    assert (done.counts, verdicts(done)) == ({"passed": 1}, [("test_x", "once", [1, 0])])


def test_a_leak_beside_a_singleton_is_told_from_it(check: Runs) -> None:
    """Each cause is counted by itself."""
    done = check(SINGLETON + "def test_x():\n    singleton()\n    KEPT.append(socket.socket())")
    assert sorted(verdicts(done)) == [("test_x", "leak", [1, 1]), ("test_x", "once", [0])]
    assert done.counts == {"failed": 1}


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("threads", "threading.Thread(target=threading.Event().wait, daemon=True).start()"),
        ("sockets", "KEPT.append(socket.socket())"),
        ("pipes", "KEPT.append(os.pipe())"),
        ("processes", "KEPT.append(subprocess.Popen(['/bin/sleep', '60']))"),
        ("temp", "tempfile.mkdtemp()"),
        ("tasks", "KEPT.append(asyncio.new_event_loop())"),
    ],
)
@pytest.mark.parametrize("once", [False, True], ids=["each time", "once"])
def test_every_kind_can_be_told(check: Runs, kind: str, make: str, once: bool) -> None:
    """Left by each run, or by the first only."""
    condition = "if not MADE: MADE.append(1); " if once else "MADE.append(1); "
    done = check.child(f"MADE = []\ndef test_x():\n    {condition}{make}\n")
    found = {(leak["kind"], leak["verdict"]) for leak in done.document["leaks"]}
    assert found == {(kind, "once" if once else "leak")}
    assert done.counts == ({"passed": 1} if once else {"failed": 1})


def test_a_file_that_is_written_anew_over_the_old_one_is_left_again(check: Runs) -> None:
    """The path is the same, and nobody removed it."""
    done = check.child("""
PATH = os.path.join(tempfile.gettempdir(), f"no-leaks-{os.getpid()}")
def test_x():
    with open(PATH, "w"): pass
def test_y():
    with open(PATH, "a"): pass
def test_z():
    os.remove(PATH)
    with open(PATH, "a"): pass
def test_end():
    os.remove(PATH)
""")
    assert [(test, verdict) for test, verdict, _ in verdicts(done)] == [("test_x", "leak"), ("test_z", "leak")]


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="Linux only")
@pytest.mark.parametrize("make", ["select.epoll()", "open(LEAKED, 'a')"])
def test_what_is_let_go_of_only_for_the_next_is_left_again(check: Runs, make: str) -> None:
    """Number, device and inode of the new one are those of the old one: each run left one all the same."""
    done = check(f"""
import select
SLOT = []
def test_x():
    for kept in SLOT: kept.close()
    SLOT[:] = [{make}]
def teardown_module(): SLOT[0].close()
""")
    assert verdicts(done) == [("test_x", "leak", [1, 1])]


@pytest.mark.skipif(not hasattr(os, "eventfd"), reason="Linux only")
def test_another_kind_of_descriptor_under_the_number_is_one_of_its_own(check: Runs) -> None:
    """The eventfd of the second run has the number that the epoll of the first run had, and the other way round."""
    done = check("""
import select
SLOT, RUNS = [], []
def end():
    for kept in SLOT: os.close(kept) if isinstance(kept, int) else kept.close()
def test_x():
    end()
    makes = select.epoll, lambda: os.eventfd(0)
    SLOT[:] = [make() for make in makes[:: -1 if RUNS else 1]]
    RUNS.append(1)
def teardown_module(): end()
""")
    assert verdicts(done) == [("test_x", "leak", [1, 1])] * 2


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="Linux only")
def test_an_epoll_that_stays_was_made_once_and_is_as_it_was(check: Runs) -> None:
    """The mark that told it from another is taken off."""
    done = check("""
import fcntl, select
SLOT = []
def test_x():
    if not SLOT: SLOT.append(select.epoll())
def test_y():
    assert not fcntl.fcntl(SLOT[0].fileno(), fcntl.F_GETFL) & os.O_APPEND
def teardown_module(): SLOT[0].close()
""")
    assert (done.counts, verdicts(done)) == ({"passed": 2}, [("test_x", "once", [0])])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("assert len(RUNS) == 1", "assert 3 == 1)"),
        ("if len(RUNS) > 1: pytest.skip('not again')", "skipped (Skipped: not again)"),
    ],
)
def test_a_repetition_that_ends_otherwise_confirms_nothing(check: Runs, body: str, words: str) -> None:
    """The test fails, and the report says why nothing could be told."""
    done = check(COUNTING + f"def test_x():\n    {body}\n    leak()")
    assert (done.counts, verdicts(done)) == ({"failed": 1}, [("test_x", "unconfirmed", [])])
    said = " ".join(done.out.split())
    assert "not confirmed: it passed, and when it was repeated it" in said
    assert words in said


@pytest.mark.parametrize(
    ("args", "marker", "words"),
    [
        (("--no-leaks-confirm=never",), "", "not repeated: confirm is off"),
        ((), "@pytest.mark.no_leaks(confirm=False)", "not repeated: confirm is off"),
        (("--no-leaks-confirm-limit=0",), "", "over the limit of 0 s (no_leaks_confirm_limit)"),
        ((), "@pytest.mark.no_leaks(confirm_limit=0)", "over the limit of 0 s (no_leaks_confirm_limit)"),
    ],
    ids=["never", "marker", "limit", "limit by marker"],
)
def test_what_is_not_repeated_is_unconfirmed(check: Runs, args: tuple[str, ...], marker: str, words: str) -> None:
    """It fails all the same, and says why it was not repeated."""
    done = check(COUNTING + f"{marker}\ndef test_x(): leak()\ndef test_runs(): assert len(RUNS) == 3", *args)
    assert (done.counts, verdicts(done)) == ({"failed": 1, "passed": 1}, [("test_x", "unconfirmed", [])])
    assert words in " ".join(done.out.split())


def test_always_repeats_what_is_proven_and_what_takes_long(check: Runs) -> None:
    """The strictest way to ask: neither a proof nor a limit stands in its way."""
    done = check("def test_x(): open(LEAKED, 'a')", "--no-leaks-confirm=always", "--no-leaks-confirm-limit=0")
    assert verdicts(done) == [("test_x", "leak", [1, 1])]


def test_a_proven_leak_is_not_repeated(check: Runs) -> None:
    """The collector closed it: that is enough."""
    done = check(COUNTING + "def test_x(): open(LEAKED, 'a')\ndef test_runs(): assert len(RUNS) == 3")
    assert (done.counts, verdicts(done)) == ({"failed": 1, "passed": 1}, [("test_x", "leak", [])])


def test_an_allowed_leak_is_not_repeated(check: Runs) -> None:
    """Its owner has said what it is."""
    allowed = '@pytest.mark.allow_leaks("files", reason="on purpose")'
    done = check(COUNTING + f"{allowed}\ndef test_x(): leak()\ndef test_runs(): assert len(RUNS) == 3")
    assert (done.counts, verdicts(done)) == ({"passed": 2}, [("test_x", "allowed", [])])


def test_a_failed_test_is_not_repeated(check: Runs) -> None:
    """It has its own reason; its leaks stand beside it, unconfirmed."""
    done = check(COUNTING + "def test_x():\n    leak()\n    assert False\ndef test_runs(): assert len(RUNS) == 3")
    assert (done.counts, verdicts(done)) == ({"failed": 1, "passed": 1}, [("test_x", "unconfirmed", [])])
    assert "not repeated: the test failed" in done.out


@pytest.mark.parametrize(
    ("body", "counts"), [("pytest.skip('no')", {"failed": 1}), ("pytest.xfail('so')", {"xfailed": 1})]
)
def test_a_test_that_skips_or_fails_as_expected_does_so_again(check: Runs, body: str, counts: dict[str, int]) -> None:
    """Its repetition counts if it ends like the first run."""
    done = check(f"def test_x():\n    leak()\n    {body}")
    assert (done.counts, verdicts(done)) == (counts, [("test_x", "leak", [1, 1])])


def test_its_own_fixtures_are_set_up_anew_and_wider_ones_are_kept(check: Runs) -> None:
    """The last test of a module is repeated before the module's fixtures go."""
    done = check(
        COUNTING
        + """
WIDE = []
@pytest.fixture(scope="module")
def wide():
    WIDE.append("up")
    yield
    WIDE.append("down")
    assert RUNS == ["up", "down"] * 3
    print("seen the end")
def test_x(wide):
    assert WIDE == ["up"]
    leak()
""",
        "-rA",
    )
    assert (done.counts, verdicts(done)) == ({"failed": 1}, [("test_x", "leak", [1, 1])])
    assert "seen the end" in done.out


def test_an_error_in_a_wider_teardown_is_reported_after_a_repetition(check: Runs) -> None:
    """As pytest would have: the test has failed by it, and its leak is a section."""
    done = check("""
@pytest.fixture(scope="module")
def wide():
    yield
    raise RuntimeError("at the end")
def test_x(wide): leak()
""")
    assert done.counts == {"passed": 1, "errors": 1}
    assert "RuntimeError: at the end" in done.out
    assert "leak: files" in done.out


def test_two_errors_of_one_teardown_are_both_reported(check: Runs) -> None:
    """The function's own fixture and the module's."""
    done = check("""
@pytest.fixture(scope="module")
def wide():
    yield
    raise RuntimeError("the wide one")
@pytest.fixture
def own():
    yield
    raise RuntimeError("the own one")
def test_x(wide, own): leak()
""")
    assert done.counts == {"passed": 1, "errors": 2}
    assert "RuntimeError: the own one" in done.out
    assert "RuntimeError: the wide one" in done.out


def test_fixtures_that_ask_for_the_outcome_find_one(check: Runs) -> None:
    """tmp_path keeps or removes its folder by it; conftest files keep each report on the item."""
    done = check(
        """
@pytest.fixture
def asks(request):
    yield
    assert request.node.rep_call.passed
def test_x(tmp_path, asks): leak()
""",
        plugins=(_Keeps(),),
    )
    assert (done.counts, verdicts(done)) == ({"failed": 1}, [("test_x", "leak", [1, 1])])


class _Keeps:
    """What many a conftest file does, by the book."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        setattr(item, f"rep_{report.when}", report)
        return report


def test_between_two_tests_of_a_module_wider_fixtures_live_on(check: Runs) -> None:
    """The second test finds what the first has used."""
    done = check("""
WIDE = []
@pytest.fixture(scope="module")
def wide():
    WIDE.append("up")
    yield
def test_x(wide): leak()
def test_y(wide): assert WIDE == ["up"]
""")
    assert done.counts == {"failed": 1, "passed": 1}


def test_coroutine_tests_and_test_cases_are_repeated(check: Runs) -> None:
    """Methods, unittest's own, parametrised and asynchronous ones."""
    done = check("""
class TestX:
    @pytest.mark.parametrize("n", [1, 2])
    def test_m(self, n): leak()
class TestCase(unittest.TestCase):
    def setUp(self): self.up = True
    def test_c(self):
        assert self.up
        leak()
class TestAsync(unittest.IsolatedAsyncioTestCase):
    async def test_a(self): leak()
""")
    assert verdicts(done) == [(name, "leak", [1, 1]) for name in ("test_a", "test_c", "test_m[1]", "test_m[2]")]


def test_doctests_are_repeated(check: Runs) -> None:
    """Each forgets its names when it has run; they are given back."""
    done = check(
        """
def documented():
    '''
    >>> leak()
    >>> getfixture("tmp_path").name != ""
    True
    '''
""",
        "--doctest-modules",
    )
    assert verdicts(done) == [("test_a.documented", "leak", [1, 1])]


def test_properties_of_hypothesis_are_repeated(check: Runs) -> None:
    """Its examples are others each time, and each leaves one more."""
    pytest.importorskip("hypothesis")
    done = check("""
from hypothesis import given, settings, strategies
@settings(max_examples=3, database=None)
@given(strategies.integers())
def test_x(n): leak()
""")
    assert {(test, verdict) for test, verdict, _ in verdicts(done)} == {("test_x", "leak")}


def test_a_test_case_that_fails_only_when_repeated_is_unconfirmed(check: Runs) -> None:
    """unittest keeps its failures to itself: they are asked for."""
    done = check("""
RUNS = []
class TestCase(unittest.TestCase):
    def test_c(self):
        RUNS.append(1)
        leak()
        self.assertEqual(len(RUNS), 1)
""")
    assert verdicts(done) == [("test_c", "unconfirmed", [])]
    assert "AssertionError: 2 != 1" in " ".join(done.out.split())


def test_a_repetition_that_is_interrupted_loses_no_report(check: Runs) -> None:
    """Ctrl-C, or pytest.exit: the first run's reports stand, and wider fixtures are torn down."""
    done = check(
        COUNTING
        + """
@pytest.fixture(scope="module")
def wide():
    yield
    print("torn down")
def test_x(wide):
    leak()
    if len(RUNS) > 2: pytest.exit("enough")
def test_y(): pass
""",
        "-s",
    )
    assert (done.counts, verdicts(done)) == ({"failed": 1}, [("test_x", "unconfirmed", [])])
    assert "the repetition was interrupted" in done.out
    assert "Exit: enough" in done.out
    assert "torn down" in done.out


@pytest.mark.usefixtures("clean_faults")
def test_a_fault_of_a_repetition_is_said_and_loses_no_leak(check: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours never breaks a user's test, and never passes in silence: what the first run has shown stands."""

    def broken(*args: object) -> None:
        raise ValueError("repetition out of order")

    monkeypatch.setattr(repetition.Repetition, "ask", broken)
    done = check("def test_x(): leak()")
    assert (done.counts, verdicts(done)) == ({"failed": 1}, [("test_x", "leak", [])])
    assert done.lines("not working: repetition: ValueError: repetition out of order")


def test_what_one_test_made_once_stands_in_one_line(check: Runs) -> None:
    """A pool of processes alone is a dozen pipes, threads and children."""
    done = check("""
MADE = []
def test_x():
    if not MADE:
        MADE.extend((socket.socket(), open(LEAKED, "a"), os.pipe(), threading.Thread(target=threading.Event().wait, daemon=True)))
        MADE[-1].start()
        MADE.append(open(LEAKED, "a"))
""")
    (line,) = done.lines("once  ")
    assert line.endswith(" and 3 more - repeating the test left no more of it")
    assert done.lines("no-leaks: 1 test checked, no leaks, 6 once;")


def test_what_a_leaked_thread_works_with_is_not_closed_under_it(check: Runs) -> None:
    """It would fail in the next test, which pytest would blame for it."""
    done = check.child(
        """
import multiprocessing
def test_x():
    ours, theirs = multiprocessing.Pipe()
    def pong():
        while True: theirs.recv()
    threading.Thread(target=pong, daemon=True).start()
    KEPT.append((ours, theirs))
def test_y(): pass
""",
        "-W",
        "error",
    )
    assert done.counts == {"failed": 1, "passed": 1}
    assert {verdict for _, verdict, _ in verdicts(done)} == {"leak"}


def test_under_trace_nothing_is_repeated() -> None:
    """Each repetition would stop in the debugger again."""
    item = SimpleNamespace(config=SimpleNamespace(getoption=lambda *args: True))
    assert repetition.obstacle(item, Settings(), ()) == "not repeated under --trace"
