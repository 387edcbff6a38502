"""Runs as values: they travel between processes unchanged, and add up."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from no_leaks.model import Evidence, Frame, Leak, Owner, Resource, Verdict
from no_leaks.plugin import run

TEXTS = st.text(max_size=5)
FRAMES = st.builds(Frame, TEXTS, st.integers(0, 9), TEXTS, st.booleans())
LEAKS = st.builds(
    Leak,
    fingerprint=TEXTS,
    kind=st.sampled_from(["files", "tasks"]),
    verdict=st.sampled_from(Verdict),
    confidence=TEXTS,
    test=st.none() | TEXTS,
    owner=st.builds(Owner, TEXTS, st.none() | TEXTS, st.none() | TEXTS),
    summary=TEXTS,
    resource=st.builds(Resource, TEXTS, TEXTS, TEXTS),
    created_at=st.tuples(FRAMES),
    now_at=st.tuples(FRAMES) | st.just(()),
    held_by=st.tuples(TEXTS),
    evidence=st.builds(Evidence, st.integers(0, 9), st.floats(0, 1), st.tuples(st.integers(0, 3))),
    age_s=st.none() | st.floats(0, 99),
    also_in=st.tuples(TEXTS, TEXTS),
)
RUNS = st.builds(
    run.Run,
    root=st.just("/r"),
    tests=st.integers(0, 99),
    checked=st.integers(0, 99),
    spent_ns=st.integers(0, 10**9),
    canary=st.dictionaries(st.sampled_from(["files", "tasks"]), st.booleans()),
    leaks=st.lists(LEAKS, max_size=2).map(tuple),
    unattributed=st.lists(TEXTS, max_size=2).map(tuple),
    faults=st.dictionaries(TEXTS, TEXTS, max_size=2),
)


@given(RUNS)
def test_a_run_survives_the_journey(found: run.Run) -> None:
    """What a worker packs is what the controller unpacks, and it is made of what JSON knows."""
    assert run.unpack(json.loads(json.dumps(run.pack(found)))) == found


@given(RUNS)
def test_one_run_merged_is_itself(found: run.Run) -> None:
    """A single worker's run is the run."""
    assert run.merge("/r", [found]) == found


@given(RUNS, RUNS)
def test_counts_add_up(one: run.Run, other: run.Run) -> None:
    """Nothing that a worker found is lost."""
    merged = run.merge("/r", [one, other])
    assert merged.tests == one.tests + other.tests
    assert merged.leaks == one.leaks + other.leaks
    assert set(merged.faults or {}) == {*(one.faults or {}), *(other.faults or {})}


def test_a_kind_that_one_worker_does_not_see_is_not_seen() -> None:
    """Half a detector is no detector."""
    one, other = run.Run("", canary={"files": True}), run.Run("", canary={"files": False, "tasks": True})
    assert run.merge("", [one, other]).canary == {"files": False, "tasks": True}


def test_runs_without_canary_and_faults_add_up() -> None:
    """Empty runs are no special case."""
    assert run.merge("", [run.Run(""), run.Run("", tests=1)]) == run.Run("")._replace(tests=1, canary={}, faults={})
