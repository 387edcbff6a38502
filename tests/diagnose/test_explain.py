"""Diagnose: a sighting becomes a leak."""

from __future__ import annotations

import subprocess
import sys

from no_leaks import diagnose
from no_leaks.model import Evidence, Owner, Resource, Sighting, Verdict

OWNER = Owner("function", test="tests/test_a.py::test_x")
SEEN = Sighting(
    "sockets",
    Resource("database", "fd 3", "postgres://app:hunter2@db/shop"),
    "a socket was opened and never closed",
    "close it",
    age_s=0.5,
)


def test_what_was_judged_is_kept() -> None:
    """Verdict, evidence, owner and what was done about it pass through."""
    leak = diagnose.explain(
        SEEN,
        verdict=Verdict.ALLOWED,
        evidence=Evidence(6, 0.1),
        owner=OWNER,
        test=OWNER.test,
        root="",
        held_by=("module shop",),
        done="closed",
        reason="kept warm",
    )
    assert (leak.verdict, leak.evidence, leak.owner, leak.test) == (
        Verdict.ALLOWED,
        Evidence(6, 0.1),
        OWNER,
        OWNER.test,
    )
    assert (leak.held_by, leak.done, leak.reason, leak.hint) == (("module shop",), "closed", "kept warm", "close it")


def test_a_password_in_a_url_is_masked() -> None:
    """Reports end up in build logs."""
    leak = diagnose.explain_late(SEEN, owner=OWNER, root="")
    assert leak.resource.detail == "postgres://app:***@db/shop"


def test_without_a_proof_it_is_probable() -> None:
    """It is still there, and that is all that is known."""
    leak = diagnose.explain(SEEN, verdict=Verdict.LEAK, evidence=Evidence(), owner=OWNER, test=None, root="")
    assert leak.confidence == "probable"


def test_with_a_proof_it_is_definite() -> None:
    """What the garbage collector had to close cannot be in use."""
    seen = Sighting(SEEN.kind, SEEN.resource, SEEN.summary, SEEN.fix, proof="the garbage collector closed it")
    leak = diagnose.explain(seen, verdict=Verdict.LEAK, evidence=Evidence(), owner=OWNER, test=None, root="")
    assert leak.confidence == "definite"


def test_a_late_leak_is_its_owners_and_says_that_it_is_late() -> None:
    """Nobody else is blamed for what came to light after a scope had ended."""
    leak = diagnose.explain_late(SEEN, owner=OWNER, root="")
    assert (leak.test, leak.proof) == (OWNER.test, diagnose.LATE)


def test_a_late_leak_keeps_its_proof() -> None:
    """Being late is added to what proved it."""
    seen = Sighting(SEEN.kind, SEEN.resource, SEEN.summary, SEEN.fix, proof="collected")
    assert diagnose.explain_late(seen, owner=OWNER, root="").proof == f"collected; {diagnose.LATE}"


def test_asyncio_is_not_imported_for_it() -> None:
    """The library stays cheap for those who use no event loop."""
    code = "import sys, no_leaks.diagnose.holders as h; h.path_to([]); assert 'asyncio' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
