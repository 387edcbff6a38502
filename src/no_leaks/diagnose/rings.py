"""Rings: the strongly connected parts of some garbage, each with all that hangs on it; pure, and holds nothing afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import FrameType, ModuleType
from typing import NamedTuple

from .. import referents

Graph = dict[int, list[int]]


class Ring(NamedTuple):
    """Objects of which each reaches each, in the order of the garbage; `held` are those that only they keep."""

    members: tuple[object, ...]
    held: tuple[object, ...]
    of_class: bool
    """Whether a class or module that is garbage, too, leads to it: it goes with that."""
    edges: Graph
    """By place in `members`: what leads to what."""


def of(garbage: Sequence[object], is_caller: Callable[[FrameType], bool] = lambda frame: False) -> Iterator[Ring]:
    """Yield every ring of some garbage, in its order; a frame's link to its caller counts for nothing if that `is_caller`."""
    graph = _graph(garbage, is_caller)
    doomed = reachable(graph, (place for place, thing in enumerate(garbage) if _is_definition(thing)))
    for part in sorted(sorted(part) for part in _parts(graph)):
        if len(part) > 1 or part[0] in graph[part[0]]:
            own = {place: number for number, place in enumerate(part)}
            yield Ring(
                tuple(garbage[place] for place in part),
                tuple(garbage[place] for place in sorted(reachable(graph, part) - own.keys() - doomed)),
                part[0] in doomed,
                {own[place]: [own[other] for other in graph[place] if other in own] for place in part},
            )


def reachable(graph: Graph, starts: Iterable[int]) -> set[int]:
    """Return these nodes and all that they lead to."""
    seen = set(starts)
    waiting = list(seen)
    while waiting:
        for other in graph[waiting.pop()]:
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen


def shortest(edges: Graph, start: int) -> list[int]:
    """Return the shortest way from a node of a ring back to itself, with it at both ends."""
    came_from: dict[int, int] = {}
    front = [start]
    while start not in came_from:
        after: list[int] = []
        for node in front:
            for other in edges[node]:
                if other not in came_from:
                    came_from[other] = node
                    after.append(other)
        front = after
    way = [start]
    while len(way) == 1 or way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]


def _graph(garbage: Sequence[object], is_caller: Callable[[FrameType], bool]) -> Graph:
    places = {id(thing): place for place, thing in enumerate(garbage)}
    graph = {
        place: [places[id(other)] for other in referents.of(thing) if id(other) in places]
        for place, thing in enumerate(garbage)
    }
    for place, thing in enumerate(garbage):
        back = thing.f_back if isinstance(thing, FrameType) else None
        if back is not None and id(back) in places and is_caller(back):
            graph[place].remove(places[id(back)])
    return graph


def _is_definition(thing: object) -> bool:
    return issubclass(type(thing), (type, ModuleType))


def _parts(graph: Graph) -> Iterator[list[int]]:
    """Yield the strongly connected parts: Tarjan's way, with a stack of its own, as chains of objects may be long."""
    number: dict[int, int] = {}
    lowest: dict[int, int] = {}
    path: list[int] = []
    on_path: set[int] = set()
    for root in graph:
        work = [(root, iter(graph[root]))] if root not in number else []
        while work:
            node, others = work[-1]
            if node not in number:
                number[node] = lowest[node] = len(number)
                path.append(node)
                on_path.add(node)
            for other in others:
                if other not in number:
                    work.append((other, iter(graph[other])))
                    break
                if other in on_path:
                    lowest[node] = min(lowest[node], number[other])
            else:
                work.pop()
                if work:
                    lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[node])
                if lowest[node] == number[node]:
                    part = [path.pop()]
                    while part[-1] != node:
                        part.append(path.pop())
                    on_path.difference_update(part)
                    yield part
