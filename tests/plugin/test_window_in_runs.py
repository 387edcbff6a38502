"""The window in a run: a program whose old objects are frozen cannot tell."""

from __future__ import annotations

import pytest
from runs import Runs

OLD = """
import weakref
class Node: pass
OLD = [Node()]
OLD[0].me = OLD[0]
"""


def test_a_collection_that_the_program_asks_for_frees_what_is_frozen(check: Runs) -> None:
    """As if there were no window: a circle made at import, and dropped by the test."""
    done = check.child(
        OLD
        + """
def test_x():
    gone = weakref.ref(OLD.pop())
    gc.collect()
    assert gone() is None
def test_later(): pass
"""
    )
    assert done.counts == {"passed": 2}


@pytest.mark.parametrize("asked", ["gc.get_objects()", "gc.get_referrers(OLD[0])"])
def test_who_asks_for_objects_sees_what_is_frozen(check: Runs, asked: str) -> None:
    """The collector would hide it; the question opens the window before it is answered."""
    test = f"():\n    assert any(one is OLD for one in {asked})\n"
    done = check.child(f"{OLD}\ndef test_x{test}\ndef test_again{test}")
    assert done.counts == {"passed": 2}


def test_a_circle_through_something_old_is_collected_before_anybody_is_accused(check: Runs) -> None:
    """A socket in it is proven lost, as without a window, and not said to be held by nobody."""
    done = check.child(
        OLD
        + """
def test_x():
    node = Node()
    node.old, node.socket = OLD.pop(), socket.socket()
    node.old.new = node
"""
    )
    (leak,) = done.document["leaks"]
    assert leak["kind"] == "sockets"
    assert leak["proof"] == "nothing could reach it any more: the garbage collector closed it"


def test_what_is_frozen_is_unfrozen_at_the_end(check: Runs) -> None:
    """What runs after the tests finds the collector as it was."""
    words = "print('frozen:', gc.get_freeze_count() > 1000)"
    check.pytester.makeconftest(f"import gc\ndef pytest_unconfigure(): {words}")
    done = check.child("def test_x(): assert gc.get_freeze_count() > 1000")
    assert (done.counts, done.lines("frozen:")) == ({"passed": 1}, ["frozen: False"])
