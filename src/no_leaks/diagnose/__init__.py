"""Diagnose: a judged sighting becomes a leak with origin, holder, hint and fingerprint, and without secrets."""

from __future__ import annotations

from ..model import Evidence, Leak, Owner, Resource, Sighting, Verdict
from ..words import masked
from . import fingerprint, hints, origins

LATE = "it came to light after its scope had ended"


def explain(
    sighting: Sighting,
    *,
    verdict: Verdict,
    evidence: Evidence,
    owner: Owner,
    test: str | None,
    root: str,
    held_by: tuple[str, ...] = (),
    done: str = "",
    reason: str = "",
) -> Leak:
    """Return the leak that a report prints: what it is, where it was made, who holds it and how to let it go."""
    created_at = origins.created_at(sighting, root)
    resource = sighting.resource
    return Leak(
        fingerprint=fingerprint.of(sighting.kind, created_at, held_by, resource),
        kind=sighting.kind,
        verdict=verdict,
        confidence="definite"
        if sighting.proof or sighting.asked or (verdict is Verdict.LEAK and evidence.rounds)
        else "probable",
        test=test,
        owner=owner,
        summary=masked(sighting.summary),
        resource=Resource(resource.type, masked(resource.id), masked(resource.detail)),
        created_at=created_at,
        now_at=sighting.now,
        waits_for=masked(sighting.waits_for),
        held_by=held_by,
        evidence=evidence,
        proof=masked(sighting.proof),
        hint=hints.best(sighting, created_at, root),
        age_s=sighting.age_s,
        done=done,
        reason=reason,
    )


def explain_late(sighting: Sighting, *, owner: Owner, root: str) -> Leak:
    """Return the leak of a scope that had ended before it was seen: in that scope's name, and said to be late."""
    leak = explain(sighting, verdict=Verdict.LEAK, evidence=Evidence(), owner=owner, test=owner.test, root=root)
    return leak._replace(proof=f"{leak.proof}; {LATE}" if leak.proof else LATE)
