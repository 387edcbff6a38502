"""The cycles sensor: what is garbage in a scope is written down, and the collector works as before when that has ended."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable

import pytest
from support import Watch, another_ledger

from no_leaks import LeakError, faults, ledger, no_leaks
from no_leaks.diagnose import circles
from no_leaks.sensors import cycles, garbage, window

Make = Callable[..., Watch]


class Node:
    """What holds itself."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.me = self


class Other:
    """What holds itself, too."""

    def __init__(self) -> None:
        self.itself = self


def leave(make: Callable[[], object] = Node) -> None:
    """Leave an object that holds itself."""
    make()


def ways(watching: Watch) -> list[str]:
    """Return the circles that a scope has left."""
    return sorted(" -> ".join(found.sighting.held_by) for found in watching.left())


def collect_by_itself(generation: int) -> None:
    """Collect as the collector does by itself: nobody has asked for it by that word."""
    getattr(gc, "col" + "lect")(generation)


def test_what_was_garbage_before_the_scope_is_not_its_own(watch: Make) -> None:
    """Whoever has left it."""
    gc.disable()
    try:
        leave()
        watching = watch("cycles")
    finally:
        gc.enable()
    assert watching.left() == ()


def test_what_a_scope_leaves_is_found_at_its_end(watch: Make) -> None:
    """And an object that nothing holds in a circle is none of it."""
    watching = watch("cycles")
    leave()
    leave(dict)
    assert ways(watching) == ["Node.me -> Node"]


@pytest.mark.parametrize("generation", [0, 1, 2])
def test_what_a_collection_takes_by_itself_is_found(watch: Make, generation: int) -> None:
    """It is told before it begins."""
    watching = watch("cycles")
    leave()
    collect_by_itself(generation)
    assert ways(watching) == ["Node.me -> Node"]


def test_what_the_program_collects_is_found(watch: Make) -> None:
    """Only the collector could free it, whoever calls for that."""
    watching = watch("cycles")
    leave()
    gc.collect()
    assert ways(watching) == ["Node.me -> Node"]


@pytest.mark.parametrize("generation", [0, 1, 2])
def test_what_a_scope_drops_when_it_is_old_is_found(watch: Make, generation: int) -> None:
    """A collection may have come between its birth and its end."""
    watching = watch("cycles")
    kept = [Node()]
    collect_by_itself(generation)
    kept.clear()
    leave(Other)
    assert ways(watching) == ["Node.me -> Node", "Other.itself -> Other"]


def test_what_was_frozen_in_between_is_found(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is when the program collects and the window is shut again behind it."""
    watching = watch("cycles")
    kept = [Node()]
    collect_by_itself(2)
    window._freeze()
    kept.clear()
    leave(Other)
    assert ways(watching) == ["Node.me -> Node", "Other.itself -> Other"]


def test_garbage_is_told_once_however_often_one_looks(watch: Make) -> None:
    """Until somebody collects it, it is seen by each look."""
    watching = watch("cycles")
    leave()
    assert len({watching.spot() for _ in range(3)}) == 1
    collect_by_itself(0)
    assert ways(watching) == ["Node.me -> Node"]


def test_the_same_shape_again_is_counted_with_it(watch: Make) -> None:
    """As long as nobody has asked in between."""
    watching = watch("cycles")
    for _ in range(30):
        leave()
    collect_by_itself(0)
    leave()
    (found,) = watching.left()
    assert found.sighting.resource.detail.startswith("31 of them")


def test_much_garbage_is_collected_meanwhile(watch: Make) -> None:
    """The collector comes less often, and comes."""
    heard: list[str] = []
    watching = watch("cycles")
    gc.callbacks.append(listener := lambda phase, info: heard.append(phase))
    for _ in range(cycles.PATIENCE + 1):
        leave()
    gc.callbacks.remove(listener)
    assert "stop" in heard
    (found,) = watching.left()
    assert found.sighting.resource.detail.startswith(f"{cycles.PATIENCE + 1} of them")


def test_the_collector_is_as_it_was_afterwards(watch: Make) -> None:
    """Thresholds, flags, callbacks and its list of what it could not free."""
    before = gc.get_threshold(), gc.get_debug(), gc.isenabled(), gc.garbage[:]
    watching = watch("cycles")
    leave()
    assert gc.get_threshold()[0] == cycles.PATIENCE
    assert (gc.get_debug(), gc.garbage) == (before[1], before[3])
    watching.left()
    watching.stop()
    assert (gc.get_threshold(), gc.get_debug(), gc.isenabled(), gc.garbage) == before
    assert cycles._on_collection not in gc.callbacks


def test_what_the_program_sets_meanwhile_stays_set(watch: Make) -> None:
    """Its thresholds are its own affair, and so is the list of callbacks."""
    before = gc.get_threshold()
    watching = watch("cycles")
    gc.set_threshold(123, 4, 5)
    gc.callbacks.remove(cycles._on_collection)
    watching.stop()
    assert gc.get_threshold()[:2] == (123, 4)
    gc.set_threshold(*before)


@pytest.mark.parametrize("first", [0, cycles.PATIENCE + 1])
def test_a_collector_that_comes_rarely_or_never_is_left_alone(watch: Make, first: int) -> None:
    """A program may have switched it off, or made it wait longer."""
    before = gc.get_threshold()
    gc.set_threshold(first, 10, 10)
    watching = watch("cycles")
    assert gc.get_threshold()[0] == first
    watching.stop()
    assert gc.get_threshold()[0] == first
    gc.set_threshold(*before)


def test_nothing_is_kept_alive(watch: Make) -> None:
    """What was described is collected before the scope ends."""
    watching = watch("cycles")
    node = Node()
    reference = weakref.ref(node)
    del node
    assert ways(watching) == ["Node.me -> Node"]
    assert reference() is None


def test_finalizers_and_callbacks_run_once_and_after_the_look(watch: Make) -> None:
    """A `__del__` that takes the circle apart hides nothing."""
    heard: list[str] = []

    class Closing:
        def __init__(self) -> None:
            self.me: object = self

        def __del__(self) -> None:
            heard.append("finalized")
            self.me = None

    watching = watch("cycles")
    closing = Closing()
    reference = weakref.ref(closing, lambda _: heard.append("dead"))
    del closing
    watching.born()
    assert heard == []
    assert ways(watching) == ["Closing.me -> Closing"]
    assert (heard, reference()) == (["dead", "finalized"], None)


def test_what_a_fixture_makes_within_a_test_is_the_fixtures(watch: Make) -> None:
    """Its scope begins and ends within the test's, which goes on afterwards; while it is idle it answers for nothing."""
    watching = watch("cycles")
    probe = watching.session.panel.probes["cycles"]
    leave()
    with another_ledger() as book:
        probe.take(book)
        leave(Other)
        made = probe.take(book)
    probe.take(book)
    watching.born()
    leave(lambda: Node("later"))
    assert len(made) == 1
    assert ways(watching) == ["Node.me -> Node", "Node.me -> Node"]
    assert probe.take(book) == frozenset()


def test_a_fixture_that_is_torn_down_within_a_test_hands_the_turn_back(watch: Make) -> None:
    """And what the test left before is not the fixture's."""
    watching = watch("cycles")
    probe = watching.session.panel.probes["cycles"]
    book = ledger.open_ledger(watching.scope.owner)
    with ledger.at_work(book):
        probe.take(book)
        probe.take(book)
    watching.born()
    leave()
    with ledger.at_work(book):
        probe.take(book)
        leave(Other)
        assert len(probe.take(book)) == 1
        ledger.end_ledger(book)
    leave()
    (found,) = watching.left()
    assert found.sighting.held_by == ("Node.me", "Node")
    assert found.sighting.resource.detail.startswith("2 of them")


def test_garbage_that_another_thread_has_collected_is_the_scopes(watch: Make) -> None:
    """In which thread the collector comes is an accident."""
    watching = watch("cycles")
    leave()
    thread = threading.Thread(target=collect_by_itself, args=(0,))
    thread.start()
    thread.join()
    assert ways(watching) == ["Node.me -> Node"]


def test_without_an_object_of_the_users_nothing_is_counted(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most tests make none that is still there: then a look costs one pass over the young objects."""
    watching = watch("cycles")
    monkeypatch.setattr(garbage, "unreachable", lambda things: pytest.fail("counted"))
    monkeypatch.setattr(cycles.circle_rules, "is_foreign", lambda cls: False)
    assert watching.left() == ()


def test_a_fault_of_ours_is_noted_and_reaches_nobody(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the test nor the collection that was under way."""

    def broken(*args: object) -> None:
        raise RuntimeError("broken")

    watching = watch("cycles")
    with monkeypatch.context() as patched:
        patched.setattr(circles, "of", broken)
        leave()
        collect_by_itself(0)
    assert watching.left() == ()
    assert faults.noted()["cycles"].startswith("RuntimeError: broken")


def test_who_has_not_ended_is_watched_no_longer_when_the_session_stops(watch: Make) -> None:
    """A test that was interrupted, say."""
    watching = watch("cycles")
    watching.session.stop()
    assert not cycles.is_watched(watching.ledger)
    assert cycles.circle(watching.ledger, 1) is None
    assert cycles._on_collection not in gc.callbacks


def test_a_block_within_a_test_ends_only_itself(watch: Make) -> None:
    """The test goes on being watched; what the block reports is the block's."""
    watching = watch("cycles")
    leave()
    with pytest.raises(LeakError, match="Other.itself"), no_leaks("cycles"):
        leave(Other)
    leave()
    (found,) = watching.left()
    assert found.sighting.resource.detail.startswith("2 of them")


def test_garbage_that_comes_when_nobody_is_at_work_is_nobodys(watch: Make) -> None:
    """Between two tests, while a session's fixture waits for its end."""
    watching = watch("cycles")
    probe = watching.session.panel.probes["cycles"]
    book = ledger.open_ledger(watching.scope.owner)
    with ledger.at_work(book):
        probe.take(book)
    watching.born()
    watching.scope.end()
    leave()
    collect_by_itself(2)
    assert cycles._spans[book].found == {}
    ledger.end_ledger(book)
    assert cycles._spans == {}


def test_our_own_question_for_objects_does_not_open_the_window(watch: Make) -> None:
    """What is frozen stays so."""
    watch("cycles")
    frozen = window._frozen
    window._frozen = True
    try:
        assert window.listed(0)
        assert window.is_shut()
    finally:
        window._frozen = frozen


def test_a_generation_that_the_collector_takes_later_is_not_forgotten(watch: Make) -> None:
    """Garbage of the middle generation outlives a collection of the youngest, and is told once."""
    watching = watch("cycles")
    kept = [Node()]
    collect_by_itself(0)
    kept.clear()
    watching.born()
    collect_by_itself(0)
    collect_by_itself(1)
    assert ways(watching) == ["Node.me -> Node"]
