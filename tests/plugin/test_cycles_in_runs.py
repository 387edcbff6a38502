"""Cycles in a run: on request, judged in the test's own teardown, and nothing else is changed by it."""

from __future__ import annotations

import pytest
from runs import Runs

CYCLES = "--no-leaks-kinds=cycles"
NODE = """
import weakref

class Node:
    def __init__(self):
        self.me = self

"""


def test_only_who_asks_is_told(check: Runs) -> None:
    """A circle is freed in the end: it is no leak of the default kinds."""
    source = NODE + "def test_x(): Node()\n"
    assert check(source).counts == {"passed": 1}
    done = check(source, CYCLES)
    assert (done.counts, done.leaks) == ({"failed": 1}, [("test_x", "cycles")])
    assert done.lines("  circle") == ["  circle      Node.me -> Node"]
    (tied,) = done.lines("  tied at")
    assert tied.startswith("  tied at     test_a.py:12 in ")
    assert tied.endswith("__init__")


def test_two_runs_give_the_same_fingerprint(check: Runs) -> None:
    """Addresses, numbers and what else the test leaves are no part of it."""
    first = check.child(NODE + "def test_x(): Node()\n", CYCLES).document["leaks"][0]
    again = check.child(NODE + "def test_y():\n    kept = [Node() for _ in range(9)]\n", CYCLES).document["leaks"][0]
    assert first["fingerprint"] == again["fingerprint"]
    assert (first["verdict"], first["confidence"]) == ("leak", "definite")


@pytest.mark.parametrize("confirm", ["auto", "always", "never"])
def test_it_is_proven_whether_it_is_repeated_or_not(check: Runs, confirm: str) -> None:
    """The circle is garbage by itself; asked for, two repetitions find another each."""
    done = check(NODE + "def test_x(): Node()\n", CYCLES, f"--no-leaks-confirm={confirm}")
    (leak,) = done.document["leaks"]
    assert leak["verdict"] == "leak"
    assert leak["evidence"]["rounds"] == ([1, 1] if confirm == "always" else [])


def test_fixtures_and_instances_are_part_of_the_test(check: Runs) -> None:
    """What pytest keeps of them until it has finished the item is let go of before."""
    done = check(
        NODE
        + """
@pytest.fixture
def node():
    yield Node()

def test_fixture(node): pass

class TestClass:
    def test_attribute(self): self.node = Node()

class TestCase(unittest.TestCase):
    def setUp(self): self.node = Node()
    def test_case(self): pass

@pytest.fixture
def clean():
    node = Node()
    yield node
    node.me = None

def test_clean(clean): pass
""",
        CYCLES,
    )
    assert sorted(name for name, _ in done.leaks) == ["test_attribute", "test_case", "test_fixture"]
    assert done.counts == {"failed": 3, "passed": 1}


def test_a_wider_fixture_answers_for_what_its_own_code_leaves(check: Runs) -> None:
    """In its set-up and its teardown; no test does, and it for no test."""
    done = check(
        NODE
        + """
class Other(Node): pass

@pytest.fixture(scope="module")
def server():
    Node()
    yield
    Other()

def test_a(server): pass
def test_b(server): Node()
def test_c(server): pass
""",
        CYCLES,
    )
    assert done.counts == {"passed": 2, "failed": 1, "errors": 1}
    owners = [(leak["owner"]["fixture"], leak["held_by"]) for leak in done.document["leaks"]]
    assert sorted(owners, key=repr) == [
        ("server", ["Node.me", "Node"]),
        ("server", ["Other.me", "Other"]),
        (None, ["Node.me", "Node"]),
    ]


def test_no_test_is_blamed_for_anothers_garbage(check: Runs) -> None:
    """Neither of one that nobody checks, nor of one that failed and whose traceback goes later."""
    done = check(
        NODE
        + """
@pytest.mark.no_leaks(False)
def test_unchecked(): Node()

def test_failing():
    node = Node()
    assert not node

def test_later():
    with pytest.raises(ValueError): raise ValueError

def test_failing_again(): assert False

def test_last(): gc.collect()
""",
        CYCLES,
    )
    assert done.leaks == []
    assert done.counts == {"passed": 3, "failed": 2}


def test_a_socket_in_a_circle_is_told_as_without_this_kind(check: Runs) -> None:
    """In the test's own name, with its own kind; the circle that kept it is a finding beside it."""
    source = NODE + "def test_x():\n    Node().socket = socket.socket()\ndef test_y(): pass\n"
    assert check(source, "--no-leaks-kinds=sockets").leaks == [("test_x", "sockets")]
    done = check(source, "--no-leaks-kinds=sockets,cycles")
    assert done.leaks == [("test_x", "cycles"), ("test_x", "sockets")]
    proofs = {leak["kind"]: leak["proof"] for leak in done.document["leaks"]}
    assert proofs["sockets"] == "nothing could reach it any more: the garbage collector closed it"


def test_a_test_that_works_with_the_collector_notices_nothing(check: Runs) -> None:
    """Its callbacks are called, its flags and lists are its own, and what it asks for is answered in full."""
    done = check.child(
        NODE
        + """
def test_debug():
    gc.set_debug(gc.DEBUG_SAVEALL)
    Node()
    gc.collect()
    kept = [one for one in gc.garbage if type(one) is Node]
    gc.garbage.clear()
    gc.set_debug(0)
    assert len(kept) == 1
    kept[0].me = None

def test_callbacks():
    heard = []
    gc.callbacks.append(lambda phase, info: heard.append((phase, info["generation"])))
    gc.collect(1)
    gc.callbacks.pop()
    assert heard == [("start", 1), ("stop", 1)]

def test_weak():
    heard = []
    reference = weakref.ref(Node(), lambda _: heard.append("dead"))
    assert reference() is not None
    gc.collect()
    assert (heard, reference()) == (["dead"], None)

def test_flags():
    assert (gc.isenabled(), gc.get_debug(), gc.garbage) == (True, 0, [])

def test_unreachable_count():
    gc.collect()
    Node()
    assert gc.collect() > 0
""",
        CYCLES,
    )
    assert [name for name, _ in done.leaks] == ["test_debug", "test_unreachable_count", "test_weak"]
    assert done.counts == {"failed": 3, "passed": 2}
    assert "AssertionError" not in done.out


def test_an_item_that_is_no_function_is_checked_too(check: Runs) -> None:
    """It has no fixtures and no instance to be let go of."""
    check.pytester.makeconftest(
        """
        import pytest

        class Other(pytest.Item):
            def runtest(self): pass

        def pytest_collection_modifyitems(session, items):
            items.append(Other.from_parent(session, name="other"))
        """
    )
    done = check.child("def test_x(): pass\n", CYCLES)
    assert done.counts == {"passed": 2}
    assert done.document["faults"] == {}


def test_a_marker_asks_for_it_and_takes_it_out(check: Runs) -> None:
    """As with any kind."""
    done = check(
        NODE
        + """
@pytest.mark.no_leaks("cycles")
def test_asks(): Node()

@pytest.mark.no_leaks(cycles=False)
def test_not(): Node()

@pytest.mark.allow_leaks("cycles", reason="a tree by nature")
def test_allowed(): Node()
""",
        "--no-leaks-kinds=default,cycles",
    )
    assert done.counts == {"failed": 1, "passed": 2}
    assert [(leak["verdict"], leak["reason"]) for leak in done.document["leaks"]] == [
        ("allowed", "a tree by nature"),
        ("leak", ""),
    ]
