"""Growing: the repetitions of a test that is suspected to grow are counted, and what is proven takes the suspicion's place."""

from __future__ import annotations

from collections.abc import Callable

from .. import confirm
from ..memory import telling
from ..memory.budget import Budget
from ..memory.proof import Proof
from ..model import Evidence, Verdict
from ..probes.memory import SUSPECTED, MemoryProbe
from ..scope import Found, Scope
from ..sensors import window
from ..session import Session

BY = "each run of the test"


def set_budget(session: Session, percent: float, tests: int) -> None:
    """Let the budget see what the session spends."""
    probe = _probe(session)
    assert probe is not None  # who calls has seen that there is one
    probe.suspicions.budget = Budget(percent / 100, tests, lambda: session.spent_ns / 1e9)


def unconfirmed(session: Session) -> tuple[str, ...]:
    """Return the tests that may have grown and were not repeated within the budget."""
    probe = _probe(session)
    return tuple(dict.fromkeys(probe.suspicions.unconfirmed)) if probe is not None else ()


def is_suspected(first: Scope) -> bool:
    """Whether a first run left the question open."""
    return any(found.sighting == SUSPECTED for found in first.left or ())


def proof(session: Session, first: Scope) -> Proof | None:
    """Return the question that is open, if it is: what holds an unclosed file grows with it, and that is told already."""
    probe = _probe(session)
    others = any(
        not confirm.is_open(found.sighting, first.settings) and not found.sighting.once for found in dropped(first)
    )
    return probe.proof() if probe is not None and is_suspected(first) and not others else None


def settle(asked: Proof, once_more: Callable[[], str], forget: Callable[[], None]) -> None:
    """Repeat the test until the question is answered; `forget` lets go of what the runner keeps of a repetition."""
    with window.kept():
        asked.begin()
        while asked.wants_more():
            with asked.one_more():
                failure = once_more()
            if failure:
                asked.give_up()
                return
            forget()
            asked.look()


def answered(session: Session, first: Scope, asked: Proof) -> tuple[Found, ...]:
    """Return what a first run left, with what is proven in the place of the suspicion."""
    probe = _probe(session)
    try:
        told = telling.tell(asked, BY)
    finally:
        asked.end()
    if probe is not None and asked.is_over:
        if asked.is_unanswered:
            probe.suspicions.unconfirmed.append(first.owner.test or "")
        elif not told:
            probe.clear(first.ledger)
    grown = (Found(one.sighting, None, Evidence(rounds=one.rounds), Verdict.LEAK, held_by=one.held_by) for one in told)
    return (*dropped(first), *grown)


def dropped(first: Scope) -> tuple[Found, ...]:
    """Return what a first run left without a suspicion that nothing can answer."""
    return tuple(found for found in first.left or () if found.sighting != SUSPECTED)


def _probe(session: Session) -> MemoryProbe | None:
    probe = session.panel.probes.get("memory")
    return probe if isinstance(probe, MemoryProbe) else None
