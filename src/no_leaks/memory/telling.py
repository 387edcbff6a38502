"""Telling: growth that is proven becomes sightings: what grew, by how much, who holds it, which line added to it, how to end it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..diagnose import holders
from ..model import Resource, Sighting
from ..sensors import window
from ..words import count
from . import bounded, owners, readings, remedies, samples
from .proof import Proof
from .watched import Watched

MOST = 5
"""Containers that are reported of one test; what grew most comes first."""
ROUNDS = 10
"""Repetitions whose growth is told one by one."""
NEWEST = 100
"""So many objects of a type are asked who holds them, at most: a chain of them is held by its first."""
BUILTIN = frozenset({"dict", "list", "tuple", "set", "deque", "object", "type", "ReferenceType", "KeyedRef"}) | {
    *("cell", "function", "frame", "method", "generator")
}
"""Types that say nothing of what grew, where there is another."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What grew, as the report has it: the sighting, who holds it, and by how much it grew each time."""

    sighting: Sighting
    held_by: tuple[str, ...]
    rounds: tuple[int, ...]


def tell(proof: Proof, by: str) -> tuple[Growth, ...]:
    """Describe what a proof has found; `by` says what was repeated: "each run of the test"."""
    if not proof.grows:
        return ()
    held = [(one, owners.path_to(one.container)) for one in proof.located]
    shown = [(one, path) for one, path in held if path]
    excuses = [bounded.excuse(one.container, path) for one, path in shown]
    told = [_of_container(*one, proof, by) for one, excuse in zip(shown, excuses, strict=True) if not excuse]
    # What a weak container follows is somewhere else.
    if told or (held and bounded.WEAK not in excuses):
        return tuple(told[:MOST])  # what else grew is in them; what nobody is seen to hold is the runner's
    if proof.trend.objects_grow:
        return (_of_objects(proof, by),)
    rounds = proof.seeps or (tuple(proof.trend.heap[:ROUNDS]) if proof.trend.heap_grows else ())
    return (_of_native(rounds, by),) if rounds else ()


def _of_container(one: Watched, path: tuple[str, ...], proof: Proof, by: str) -> Growth:
    name = readings.name_of(type(one.container))
    cache = bounded.cache_of(one.container)
    sizes = samples.bytes_of_newest(one.container, one.rounds[-1])
    detail = [f"{one.before} -> {count(one.length, samples.unit(one.container))}"]
    detail += [f"about {sizes:,} bytes each time"] if sizes else []
    detail += [f"newest {shown}"] if (shown := samples.newest(one.container)) else []
    return Growth(
        Sighting(
            kind="memory",
            resource=Resource(name, f"cache of {cache.function}" if cache else dotted(path), ", ".join(detail)),
            summary=f"a {name} was filled by {by} and never emptied",
            fix=remedies.of_container(one.container, path, cache),
            places=one.places,
        ),
        path,
        tuple(one.rounds[:ROUNDS]),
    )


def _of_objects(proof: Proof, by: str) -> Growth:
    grown = {name: tuple(rounds) for name, rounds in proof.trend.types.items()}
    names = sorted(grown, key=lambda name: (name.rpartition(".")[2] in BUILTIN, -sum(grown[name]), name))
    path, sizes = _held(names[0], sum(grown[names[0]]), proof.trend.since == readings.WHOLE)
    listed = ", ".join(f"{grown[name][-1]:+d} {name}" for name in names[:MOST])
    more = f" and {count(len(names) - MOST, 'more type')}" if len(names) > MOST else ""
    return Growth(
        Sighting(
            kind="memory",
            resource=Resource(
                names[0], dotted(path), f"{listed}{more} each time" + (f", {sizes:,} bytes each" if sizes else "")
            ),
            summary=f"objects were made by {by} and never let go",
            fix=remedies.of_objects(path),
        ),
        path,
        grown[names[0]],
    )


def _held(name: str, number: int, whole: bool) -> tuple[tuple[str, ...], int]:
    """Return who holds the newest objects of a type, that many of them, and the size of the last by itself."""
    things = window.everything() if whole or not window.is_shut() else window.young()
    newest = [thing for thing in things if readings.name_of(type(thing)) == name][-min(number, NEWEST) :]
    things.clear()
    try:
        return (holders.path_to(*newest), samples.size(newest[-1])) if newest else ((), 0)
    finally:
        newest.clear()


def _of_native(rounds: tuple[int, ...], by: str) -> Growth:
    return Growth(
        Sighting(
            kind="memory",
            resource=Resource("native memory", "", f"about {sum(rounds) // len(rounds):,} bytes more each time"),
            summary=f"native memory was allocated by {by} and never freed",
            fix="nothing of Python's holds it: look for a C extension that is called here, and what it wants to be freed by",
        ),
        (),
        rounds,
    )


def dotted(path: Iterable[str]) -> str:
    """Return a path of holders as code has it: "shop.http._CLIENTS['profile']"."""
    words = ""
    for step in path:
        name = step.removeprefix("module ").removeprefix("class ").removeprefix("fixture ")
        words += name if name.startswith("[") or not words else f".{name}"
    return words
