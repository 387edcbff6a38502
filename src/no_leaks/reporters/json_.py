"""JSON: the leaks of a run as the document that other tools read (contract: schema 1), written whole or not at all."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from .. import __version__
from ..model import Frame, Leak, Verdict

SCHEMA = 1
Document = dict[str, object]


def document(
    leaks: Iterable[Leak],
    *,
    tests: int,
    checked: int,
    canary: Mapping[str, bool],
    overhead_s: float,
    faults: Mapping[str, str] | None = None,
    grown: Iterable[str] = (),
) -> Document:
    """Return the document of a run; leaks are sorted, and each carries its occurrences over all tests."""
    entries = related(leaks)
    verdicts = Counter(leak.verdict for leak in entries)
    return {
        "schema": SCHEMA,
        "tool": {"name": "pytest-no-leaks", "version": __version__},
        "tests": tests,
        "checked": checked,
        "canary": dict(sorted(canary.items())),
        "overhead": {"seconds": round(overhead_s, 3), "per_test_us": per_test_us(overhead_s, checked)},
        "leaks": [entry(leak) for leak in entries],
        "summary": {verdict.value: verdicts[verdict] for verdict in Verdict},
        "faults": dict(sorted((faults or {}).items())),
        "unconfirmed_growth": sorted(grown),
    }


def related(leaks: Iterable[Leak]) -> list[Leak]:
    """Sort leaks by test, kind, fingerprint and resource, and tell each how often and in which tests its like was seen."""
    ordered = sorted(leaks, key=_order)
    counts = Counter(leak.fingerprint for leak in ordered)
    tests: dict[str, set[str]] = {}
    for leak in ordered:
        if leak.test is not None:
            tests.setdefault(leak.fingerprint, set()).add(leak.test)
    return [
        leak._replace(
            occurrences=counts[leak.fingerprint],
            also_in=tuple(sorted(tests.get(leak.fingerprint, set()) - {leak.test})),
        )
        for leak in ordered
    ]


def per_test_us(overhead_s: float, checked: int) -> float:
    """Return the mean cost of a checked test in microseconds."""
    return round(overhead_s / checked * 1e6, 1) if checked else 0.0


def entry(leak: Leak) -> Document:
    """Return one leak as JSON has it: the contract's keys, then ours."""
    resource, owner, seen = leak.resource, leak.owner, leak.evidence
    return {
        "fingerprint": leak.fingerprint,
        "kind": leak.kind,
        "verdict": leak.verdict.value,
        "confidence": leak.confidence,
        "test": leak.test,
        "owner": {"scope": owner.scope, "fixture": owner.fixture},
        "summary": leak.summary,
        "resource": {"type": resource.type, "id": resource.id, "detail": resource.detail},
        "created_at": [_frame(frame) for frame in leak.created_at],
        "held_by": list(leak.held_by),
        "evidence": {"attempts": seen.attempts, "waited_s": round(seen.waited_s, 3), "rounds": list(seen.rounds)},
        "hint": leak.hint,
        "occurrences": leak.occurrences,
        "also_in": list(leak.also_in),
        "done": leak.done,
        "now_at": [_frame(frame) for frame in leak.now_at],
        "waits_for": leak.waits_for,
        "proof": leak.proof,
        "reason": leak.reason,
        "age_s": None if leak.age_s is None else round(leak.age_s, 3),
    }


def write(path: str | os.PathLike[str], content: Document) -> None:
    """Write a document in one step: a reader sees the old file or the new one, whole. Raises OSError where it cannot."""
    target = Path(path)
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        beside.write_bytes(encoded(content))
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def encoded(content: Document) -> bytes:
    """Return the bytes of a document: ASCII, so that odd file names cannot break it; the same for the same leaks."""
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode("ascii")


def _frame(frame: Frame) -> Document:
    return {"file": frame.file, "line": frame.line, "function": frame.function, "in_app": frame.in_app}


def _order(leak: Leak) -> tuple[str, str, str, str, str]:
    return (leak.test or "", leak.kind, leak.fingerprint, leak.resource.id, leak.verdict.value)
