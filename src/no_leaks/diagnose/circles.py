"""Circles: a ring of garbage in words: its shortest way round edge by edge, what it keeps, where it was tied and how to cut it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import (
    AsyncGeneratorType,
    CellType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    TracebackType,
)

from .. import rules
from ..ledger import Ledger
from ..model import Places, RawStack, Resource, Sighting
from ..words import count, type_name
from . import circle_fixes, rings, steps
from .circle_rules import CALLERS, RINGS, foreign
from .rings import Ring

STARTS = 12
"""Members of a ring from which a way round is looked for."""
ALIKE = 8
"""Rings of the same sorts of objects that are put into words; the rest of them is counted with the first."""
NAMED = 2
"""Classes that a report names."""


@dataclass(frozen=True, slots=True)
class Circle:
    """Circles of one shape: what tells the shape, and what a report says of it."""

    way: tuple[str, ...]
    """Edge by edge: ("Node.parent", "Node.children", "[0]", "Node")."""
    kept: tuple[str, ...]
    """The users' and libraries' classes whose objects it keeps."""
    objects: int
    times: int = 1
    stack: RawStack = ()
    places: Places = ()
    fix: str = ""

    def is_like(self, other: Circle) -> bool:
        """Whether both are of one shape: tied in the same way, at the same place."""
        return (self.way, self.kept, self.stack, self.places) == (other.way, other.kept, other.stack, other.places)

    def and_more(self, times: int, objects: int) -> Circle:
        """Return this shape with more of its like."""
        return replace(self, times=self.times + times, objects=self.objects + objects)


def of(garbage: Sequence[object], books: Iterable[Ledger]) -> list[Circle]:
    """Describe what is wrong with some garbage, a shape once; what a rule excuses is left out."""
    births = _births(books)
    found: list[Circle] = []
    first_of: dict[frozenset[int], list[int]] = {}
    for ring in rings.of(garbage, lambda frame: rules.excused(CALLERS, frame)):
        if rules.excused(RINGS, ring):
            continue
        alike = first_of.setdefault(frozenset(_sort(thing) for thing in ring.members), [])
        if len(alike) < ALIKE:
            circle = _described(ring, births)
            alike.append(merge(found, circle))
        else:
            found[alike[0]] = found[alike[0]].and_more(1, len(ring.members) + len(ring.held))
    return found


def merge(known: list[Circle], circle: Circle) -> int:
    """Count a circle to its like, or add it; return its place."""
    for place, other in enumerate(known):
        if other.is_like(circle):
            known[place] = other.and_more(circle.times, circle.objects)
            return place
    known.append(circle)
    return len(known) - 1


def sighting(circle: Circle) -> Sighting:
    """Return what a report is made of."""
    more = f", and {len(circle.kept) - NAMED} more" if len(circle.kept) > NAMED else ""
    often = f"{circle.times} of them, " if circle.times > 1 else ""
    return Sighting(
        kind="cycles",
        resource=Resource(
            "reference cycle",
            f"of {' and '.join(circle.kept[:NAMED])}{more}",
            f"{often}{count(circle.objects, 'object')}",
        ),
        summary="a reference cycle was left, which only the garbage collector could free",
        fix=circle.fix,
        stack=circle.stack,
        places=circle.places,
        proof="nothing but the circle itself held it",
        held_by=circle.way,
    )


def _described(ring: Ring, births: Mapping[int, RawStack]) -> Circle:
    way, words = min(
        ((way, _words([ring.members[place] for place in way])) for way in _ways(ring)),
        key=lambda pair: (len(pair[1]), len(pair[0]), pair[1]),
    )
    chain = [ring.members[place] for place in way]
    stack = next((births[id(thing)] for thing in ring.members if id(thing) in births), ()) or _stack(chain)
    attribute = circle_fixes.attribute_of(words, {type(thing).__name__ for thing in foreign(chain)})
    kept = dict.fromkeys(map(type_name, (*foreign(ring.members), *foreign(ring.held))))
    return Circle(
        way=words,
        kept=tuple(kept),
        objects=len(ring.members) + len(ring.held),
        stack=stack,
        places=() if stack else _places(chain, ring.members, attribute),
        fix=circle_fixes.fix(ring.members, attribute),
    )


def _ways(ring: Ring) -> Iterator[list[int]]:
    """Yield ways round from the members that a reader would begin with: a user's object, else what has a name."""
    users = {id(thing) for thing in foreign(ring.members)}
    named = [place for place, thing in enumerate(ring.members) if id(thing) in users]
    for parts in (_PARTS, _NAMELESS):
        named = named or [place for place, thing in enumerate(ring.members) if not issubclass(type(thing), parts)]
    for place in (named or list(range(len(ring.members))))[:STARTS]:
        yield rings.shortest(ring.edges, place)


_NAMELESS = (CellType, tuple, dict)
"""What is only a part of what holds it: a closure's cells, an instance's namespace."""
_PARTS = (*_NAMELESS, FrameType, TracebackType)
"""And what is part of a generator (a step of its own up to 3.10) or of an exception."""


def _words(chain: list[object]) -> tuple[str, ...]:
    words = steps.names(chain, is_rooted=False)
    first = chain[0]
    if isinstance(first, (FunctionType, MethodType, FrameType)):
        return (*words, words[0].partition(": ")[0])
    return (*words, type(first).__name__)


def _sort(thing: object) -> int:
    if issubclass(type(thing), FunctionType):
        return id(FunctionType.__code__.__get__(thing))  # type: ignore[attr-defined]
    return id(thing.f_code) if isinstance(thing, FrameType) else id(type(thing))


_FRAMES: tuple[tuple[type, str], ...] = (
    (TracebackType, "tb_frame"),
    (GeneratorType, "gi_frame"),
    (CoroutineType, "cr_frame"),
    (AsyncGeneratorType, "ag_frame"),
)


def _births(books: Iterable[Ledger]) -> dict[int, RawStack]:
    """Return where the things were made that a sensor has seen being made, by identity."""
    records = [record for book in books for record in book.records if record.ref is not None and record.stack]
    # A stack of its own: one that is the record's says that both are one finding (judge.py).
    return {id(thing): (*record.stack,) for record in records if record.ref and (thing := record.ref()) is not None}


def _stack(chain: Sequence[object]) -> RawStack:
    """Return where a frame of the circle stood last, if there is one."""
    for thing in chain:
        frame = next((getattr(thing, name) for sort, name in _FRAMES if isinstance(thing, sort)), thing)
        if isinstance(frame, FrameType):
            return ((frame.f_code, frame.f_lasti),)
    return ()


def _places(chain: Sequence[object], members: Sequence[object], attribute: str) -> Places:
    """Return the line that stores the attribute, or else the one that defines a function of the circle."""
    stored = circle_fixes.stored_at(attribute, [type(thing) for thing in foreign(members)])
    if stored is not None:
        return (stored,)
    functions = [thing for thing in chain if isinstance(thing, FunctionType)]
    codes: list[tuple[CodeType, str]] = [(function.__code__, function.__qualname__) for function in functions]
    return tuple((code.co_filename, code.co_firstlineno, name.replace(".<locals>", "")) for code, name in codes[:1])
