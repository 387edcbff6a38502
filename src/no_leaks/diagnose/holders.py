"""Holders: who still holds an object, as a path from a module, class, thread, task, loop or running frame down to it.

A bounded breadth-first search over the collector's referrers, run only for a leak that is about to be reported. It names
objects and keeps none. What `gc.freeze()` has put away is not seen: unfreeze first.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable
from dataclasses import dataclass

from .. import faults, referents
from . import frames, roots, steps


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the search goes; in objects, not in seconds, so that a slow machine gives the same answer."""

    depth: int = 8
    objects: int = 2_000
    breadth: int = 200
    """Objects of one level whose referrers are asked for: one pass over the heap each level."""


LIMITS = Limits()
REAPERS = ("subprocess",)
"""Modules that hold a child only to reap it once it has ended: its own Popen object was dropped."""
Found = tuple[int, tuple[str, ...]]
"""The rank of a root, and the path from it."""


def path_to(*things: object, limits: Limits = LIMITS) -> tuple[str, ...]:
    """Return who holds a thing, outermost first; () where nobody can be named: it is garbage, or held by native code.

    Of several things the path to the nearest is returned: of a chain of them, to its first.
    """
    walk = _Walk(things)
    try:
        return walk.run(limits)
    except Exception as error:
        faults.note("holders", error)
        return ()
    finally:
        walk.forget()


def is_passing(path: tuple[str, ...]) -> bool:
    """Whether the holder ends with the scope: a task, loop or running function, or the library's list of what to reap.

    A module, class or thread may use the thing again.
    """
    kind, _, name = path[0].partition(" ")
    return kind not in ("module", "class", "thread") or name in REAPERS


class _Walk:
    """One search; every object it meets is in `nodes` alone, so that it can leave itself out and let go of all at once."""

    __slots__ = ("locals", "nodes", "own", "places", "roots", "up")

    def __init__(self, things: Iterable[object]) -> None:
        self.nodes: list[object] = list(things)
        self.up: list[int] = [-1] * len(self.nodes)
        self.places: dict[int, int] = {id(thing): place for place, thing in enumerate(self.nodes)}
        self.own: set[int] = {id(self.nodes)}
        self.roots = roots.Roots()
        self.locals: dict[int, tuple[str, ...]] = {}

    def run(self, limits: Limits) -> tuple[str, ...]:
        """Go up level by level; of the roots that a level reaches the best takes all, so that the order of the heap is no matter.

        A variable of this thread's own running functions ends by itself: it is named only where nothing else holds the thing.
        """
        self.locals = frames.running(self.nodes[0])
        passing: list[Found] = []
        start = 0
        for _ in range(limits.depth):
            end = len(self.nodes)
            found = [*self._held_by_frames(start, end), *self._grow(start, end, limits)]
            lasting = [path for path in found if path[0] != roots.FRAME]
            if lasting:
                return min(lasting)[1]
            passing += found
            if end == len(self.nodes):
                break
            start = end
        return passing[0][1] if passing else ()

    def forget(self) -> None:
        """Let go of every object that was met."""
        self.nodes.clear()
        self.locals.clear()

    def _held_by_frames(self, start: int, end: int) -> Iterable[Found]:
        for place in range(start, end):
            held = self.locals.get(id(self.nodes[place]))
            if held is not None:
                rank = roots.THREAD if len(held) > 1 else roots.FRAME
                yield rank, (*held, *self._path(place))

    def _grow(self, start: int, end: int, limits: Limits) -> list[Found]:
        """Add the referrers of one level, and return the paths from those that are roots."""
        targets = self.nodes[start : min(end, start + limits.breadth)]
        referrers = gc.get_referrers(*targets) + _unlisted(targets)
        self.own |= {id(targets), id(referrers)}
        found: list[Found] = []
        for referrer in referrers:
            if id(referrer) in self.places or self._is_own(referrer):
                continue
            child = self._child_of(referrer, start, end)
            root = self.roots.name(referrer)
            if root is not None:
                rank, name = root
                found.append((rank, (name, *self._path(child, referrer, in_root=True))))
            elif len(self.nodes) < limits.objects:
                self.places[id(referrer)] = len(self.nodes)
                self.nodes.append(referrer)
                self.up.append(child)
        self.own -= {id(targets), id(referrers)}
        return found

    def _is_own(self, thing: object) -> bool:
        return id(thing) in self.own or self.roots.is_hidden(thing)

    def _child_of(self, referrer: object, start: int, end: int) -> int:
        places = (self.places.get(id(thing), -1) for thing in referents.of(referrer))
        return min((place for place in places if start <= place < end), default=start)

    def _path(self, place: int, holder: object = None, *, in_root: bool = False) -> tuple[str, ...]:
        """Name the steps from a holder, or from the node at `place`, down to the thing."""
        chain: list[object] = [holder] if in_root else []
        self.own.add(id(chain))
        while place >= 0:
            chain.append(self.nodes[place])
            place = self.up[place]
        names = steps.names(chain, is_rooted=in_root)
        self.own.discard(id(chain))
        chain.clear()
        return names


def _unlisted(targets: list[object]) -> list[object]:
    """Return the holders that the collector does not list: they hold nothing that it lists. A walk over the heap."""
    simple = [one for one in targets if not gc.is_tracked(one)]
    return referents.unlisted_holders(simple, gc.get_objects()) if simple else []
