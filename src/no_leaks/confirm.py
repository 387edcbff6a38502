"""Confirm: what the repetitions of a scope say of what it left: a leak grows each time, a singleton was made once; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from . import judge
from .config import Settings
from .diagnose import fingerprint, origins
from .model import Sighting, Verdict

ROUNDS = 2
"""Repetitions that must all grow: a pool that fills up by its second connection has stopped growing by then."""

PATIENCE = 0.25
"""Share of the grace that a repetition gives: what outlived all of it in the first run is asked for again, no more."""

STAYS = ("state", "blocking")
"""What a repetition overwrites instead of adding to it: changed is changed, and late is late."""

ONCE = "repeating the test left no more of it"


class Ruling(NamedTuple):
    """What is known of one cause after the repetitions; `rounds` is its growth in each."""

    verdict: Verdict
    rounds: tuple[int, ...] = ()
    reason: str = ""


def is_open(sighting: Sighting, settings: Settings) -> bool:
    """Whether only a repetition can tell if this is a leak: it is neither proven, nor asked for, nor known to come once, nor allowed."""
    if sighting.once or sighting.kind in (*STAYS, "memory"):
        return False
    if any(judge.allows(one, sighting) for one in settings.allowances):
        return False
    return settings.confirm == "always" or not (sighting.proof or sighting.asked)


def cause(sighting: Sighting, root: str) -> str:
    """Name what made a thing, so that the same thing made again has the same name."""
    return fingerprint.of(sighting.kind, origins.created_at(sighting, root), (), sighting.resource)


def grown(rounds: Sequence[Counter[str]], causes: Iterable[str]) -> frozenset[str]:
    """Return the causes that grew in every round so far."""
    return frozenset(one for one in causes if all(round_[one] for round_ in rounds))


def ruling(name: str, rounds: Sequence[Counter[str]], failure: str) -> Ruling:
    """Rule on one cause; `failure` says why the last repetition came to nothing, "" if all of them ran as the test did."""
    growth = tuple(round_[name] for round_ in rounds)
    if 0 in growth:
        return Ruling(Verdict.ONCE, growth[: growth.index(0) + 1], ONCE)
    if failure:
        return Ruling(Verdict.UNCONFIRMED, growth, failure)
    return Ruling(Verdict.LEAK, growth)
