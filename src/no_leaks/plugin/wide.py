"""Wide: one wider fixture from its set-up to its last finalizer, and what can be said of the looks around these."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from types import CodeType
from typing import Any

from ..diff import Look
from ..model import Ident, RawStack, Snapshot, Spot
from ..probes.panel import CARRIED, EMPTY, TAKEN
from ..scope import Scope
from . import sources

LOOKED = CARRIED | TAKEN
"""What these probes see may be anybody's; all others tell from the fixture's own ledger."""


class Wide:
    """One wider fixture, from its set-up to its last finalizer.

    `request` is that of its set-up: until pytest 8.1 its end is told with that of the next, which may have another
    parameter. `outer` is whose set-up or test it is part of, with what had changed by then in the eyes of each.
    """

    def __init__(
        self, scope: Scope, source: sources.Source, function: Any, request: Any, outer: Sequence[tuple[Scope, Look]]
    ) -> None:
        self.scope = scope
        self.source = source
        self.function = function
        self.request = request
        self.outer = outer
        self.made: set[Spot] = set()
        """What appeared while it was set up or torn down: without a record it is the fixture's all the same."""
        self.foreign: set[Spot] = set()
        """What others made meanwhile, though it may look like something that the fixture has opened."""
        self.at_end: Look = {}
        self.failed = False
        self.took_s = 0.0
        self.used_s = (math.inf, math.inf)
        """From when to when tests could use it, by the monotonic clock."""
        self.codes: frozenset[int] | None = None
        """The functions within the fixture's own, by id (code is hashed over all its content); None until somebody asks."""

    @property
    def names(self) -> tuple[str, ...]:
        """The probes whose looks have to be compared."""
        return tuple(name for name in self.scope.names if name in LOOKED)

    def wrote(self, stack: RawStack) -> bool:
        """Whether a function that stands within the fixture's own is at work in a stack: a factory that it hands out."""
        if self.codes is None:
            code = sources.code_of(self.function)
            self.codes = frozenset(map(id, _within(code))) if code is not None else frozenset()
        return any(id(code) in self.codes for code, _ in stack)


def _within(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _within(constant)


def born(after: Look, before: Look) -> dict[str, Snapshot]:
    """Return what is in the second look and was not in the first, in the order of the probes."""
    return {name: seen - before.get(name, EMPTY) for name, seen in after.items()}


def spots(look: Look) -> Iterator[Spot]:
    """Yield each thing of a look with its probe's name."""
    for name, idents in look.items():
        for ident in idents:
            yield name, ident


def look_of(spots: Iterable[Spot]) -> Look:
    """Return the look that has these things and no others."""
    look: dict[str, set[Ident]] = {}
    for name, ident in spots:
        look.setdefault(name, set()).add(ident)
    return {name: frozenset(idents) for name, idents in look.items()}
