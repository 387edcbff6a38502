"""Watched: a container that grew, asked after each repetition whether it goes on to."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..model import Places
from . import census


@dataclass(slots=True, eq=False)
class Watched:
    """A container that grew, with its growth on each repetition since; let go of when the proof ends."""

    container: object
    before: int
    length: int
    rounds: list[int] = field(default_factory=list[int])
    places: Places = ()

    def look(self) -> None:
        """Take down how much it has grown since the last time."""
        length = census.length_of(self.container) or 0
        self.rounds.append(length - self.length)
        self.length = length
