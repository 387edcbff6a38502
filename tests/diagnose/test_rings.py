"""Rings: the strongly connected parts of garbage, and what hangs on them."""

from __future__ import annotations

import types
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from no_leaks.diagnose import rings


class Node:
    """What can hold others."""

    def __init__(self) -> None:
        self.others: list[object] = []


def parts_of(node: Node) -> list[object]:
    """Return what the collector knows of a node."""
    return [node, vars(node), node.others]


GRAPHS = st.integers(1, 10).flatmap(
    lambda count: st.lists(st.sets(st.integers(0, count - 1)), min_size=count, max_size=count)
)


@given(GRAPHS)
def test_two_are_in_one_ring_if_each_reaches_the_other(edges: list[set[int]]) -> None:
    """That is what a strongly connected part is, and every one of them is a ring."""
    graph = {place: sorted(others) for place, others in enumerate(edges)}
    reach = {place: rings.reachable(graph, graph[place]) for place in graph}
    parts = [sorted(part) for part in rings._parts(graph)]
    assert sorted(place for part in parts for place in part) == sorted(graph)
    for part in parts:
        for place in part:
            assert part == sorted({place} | {other for other in reach[place] if place in reach[other]})


@given(GRAPHS)
def test_the_shortest_way_round_begins_and_ends_with_its_start(edges: list[set[int]]) -> None:
    """Each step is an edge, and no node but the start comes twice."""
    graph = {place: sorted(others) for place, others in enumerate(edges)}
    for start, others in graph.items():
        if start in rings.reachable(graph, others):
            way = rings.shortest(graph, start)
            assert way[0] == way[-1] == start
            assert all(after in graph[before] for before, after in pairwise(way))
            assert len(set(way)) == len(way) - 1


def test_a_ring_has_its_members_and_what_only_they_hold() -> None:
    """A list that nobody else has is kept by it; what is no garbage is not."""
    first, second, held, alive = Node(), Node(), Node(), Node()
    first.others.append(second)
    second.others += [first, held, alive]
    (ring,) = rings.of([*parts_of(held), *parts_of(first), *parts_of(second)])
    lists = [one for one in ring.members if isinstance(one, list)]
    assert [one for one in ring.members if isinstance(one, Node)] == [first, second]
    assert [id(one) for one in lists] == [id(first.others), id(second.others)]
    assert [one for one in ring.held if isinstance(one, Node)] == [held]
    assert not ring.of_class


def test_an_object_that_holds_itself_is_a_ring() -> None:
    """And one that does not is none."""
    alone: list[object] = []
    alone.append(alone)
    assert [ring.members for ring in rings.of([alone, []])] == [(alone,)]


def test_what_a_class_or_module_leads_to_goes_with_it() -> None:
    """A class that a test defines is in a circle with itself, and so is all that refers to it from there."""
    module = types.ModuleType("gone")
    node = Node()
    node.others.append(node)
    vars(module)["node"] = node
    found = list(rings.of([module, vars(module), *parts_of(node)]))
    assert [ring.of_class for ring in found] == [True]


def test_a_long_chain_needs_no_deep_stack() -> None:
    """A list of ten thousand links, say."""
    graph = {place: [place + 1] for place in range(10_000)} | {10_000: [0]}
    assert [len(part) for part in rings._parts(graph)] == [10_001]
