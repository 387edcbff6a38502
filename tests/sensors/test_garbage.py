"""Garbage: what the collector would free is found, and nothing is done to it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from no_leaks.sensors import garbage


class Node:
    """What can hold others, and be held."""

    def __init__(self) -> None:
        self.others: list[object] = []


@contextmanager
def uncollected() -> Iterator[None]:
    """No collection comes in between."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def by_the_collector(things: list[object]) -> set[int]:
    """Return which of some things the collector would free, by its own word; they are freed then."""
    idents = set(map(id, things))
    before, kept = gc.get_debug(), gc.garbage[:]
    gc.garbage.clear()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        things.clear()
        gc.collect(0)  # they are all young
        return {id(thing) for thing in gc.garbage} & idents
    finally:
        gc.set_debug(before)
        gc.garbage[:] = kept


@given(
    count=st.integers(1, 12),
    edges=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30),
    kept=st.sets(st.integers(0, 11)),
)
def test_it_is_what_the_collector_says(count: int, edges: list[tuple[int, int]], kept: set[int]) -> None:
    """For any graph of objects of which some are held from elsewhere."""
    with uncollected():
        nodes = [Node() for _ in range(count)]
        edges = [*edges, *((place, place) for place in range(count))]  # else it would die at once
        for start, end in edges:
            nodes[start % count].others.append(nodes[end % count])
        holder = [nodes[place] for place in kept if place < count]
        things: list[object] = [thing for node in nodes for thing in (node, node.others, vars(node))]
        nodes.clear()
        del nodes
        found = set(map(id, garbage.unreachable(things)))
        assert found == by_the_collector(things)
        assert len(holder) == len([place for place in kept if place < count])


def test_nothing_is_finalized_and_no_reference_cleared_for_a_look() -> None:
    """The collector would have done both before it tells."""
    heard: list[str] = []

    class Loud:
        me: object = None

        def __del__(self) -> None:
            heard.append("finalized")

    with uncollected():
        thing = Loud()
        thing.me = thing
        reference = weakref.ref(thing, lambda _: heard.append("dead"))
        things: list[object] = [thing, vars(thing)]
        del thing
        assert {type(one).__name__ for one in garbage.unreachable(things)} >= {"Loud"}
        assert (heard, reference() is not None) == ([], True)
    things.clear()
    gc.collect()
    assert heard == ["dead", "finalized"]


def test_what_a_running_function_holds_is_no_garbage() -> None:
    """Its local variables are references like all others."""
    node = Node()
    node.others.append(node)
    assert garbage.unreachable([node, node.others, vars(node)]) == []


def test_a_reference_that_moves_between_two_steps_is_no_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may take a thing out of a list, and hold it itself, after its references were counted."""
    node, box = Node(), Node()
    box.others.append(node)
    things: list[object] = [box, box.others, vars(box), node, node.others, vars(node)]
    holder: list[object] = []
    real = garbage._reach
    del node

    def moved(*args: object) -> None:
        holder.append(box.others.pop())
        real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(garbage, "_reach", moved)
    assert garbage.unreachable(things) == []
    assert holder


def test_of_two_only_the_one_that_is_still_held_is_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second count goes on until nothing changes any more."""
    first, second = Node(), Node()
    first.others.append(second)
    second.others.append(first)
    alone = Node()
    alone.others.append(alone)
    things: list[object] = [thing for node in (first, second, alone) for thing in (node, node.others, vars(node))]
    holder = [first]
    del first, second, alone
    real = garbage._not_held
    counts: list[int] = []

    def first_without_it(them: list[object], others: int = 0) -> list[object]:
        counts.append(len(them))
        return list(them) if len(counts) == 1 else real(them, others)

    monkeypatch.setattr(garbage, "_not_held", first_without_it)
    found = garbage.unreachable(things)
    assert len(counts) > 2
    assert all(one is not holder[0] for one in found)
    assert sum(isinstance(one, Node) for one in found) == 1
