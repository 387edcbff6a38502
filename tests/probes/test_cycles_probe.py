"""The kind `cycles`: seen, forgotten once it is cut, allowed with a reason, and unavailable where references are not counted."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

import pytest
from support import ON_PURPOSE, Watch, allowance, own_faults, site_of

from no_leaks.model import Verdict
from no_leaks.probes.cycles import CyclesProbe
from no_leaks.probes.panel import Panel
from no_leaks.probes.protocol import Unavailable

Make = Callable[..., Watch]


class Node:
    """What knows its parent."""

    def __init__(self, parent: Node | None = None) -> None:
        self.children: list[Node] = []
        self.parent = parent
        if parent is not None:
            parent.children.append(self)


STORED = Node.__init__.__code__.co_firstlineno + 2


def grow() -> None:
    """Leave a tree of two."""
    Node(Node())


def test_sees_a_circle_that_is_left(watch: Make) -> None:
    """With the line that ties it, and as a proof: repeating the test says no more."""
    watching = watch("cycles")
    grow()
    seen = watching.only()
    assert (seen.kind, seen.resource.type, seen.resource.id) == ("cycles", "reference cycle", f"of {__name__}.Node")
    assert seen.proof
    assert site_of(seen, __file__) == STORED


def test_forgets_a_circle_that_is_cut(watch: Make) -> None:
    """Then all of it goes at once."""
    watching = watch("cycles")
    node = Node(Node())
    node.parent = None
    del node
    assert watching.left() == ()


def test_honours_an_allowance(watch: Make) -> None:
    """It is listed, with the reason."""
    watching = watch("cycles", allowances=allowance("cycles"))
    grow()
    watching.left()
    (leak,) = watching.session.conclude(watching.scope)
    assert (leak.verdict, leak.reason) == (Verdict.ALLOWED, ON_PURPOSE)
    assert leak.held_by[-1] == "Node"


def test_says_when_it_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without counted references, or without the interpreter's lock, there is no telling."""
    with monkeypatch.context() as patched:
        patched.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
        with pytest.raises(Unavailable, match="free-threaded"):
            CyclesProbe()
    with monkeypatch.context() as patched, own_faults():
        patched.delattr(gc, "callbacks")
        assert Panel(("cycles",)).unavailable["cycles"] == "this interpreter does not count references"


def test_nothing_is_let_go_of_or_described_after_the_end(watch: Make) -> None:
    """The collector has taken it; and a scope that has ended is not watched anew."""
    watching = watch("cycles")
    grow()
    spot = watching.spot()
    assert watching.session.panel.release(*spot, watching.ledger) == ""
    watching.scope.end()
    assert watching.session.panel.describe(*spot, watching.ledger) is None
    assert watching.session.panel.look(("cycles",), watching.ledger) == {"cycles": frozenset()}
