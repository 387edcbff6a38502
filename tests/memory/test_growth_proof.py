"""Proof: one question asked of repetitions, from the first count to the last container; time is a fake, and memory where it is noisy."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from no_leaks import calls
from no_leaks.memory import readings, telling
from no_leaks.memory.proof import DONE, FAINT, MOST_WATCHED, WATCHING, Proof
from no_leaks.memory.readings import Reading
from no_leaks.sensors import window

pytestmark = pytest.mark.usefixtures("no_outer_session")


class Thing:
    """What is kept."""

    next: object = None


KEPT: list[Any] = []


@pytest.fixture(autouse=True)
def _emptied() -> Iterator[None]:
    yield
    KEPT.clear()


def still() -> float:
    """Stand in for a clock: everything is cheap."""
    return 0.0


def hasty() -> Callable[[], float]:
    """Stand in for a clock by which nothing is cheap."""
    return itertools.count().__next__


def ask(proof: Proof, fn: Callable[[], object]) -> int:
    """Ask a proof by calling a function; return how often it was called after once."""
    times = 0
    fn()
    with calls._listening(), window.kept():
        proof.begin()
        while proof.wants_more():
            with proof.one_more():
                fn()
            times += 1
            proof.look()
    return times


def chain() -> None:
    """Add to a chain of objects that one place of a list holds: no container grows."""
    if not KEPT:
        KEPT.append(Thing())
    new = Thing()
    new.next, KEPT[0] = KEPT[0], new


def test_without_time_it_is_unanswered() -> None:
    """Neither growth nor none."""
    proof = Proof(affords=lambda took_s: False)
    assert ask(proof, chain) == 0
    assert (proof.is_over, proof.is_unanswered, proof.grows) == (True, True, False)


def test_a_container_of_what_grew_is_watched_without_a_census(monkeypatch: pytest.MonkeyPatch) -> None:
    """The objects say who holds them, and the line that adds is told."""
    monkeypatch.setattr("no_leaks.memory.census.take", lambda: pytest.fail("a walk over the heap"))
    proof = Proof(clock=still, work=hasty())
    ask(proof, lambda: KEPT.append(Thing()))
    assert proof.grows
    assert any(one.container is KEPT and set(one.rounds) == {1} for one in proof.located)
    proof.end()
    assert proof.located == []


@pytest.mark.parametrize("spares", [True, False])
def test_objects_that_no_container_counts_speak_for_themselves(spares: bool) -> None:
    """Whether there was time for a census or not."""
    proof = Proof(spares=lambda took_s: spares, clock=still, work=hasty())
    ask(proof, chain)
    (told,) = telling.tell(proof, "each call")
    assert told.sighting.resource.type.endswith("Thing")
    assert set(told.rounds) == {1}


@pytest.mark.parametrize(("work", "grows"), [(still, False), (hasty(), True)], ids=["cheap", "dear"])
def test_a_cache_with_a_late_end_is_told_where_repetitions_are_cheap(work: Callable[[], float], grows: bool) -> None:
    """It goes on while that costs nothing."""

    def remember() -> None:
        KEPT.append(True)
        del KEPT[MOST_WATCHED // 2 :]

    proof = Proof(thorough=True, clock=still, work=work)
    ask(proof, remember)
    assert any(one.container is KEPT for one in proof.located) == grows
    proof.end()


def test_what_grows_for_ever_is_not_watched_for_ever() -> None:
    """However cheap it is."""
    proof = Proof(thorough=True, clock=still, work=still)
    assert MOST_WATCHED < ask(proof, lambda: KEPT.append(True)) < 2 * MOST_WATCHED
    assert proof.grows
    proof.end()


@pytest.mark.parametrize("thorough", [True, False])
def test_a_cache_that_is_full_already_is_no_growth(thorough: bool) -> None:
    """What is new in it is young, and takes the place of something old that is counted no more."""
    full: dict[int, Thing] = {number: Thing() for number in range(500)}
    numbers = itertools.count(500)
    noise = [[0] * 9 for _ in range(9)]

    def remember() -> None:
        noise.append([0] * 9)  # blocks that rise for a while
        del noise[15:]
        full[next(numbers)] = Thing()
        del full[next(iter(full))]

    proof = Proof(thorough=thorough, clock=still, work=hasty())
    ask(proof, remember)
    assert telling.tell(proof, "each call") == ()
    proof.end()


def scripted(monkeypatch: pytest.MonkeyPatch, script: Iterable[Reading]) -> None:
    """Let memory be read from a script."""
    written = iter(script)
    monkeypatch.setattr(readings, "take", lambda whole=False: next(written))
    monkeypatch.setattr("no_leaks.memory.census.take", dict)
    monkeypatch.setattr("no_leaks.memory.census.grown", lambda before, times: [])


def told(proof: Proof) -> int:
    """Ask a proof whose readings are scripted; return how often it wanted more."""
    times = 0
    proof.begin()
    while proof.wants_more():
        with proof.one_more():
            times += 1
        proof.look()
    return times


def steadily(*, blocks: int = 0, heap: int = 0) -> Iterator[Reading]:
    """Yield readings of memory that no object says anything of."""
    return (Reading({}, blocks * place, heap * place, 1) for place in itertools.count())


def test_blocks_alone_are_asked_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many things are warm only after a few repetitions."""
    scripted(monkeypatch, steadily(blocks=9))
    proof = Proof(clock=still, work=hasty())
    assert told(proof) > FAINT
    assert (proof.stage, telling.tell(proof, "each call")) == (DONE, ())


def test_blocks_alone_are_no_growth_where_time_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are better ways to spend it."""
    scripted(monkeypatch, steadily(blocks=9))
    proof = Proof(spares=lambda took_s: False, clock=still, work=hasty())
    assert told(proof) < FAINT
    assert (proof.grows, proof.is_unanswered) == (False, False)


def test_native_memory_is_told_by_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of Python's holds it."""
    scripted(monkeypatch, steadily(heap=100_000))
    proof = Proof(clock=still, work=hasty())
    told(proof)
    (growth,) = telling.tell(proof, "each call")
    assert (growth.sighting.resource.type, set(growth.rounds)) == ("native memory", {100_000})


def test_what_grows_no_more_ends_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two repetitions for most tests."""
    scripted(monkeypatch, steadily())
    proof = Proof()
    assert told(proof) == WATCHING
    assert (proof.grows, telling.tell(proof, "each call")) == (False, ())
