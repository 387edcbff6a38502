"""Repeating a wider fixture: what it leaves each time is a leak, what was made once is none, and the rest is said."""

from __future__ import annotations

import importlib.util

import pytest
from runs import Runs

from no_leaks.plugin import again

needs_asyncio = pytest.mark.skipif(importlib.util.find_spec("pytest_asyncio") is None, reason="needs pytest-asyncio")

LEAKY = (
    "@pytest.fixture(scope='module')\ndef wide():\n    print('SET UP')\n    leak()\n    yield\ndef test_x(wide): pass"
)


def test_what_it_leaves_each_time_is_a_leak(check: Runs) -> None:
    """The report says how often it was tried; what the repetitions left is let go of, their words are not heard."""
    done = check(LEAKY)
    (leak,) = done.document["leaks"]
    assert (leak["verdict"], leak["confidence"], leak["evidence"]["rounds"]) == ("leak", "definite", [1, 1])
    assert done.out.count("SET UP") == 0


@pytest.mark.parametrize(
    "source",
    [
        "@pytest.fixture(scope='session')\ndef wide():\n    {}\ndef test_x(wide): pass",
        "def setup_module():\n    {}\ndef test_x(): pass",
        "class TestX(unittest.TestCase):\n  def test(self): pass\n  @classmethod\n  def setUpClass(cls):\n    {}",
    ],
)
def test_what_it_starts_lazily_is_made_once(check: Runs, source: str) -> None:
    """A library's singleton: listed, and nothing fails."""
    done = check(source.format("if not KEPT: leak()"))
    assert done.counts == {"passed": 1}
    done.result.stdout.fnmatch_lines(["once * file opened at * - setting the fixture up once more left no more of it"])


def test_its_own_dependencies_and_parameters_are_there_again(check: Runs) -> None:
    """Those of other scopes, its parameter, and what it asks for late; each is set up once."""
    done = check("""
count = []
@pytest.fixture(scope="session")
def outer():
    count.append("outer")
    yield "out"
    count.append("outer ends")
@pytest.fixture(scope="session")
def late(): count.append("late")
@pytest.fixture(scope="module", params=["a", "b"])
def wide(request, outer):
    request.getfixturevalue("late")
    count.append(request.param + outer)
    leak()
    yield
    assert "outer ends" not in count
    count.append(request.param + "ends")
def test_x(wide): pass
def test_count(): assert count == ["outer", "late", *["aout", "aends"] * 3, "bout"]
""")
    assert done.counts == {"passed": 3, "errors": 2}
    assert "LeakWarning" not in done.out


def test_what_fails_when_it_is_repeated_is_unconfirmed(check: Runs) -> None:
    """It fails all the same, and says why."""
    done = check("""
@pytest.fixture(scope="module")
def wide():
    assert not KEPT, "not twice"
    leak()
def test_x(wide): pass
""")
    assert done.counts == {"passed": 1, "errors": 1}
    assert [leak["verdict"] for leak in done.document["leaks"]] == ["unconfirmed"]
    assert "set up once more, the fixture failed (AssertionError: not twice)" in done.document["leaks"][0]["reason"]


def test_an_end_that_fails_when_it_is_repeated_is_unconfirmed(check: Runs) -> None:
    """As with its set-up."""
    done = check("""
@pytest.fixture(scope="module")
def wide():
    leak()
    yield
    assert len(KEPT) == 1
def test_x(wide): pass
""")
    assert [leak["verdict"] for leak in done.document["leaks"]] == ["unconfirmed"]


@pytest.mark.parametrize(
    ("flag", "reason"),
    [
        ("--no-leaks-confirm=never", "not repeated: confirm is off"),
        ("--no-leaks-confirm-limit=0", "not repeated: the fixture's set-up took 0 s, over the limit of 0 s (*"),
    ],
)
def test_what_is_not_repeated_is_unconfirmed(check: Runs, flag: str, reason: str) -> None:
    """It says which setting is in the way."""
    done = check(LEAKY, flag)
    assert done.counts == {"passed": 1, "errors": 1}
    done.result.stdout.fnmatch_lines([f"  reason *{reason}"])


def test_what_is_proven_is_not_repeated(check: Runs) -> None:
    """The collector closed it."""
    done = check(
        "count = []\n@pytest.fixture(scope='class')\ndef wide():\n    count.append(1)\n    open(LEAKED, 'a')\n"
        "class TestX:\n    def test_x(self, wide): pass\ndef test_count(): assert len(count) == 1"
    )
    assert done.counts == {"passed": 2, "errors": 1}


def test_what_was_made_by_use_cannot_be_repeated(check: Runs) -> None:
    """It is the fixture's, fails, and says why it is not confirmed."""
    done = check("""
@pytest.fixture(scope="module")
def wide():
    steps = [threading.Event(), threading.Event()]
    def work():
        steps[0].wait()
        leak()
        steps[1].set()
    thread = threading.Thread(target=work)
    thread.start()
    yield steps
    steps[0].set()
    thread.join()
    KEPT[1:] = [file.close() for file in KEPT[1:]]
def test_x(wide):
    wide[0].set()
    wide[1].wait()
""")
    assert done.counts == {"passed": 1, "errors": 1}
    done.result.stdout.fnmatch_lines(["  reason *made while tests used the fixture*"])


@pytest.mark.parametrize("end", ["raise KeyboardInterrupt", "pytest.exit('enough')"])
def test_an_interruption_of_a_repetition_ends_the_run(check: Runs, end: str) -> None:
    """What the first run has shown is not lost."""
    done = check.child(
        f"@pytest.fixture(scope='module')\ndef wide():\n    if KEPT: {end}\n    leak()\ndef test_x(wide): pass"
    )
    assert done.result.ret == 2


@needs_asyncio
def test_an_async_fixture_is_repeated_on_its_loop(check: Runs) -> None:
    """Its loop is still there: leaks of set-up and teardown, and what was made once."""
    done = check(
        """
import pytest_asyncio
@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wide():
    if not KEPT: KEPT.append(open(os.devnull))
    leak()
    await asyncio.sleep(0)
    yield
    leak()
@pytest.mark.asyncio(loop_scope="module")
async def test_x(wide): pass
""",
        *("-p", "pytest_asyncio.plugin", "-o", "asyncio_default_fixture_loop_scope=function"),
    )
    assert done.counts == {"passed": 1, "errors": 1}
    assert sorted(leak["verdict"] for leak in done.document["leaks"]) == ["leak", "leak", "once"]


def test_nothing_of_a_repetition_shows(check: Runs) -> None:
    """--setup-show, -s."""
    once, twice = (check(LEAKY, "-s", "--setup-show", flag).out for flag in ("--no-leaks-confirm=never", "-q"))
    assert (once.count("SET UP"), twice.count("SET UP")) == (1, 1)
    assert (once.count("SETUP    M wide"), twice.count("SETUP    M wide")) == (1, 1)
    assert (once.count("TEARDOWN M wide"), twice.count("TEARDOWN M wide")) == (1, 1)


def test_what_raises_no_error_of_ours_is_a_failure_of_the_fixture() -> None:
    """Whatever it raises: the run goes on."""

    class Fixture:
        node = func = None

    assert "AttributeError" in again.once_more(Fixture, Fixture)
