"""A run as a value: what it checked and found, in one process or merged from the workers of pytest-xdist."""

# Annotations are evaluated here, see model.py.

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .. import faults
from ..model import Evidence, Frame, Kind, Leak, Owner, Resource, Verdict
from ..session import Session


class Run(NamedTuple):
    """Counts, findings and faults of a run; times in nanoseconds."""

    root: str
    tests: int = 0
    checked: int = 0
    spent_ns: int = 0
    canary: Mapping[Kind, bool] | None = None
    leaks: tuple[Leak, ...] = ()
    unattributed: tuple[str, ...] = ()
    faults: Mapping[str, str] | None = None
    grown: tuple[str, ...] = ()
    """Tests that may have grown and were not repeated: there was no time left in the budget."""


def of(session: Session, tests: int) -> Run:
    """Return what a session has found so far."""
    return Run(
        session.root,
        tests,
        session.checked,
        session.spent_ns,
        dict(session.canary),
        (*session.leaks, *session.late()),
        session.strays(),
        faults.noted(),
        _grown(session),
    )


def _grown(session: Session) -> tuple[str, ...]:
    if "memory" not in session.panel.probes:
        return ()
    from . import growing  # it and all that it needs: only where memory is looked at

    return growing.unconfirmed(session)


def merge(root: str, runs: Iterable[Run]) -> Run:
    """Add up the runs of several workers; a kind is seen if every worker saw it."""
    total = Run(root, canary={}, faults={})
    for run in runs:
        canary = dict(total.canary or {})
        for kind, seen in (run.canary or {}).items():
            canary[kind] = seen and canary.get(kind, True)
        total = Run(
            root,
            total.tests + run.tests,
            total.checked + run.checked,
            total.spent_ns + run.spent_ns,
            canary,
            total.leaks + run.leaks,
            total.unattributed + run.unattributed,
            {**(run.faults or {}), **(total.faults or {})},
            total.grown + run.grown,
        )
    return total


def pack(run: Run) -> dict[str, Any]:
    """Return a run as plain dicts, lists, strings and numbers, which is all that travels between processes."""
    return {**run._asdict(), "leaks": [pack_leak(leak) for leak in run.leaks]}


def pack_leak(leak: Leak) -> dict[str, Any]:
    """Return a leak likewise."""
    return {
        **leak._asdict(),
        "verdict": leak.verdict.value,
        "owner": leak.owner._asdict(),
        "resource": leak.resource._asdict(),
        "created_at": [frame._asdict() for frame in leak.created_at],
        "now_at": [frame._asdict() for frame in leak.now_at],
        "evidence": leak.evidence._asdict(),
    }


def unpack(packed: Mapping[str, Any]) -> Run:
    """Return the run that `pack` packed, or a part of one."""
    leaks = tuple(_leak(leak) for leak in packed.get("leaks", ()))
    strays = tuple(packed.get("unattributed", ()))
    grown = tuple(packed.get("grown", ()))
    fields: dict[str, Any] = {"root": "", **packed, "leaks": leaks, "unattributed": strays, "grown": grown}
    return Run(**fields)


def _leak(packed: Mapping[str, Any]) -> Leak:
    evidence: dict[str, Any] = {**packed["evidence"], "rounds": tuple(packed["evidence"]["rounds"])}
    fields: dict[str, Any] = {
        **packed,
        "verdict": Verdict(packed["verdict"]),
        "owner": Owner(**packed["owner"]),
        "resource": Resource(**packed["resource"]),
        "created_at": tuple(Frame(**frame) for frame in packed["created_at"]),
        "now_at": tuple(Frame(**frame) for frame in packed["now_at"]),
        "held_by": tuple(packed["held_by"]),
        "evidence": Evidence(**evidence),
        "also_in": tuple(packed["also_in"]),
    }
    return Leak(**fields)
