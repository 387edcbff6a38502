"""Watched objects in a run: tests and fixtures of all scopes, whatever the kinds."""

from __future__ import annotations

from runs import Runs

APP = """
import no_leaks

class App: pass

"""


def test_a_test_fails_for_what_it_watched_and_kept(check: Runs) -> None:
    """Once, with the reason and the holder; it is not repeated for that."""
    done = check(
        APP
        + """
RUNS = []

def test_x():
    RUNS.append(1)
    KEPT.append(no_leaks.watch(App(), "apps end with their test"))

def test_y():
    no_leaks.watch(App(), "apps end with their test")
    assert RUNS == [1]
""",
        "--no-leaks-kinds=files",
        "-p",
        "no:randomly",
    )
    assert (done.counts, done.leaks) == ({"failed": 1, "passed": 1}, [("test_x", "memory")])
    assert done.lines("An object") == ["An object was watched and did not die: apps end with their test."]
    assert done.lines("  held by") == ["  held by     module test_a -> KEPT -> [0]"]
    assert done.lines("  watched at") == ["  watched at  test_a.py:17 in test_x"]


def test_what_pytest_keeps_until_an_item_is_finished_is_let_go_of(check: Runs) -> None:
    """Values of fixtures, of wider ones too, and the instance of a test's class."""
    done = check(
        APP
        + """
@pytest.fixture
def app(): return no_leaks.watch(App(), "ends with the test")

@pytest.fixture(scope="module")
def shared():
    yield no_leaks.watch(App(), "ends with the module")

def test_fixture(app): pass
def test_wider(shared): pass
def test_wider_again(shared): pass

class TestClass:
    def test_attribute(self): self.app = no_leaks.watch(App(), "ends with the test")

class TestCase(unittest.TestCase):
    def setUp(self): self.app = no_leaks.watch(App(), "ends with the test")
    def test_case(self): pass
""",
        "--no-leaks-kinds=files",
    )
    assert (done.counts, done.leaks) == ({"passed": 5}, [])


def test_a_wider_fixture_fails_for_what_it_watched_and_kept(check: Runs) -> None:
    """In its own name."""
    done = check(
        APP
        + """
@pytest.fixture(scope="module")
def shared():
    KEPT.append(no_leaks.watch(App(), "ends with the module"))
    yield

def test_x(shared): pass
"""
    )
    (leak,) = done.document["leaks"]
    assert (leak["owner"], leak["kind"]) == ({"scope": "module", "fixture": "shared"}, "memory")
    assert done.counts == {"passed": 1, "errors": 1}


def test_without_the_flag_nothing_is_watched(check: Runs) -> None:
    """The call is there, the check is not asked for."""
    done = check(APP + "def test_x(): KEPT.append(no_leaks.watch(App(), 'ends'))\n", switch="")
    assert done.counts == {"passed": 1}
