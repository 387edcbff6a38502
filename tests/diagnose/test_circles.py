"""Circles: edge by edge, with the line that tied them, the remedy that fits, and without what is nobody's fault."""

from __future__ import annotations

import asyncio
import functools
import gc
import sys
import weakref
from collections.abc import Callable, Generator
from typing import Any

import pytest

from no_leaks import origin
from no_leaks.diagnose import circle_fixes, circle_rules, circles
from no_leaks.diagnose.circles import Circle
from no_leaks.ledger import Ledger, Record
from no_leaks.model import Owner
from no_leaks.sensors import garbage, window


class Node:
    """What is in a tree."""

    def __init__(self) -> None:
        self.parent: Any = None
        self.children: list[Node] = []
        self.call: Any = None

    def add(self, child: Node) -> None:
        """Tie a circle."""
        self.children.append(child)
        child.parent = self


STORED = Node.add.__code__.co_firstlineno + 3


def left_by(make: Callable[[], object], *books: Ledger) -> list[Circle]:
    """Return the circles of what a function has left."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        make()
        return circles.of(garbage.unreachable(window.listed(0)), books)
    finally:
        if was_on:
            gc.enable()


def only(make: Callable[[], object]) -> Circle:
    """Return the one circle that a function has left."""
    (circle,) = left_by(make)
    return circle


def tree() -> None:
    """Leave a tree of two."""
    Node().add(Node())


def caught() -> None:
    """Keep an exception in the function that has raised it."""
    node = Node()
    try:
        raise ValueError(node)
    except ValueError as error:
        kept = error
    assert kept


def own_frame() -> None:
    """Keep the function's own frame."""
    node = Node()
    frame = sys._getframe()
    assert node
    assert frame


def generator() -> None:
    """Keep a generator in a variable of its own."""
    node = Node()

    def steps() -> Generator[object, object, None]:
        me = yield
        yield node
        assert me

    one = steps()
    next(one)
    one.send(one)


def bound_method() -> None:
    """Keep a bound method on its own object."""
    node = Node()
    node.call = node.add


def partial() -> None:
    """Keep a partial of a bound method."""
    node = Node()
    node.call = functools.partial(print, node)


def closure() -> None:
    """Keep a closure on the object that it closes over."""
    node = Node()
    node.call = lambda: node


def recursion() -> None:
    """Define a function that calls itself, beside an object."""
    node = Node()

    def walk(depth: int) -> object:
        return walk(depth - 1) if depth else node

    assert walk(0)


def container() -> None:
    """Put a list into itself, beside an object."""
    kept: list[object] = [Node()]
    kept.append(kept)


def task() -> None:
    """Keep a cancelled task on the object that it works for."""

    class Mailer:
        async def work(self) -> None:
            await asyncio.Event().wait()

    async def main() -> None:
        mailer: Any = Mailer()
        mailer.task = asyncio.create_task(mailer.work())
        await asyncio.sleep(0)
        mailer.task.cancel()
        await asyncio.gather(mailer.task, return_exceptions=True)

    asyncio.run(main())


def test_a_circle_is_told_edge_by_edge() -> None:
    """Attributes by their class, lists by their index."""
    circle = only(tree)
    assert circle.way in (
        ("Node.children", "[0]", "Node.parent", "Node"),
        ("Node.parent", "Node.children", "[0]", "Node"),
    )
    assert circle.kept == (f"{__name__}.Node",)


def test_the_line_that_stores_the_way_back_is_named() -> None:
    """It is found in the code of the class: nothing has to be kept while tests run."""
    ((file, line, function),) = only(tree).places
    assert (file, line, function.rpartition(".")[2]) == (__file__, STORED, "add")


@pytest.mark.parametrize(
    ("make", "way", "fix"),
    [
        (tree, "Node.parent", "self.parent = weakref.ref"),
        (caught, "frame caught: variable kept", "del error"),
        (caught, "ValueError.__traceback__", "del error"),
        (own_frame, "frame own_frame: variable frame", "del frame"),
        (generator, "frame steps: variable me", "close()"),
        (bound_method, "bound method Node.add", "WeakMethod"),
        (partial, "partial.args", "WeakMethod"),
        (closure, "closure node", "weakref.ref(self)"),
        (recursion, "closure walk", "module or class"),
        (container, "[1]", "take the object out"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_pattern_has_its_words_and_its_remedy(make: Callable[[], object], way: str, fix: str) -> None:
    """The way names what holds what, the remedy cuts just that."""
    circle = only(make)
    assert way in circle.way
    assert fix in circle.fix


def test_a_task_that_its_object_keeps_has_a_remedy_of_its_own() -> None:
    """Its error keeps the frames in which that object is at work; the object's class is local, and no part of the circle."""
    (circle,) = left_by(task)
    assert "Mailer.task" in circle.way
    assert "set the attribute to None" in circle.fix


def test_a_frame_or_function_of_the_circle_tells_where_it_was_tied() -> None:
    """The frame of an exception, the definition of a closure."""
    ((code, _),) = only(caught).stack
    assert code.co_name == "caught"
    ((file, line, function),) = only(recursion).places
    assert (file, line, function) == (__file__, recursion.__code__.co_firstlineno + 4, "recursion.walk")


def test_what_a_sensor_saw_being_made_tells_where() -> None:
    """A record with a reference to one of the circle; the others tell nothing."""
    book = Ledger(Owner("function"))
    book.records.append(Record("open", (), ()))

    def made() -> None:
        node = Node()
        node.add(node)
        book.records.append(Record("made", (), origin.capture_here(0), weakref.ref(node)))
        book.records.append(Record("made", (), origin.capture_here(0), weakref.ref(Node())))

    (circle,) = left_by(made, book)
    assert circle.stack[0][0].co_name == "made"
    assert circle.stack is not book.records[1].stack


@pytest.mark.parametrize(
    "make",
    [
        lambda: type("Local", (), {"node": Node()}),
        lambda: [].append,
    ],
    ids=["class", "nothing"],
)
def test_what_is_nobodys_fault_is_left_out(make: Callable[[], object]) -> None:
    """A class is always in a circle with itself; nothing of anybody's hangs on the others."""
    assert left_by(make) == []


def test_what_pytest_ties_to_a_tests_own_frame_is_excused() -> None:
    """`pytest.raises(...) as info` in a function with an object of the user's."""

    def raising() -> None:
        node = Node()
        with pytest.raises(ValueError, match="invalid literal") as info:
            int("a")
        assert info
        assert node

    assert left_by(raising) == []


def test_a_test_that_looks_at_a_result_ties_no_circle() -> None:
    """The result keeps an error, its traceback the frames below the test, these the test's, and that the result."""

    class Result:
        error: object = None

    def invoke() -> Result:
        result = Result()
        try:
            raise ValueError
        except ValueError as error:
            result.error = error
        return result

    def test_result() -> None:
        result = invoke()
        assert result.error

    def caller() -> None:
        result = invoke()
        assert result.error

    tied_below = left_by(caller)
    assert [circle.way[0] for circle in tied_below] == ["Result.error"]
    assert [circle.way[-2] for circle in left_by(test_result)] == ["frame invoke: variable result"]


def test_a_recursive_function_alone_is_excused() -> None:
    """It keeps nothing of a user's or a library's class."""

    def recursive() -> None:
        def walk(depth: int) -> object:
            return walk(depth - 1) if depth else None

        assert walk(0) is None

    assert left_by(recursive) == []


def test_a_class_that_names_no_module_is_the_interpreters() -> None:
    """As is one that names something else; classes of C code have theirs only in a slot."""
    assert circle_rules.home_of(eval('type("Bare", (), {})', {})) == "builtins"
    assert circle_rules.home_of(type("Odd", (), {"__module__": 3})) == "builtins"
    assert circle_rules.home_of(asyncio.Task) == "_asyncio"
    assert not circle_rules.is_foreign(int)
    assert circle_rules.is_foreign(Node)


def test_many_of_one_shape_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first few are compared in words, the rest only by the sorts of their objects."""
    words: list[object] = []
    real = circles._described
    monkeypatch.setattr(circles, "_described", lambda *args: words.append(args) or real(*args))  # type: ignore[func-returns-value]

    def many() -> None:
        for _ in range(20):
            tree()

    (circle,) = left_by(many)
    assert (circle.times, len(words)) == (20, circles.ALIKE)
    assert circles.sighting(circle).resource.detail.startswith("20 of them, ")


def test_more_classes_than_a_line_holds_are_counted() -> None:
    """Two are named."""
    seen = circles.sighting(Circle(way=("A.b", "A"), kept=("a.A", "b.B", "c.C"), objects=3))
    assert seen.resource.id == "of a.A and b.B, and 1 more"


def test_to_store_none_ties_nothing_and_wrapped_methods_are_read() -> None:
    """`self.owner = None` in a constructor is not the line that is looked for."""

    class Held:
        def __init__(self) -> None:
            self.owner: object = None

        @classmethod
        def make(cls, owner: object) -> object:
            held = cls()
            held.owner = owner
            return held

        @property
        def mine(self) -> object:
            def put() -> None:
                self.mark = 1

            return put

    stored = circle_fixes.stored_at("Held.owner", [Held])
    assert stored is not None
    assert stored[2].rpartition(".")[2] == "make"
    nested = circle_fixes.stored_at("Held.mark", [Held])
    assert nested is not None
    assert nested[2].rpartition(".")[2] == "put"
    assert circle_fixes.stored_at("Held.nowhere", [Held]) is None
    assert circle_fixes.stored_at("", [Held]) is None


def test_the_way_back_is_known_by_its_name() -> None:
    """Else the last edge of a user's class is taken."""
    words = ("Node.parent", "Node.children", "[0]", "Node")
    assert circle_fixes.attribute_of(words, ["Node"]) == "Node.parent"
    assert circle_fixes.attribute_of(("Node.a", "Node.b", "Node"), ["Node"]) == "Node.b"
    assert circle_fixes.attribute_of(("function f", "function f"), ["Node"]) == ""
