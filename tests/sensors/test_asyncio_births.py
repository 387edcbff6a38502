"""What loops see: destroyed tasks, dropped generators, timers and loops that the collector closed."""

from __future__ import annotations

import asyncio
import gc
import sys
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from loops import begin, first_number, hang, numbers, spawn, spawn_and_leave, steps
from support import Watch, another_ledger

from no_leaks import deaths, faults, ledger
from no_leaks.sensors import cleanups, losses, owned, pending

Make = Callable[..., Watch]


async def wait_for_nobody() -> None:
    """Wait for a future that nothing else knows of."""
    await asyncio.get_running_loop().create_future()


async def destroy_one() -> None:
    """Leave a task that the collector destroys."""
    await spawn_and_leave(wait_for_nobody(), "lost")
    gc.collect()


def test_a_task_that_the_collector_destroys_is_proven(watch: Make) -> None:
    """It waits for an unreachable future; its weak reference is cleared before it speaks."""
    watched = watch("tasks")
    asyncio.run(destroy_one())
    (loss,) = watched.ledger.losses
    assert loss.resource.id == "lost"
    assert loss.proof == "the garbage collector destroyed it while it was pending"
    assert loss.stack


def test_a_destroyed_task_is_charged_to_its_own_ledger(watch: Make) -> None:
    """Whoever happens to run when the collector comes is not to blame."""

    async def main(other: ledger.Ledger) -> None:
        with ledger.at_work(other):
            await spawn_and_leave(wait_for_nobody())
        gc.collect()

    watched = watch("tasks")
    with another_ledger() as other:
        with ledger.at_work(watched.ledger):
            asyncio.run(main(other))
        assert len(other.losses) == 1
    assert watched.ledger.losses == []


def test_a_destroyed_task_without_a_record_is_nobodys(watch: Make) -> None:
    """Its birth was not seen, and so its owner is not known."""

    async def main() -> None:
        await spawn_and_leave(wait_for_nobody())
        watched.ledger.records.clear()
        gc.collect()

    watched = watch("tasks")
    asyncio.run(main())
    assert watched.ledger.losses == []


def test_other_complaints_of_a_loop_are_not_ours(watch: Make) -> None:
    """call_exception_handler has many messages."""
    watched = watch("tasks")
    heard: list[object] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: heard.append(context["message"]))
        loop.call_exception_handler({"message": "something else"})
        loop.call_exception_handler({"message": "Task was destroyed but it is pending!"})

    asyncio.run(main())
    assert len(heard) == 2
    assert watched.ledger.losses == []


def test_a_loop_that_the_collector_closes_is_proven(watch: Make) -> None:
    """With the descriptors that it took with it."""
    watched = watch("tasks")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        asyncio.new_event_loop()
        gc.collect()
    (loss,) = [loss for loss in watched.ledger.losses if loss.kind == "tasks"]
    assert loss.resource.type == "event loop"
    assert len(loss.covers_fds) == 3
    assert "collector" in loss.proof


def test_a_closed_loop_may_be_collected(watch: Make) -> None:
    """It holds nothing any more."""
    watched = watch("tasks")
    asyncio.new_event_loop().close()
    gc.collect()
    assert watched.ledger.losses == []


def test_debug_mode_keeps_its_own_traceback(watch: Make) -> None:
    """Each caller takes its own frame off a timer's traceback; ours does so too."""
    watch("tasks")

    async def main() -> str:
        loop = asyncio.get_running_loop()
        handle = loop.call_later(60, print)
        handle.cancel()
        return str(handle._source_traceback[-1].name)  # type: ignore[attr-defined]

    assert asyncio.run(main(), debug=True) == "main"


def test_asyncios_own_timers_are_not_recorded(watch: Make) -> None:
    """They belong to the tasks that sleep."""
    watched = watch("tasks")
    asyncio.run(asyncio.wait_for(steps(2), 60))
    assert list(watched.ledger.of(owned.TIMER)) == []


def test_nothing_is_recorded_where_nothing_is_checked(watch: Make) -> None:
    """No ledger at work: loops, timers and generators pass unseen."""

    async def main() -> None:
        asyncio.get_running_loop().call_later(60, print)
        await first_number()

    watched = watch("tasks")
    with ledger.at_work(None):
        asyncio.run(main())
    assert watched.ledger.records == []
    assert watched.ledger.losses == []


def test_our_faults_do_not_reach_the_program(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part notes its own, and the program goes on."""

    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("ours")

    async def main() -> None:
        handle = asyncio.get_running_loop().call_later(60, print)
        handle.cancel()
        await first_number()

    watch("tasks")
    monkeypatch.setattr(owned, "write", broken)
    monkeypatch.setattr(cleanups, "is_pending", broken)
    asyncio.run(main())
    assert {"event loops", "timers", "async generators"} <= set(faults.noted())


@pytest.mark.parametrize(
    ("note", "part"),
    [(losses.dropped, "async generators"), (losses.unclosed, "event loops"), (losses.destroyed, "destroyed tasks")],
)
def test_a_loss_that_cannot_be_described_is_a_fault(
    watch: Make, monkeypatch: pytest.MonkeyPatch, note: Callable[[object], None], part: str
) -> None:
    """It is noted, and nothing is raised inside a finalizer."""

    def broken(*args: object) -> None:
        raise RuntimeError("ours")

    watch("tasks")
    monkeypatch.setattr(owned, "find", broken)
    loop = asyncio.new_event_loop()
    note(loop)
    loop.close()
    assert "ours" in faults.noted()[part]


def test_a_generator_that_was_reported_is_not_reported_again(watch: Make) -> None:
    """Reported as a loss, then dropped: one finding."""

    async def main() -> None:
        agen = numbers()
        await begin(agen)
        birth = owned.find(agen, owned.AGEN)
        assert birth is not None
        owned.lose(birth, pending.generator(agen, birth.record, "shown"))
        owned.mark(birth.record)

    watched = watch("tasks")
    asyncio.run(main())
    assert [loss.proof for loss in watched.ledger.losses] == ["shown"]


def test_a_record_says_how_old_its_thing_is(watch: Make) -> None:
    """Where there is a record."""
    watched = watch("tasks")
    loop = asyncio.new_event_loop()
    task = loop.run_until_complete(spawn(hang()))
    sighting = watched.session.panel.describe("tasks", (owned.TASK, owned.key(task)), watched.ledger)
    assert sighting is not None
    assert sighting.age_s is not None
    assert sighting.age_s >= 0
    assert pending.age_s(None) is None
    task.cancel()
    loop.run_until_complete(steps(2))
    loop.close()


class Thing:
    """Something that can be referred to weakly."""


def test_an_address_that_is_given_again_is_not_its_first_owners(watch: Make) -> None:
    """The dead one's record stands in a ledger that is asked first."""
    watched = watch("tasks")
    thing = Thing()
    with another_ledger() as book:
        owned.write(book, owned.TASK, thing, sys._getframe())
    dead = weakref.ref(Thing())
    watched.ledger.records.append(ledger.Record(owned.TASK, (owned.key(thing),), (), dead))
    assert owned.find(thing, owned.TASK) == (book, book.records[0])
    assert owned.find_dying(thing, owned.TASK) == (book, book.records[0])


def test_what_nobody_wrote_down_is_not_the_dead_thing_at_its_address(watch: Make) -> None:
    """asyncio's own timers are not recorded, and stand where a recorded one stood a moment ago."""
    watched = watch("tasks")
    thing, dead = Thing(), weakref.ref(Thing())
    watched.ledger.records.append(ledger.Record(owned.TIMER, (owned.key(thing),), (), dead))
    assert owned.find(thing, owned.TIMER) is None


def test_what_the_collector_destroys_is_known_by_its_address(watch: Make) -> None:
    """Its weak reference is cleared first; one that was cleared before is that of another thing, which stood there."""
    watched = watch("tasks")
    thing, other = Thing(), Thing()
    name = (owned.key(thing),)
    gone = deaths.watch(Thing())
    deaths.collection(begins=True)
    dying = deaths.watch(Thing())
    with another_ledger() as book:
        book.records.append(ledger.Record(owned.TASK, name, (), dying))
    watched.ledger.records += [
        ledger.Record(owned.TASK, name, (), gone),
        ledger.Record(owned.TASK, name, (), deaths.watch(other)),
        ledger.Record(owned.TASK, name, ()),
    ]
    found = owned.find_dying(thing, owned.TASK)
    deaths.collection(begins=False)
    assert found == (book, book.records[0])


async def leave_in_places() -> bool:
    """Let tasks end under the ledger at work, and others that nobody owns hang in their places; return whether one does."""
    ended = [asyncio.create_task(steps(0)) for _ in range(50)]
    places = set(map(owned.key, ended))
    while ended:
        await ended.pop()
    with ledger.at_work(None):
        hanging = [asyncio.create_task(wait_for_nobody()) for _ in range(50)]
        await asyncio.sleep(0)
    return not places.isdisjoint(map(owned.key, hanging))


def test_a_destroyed_task_in_the_place_of_one_that_ended_is_not_that_one(watch: Make) -> None:
    """It was born where nobody is checked, and has the address of a task that a test awaited to its end."""

    async def main() -> bool:
        came = await leave_in_places()
        gc.collect()
        return came

    watched = watch("tasks")
    came = any(asyncio.run(main()) for _ in range(50))
    assert watched.ledger.losses == []
    if not came:
        pytest.skip("no address was given a second time")


@pytest.mark.parametrize("collected", [False, True])
def test_a_dropped_generator_in_the_place_of_one_that_ended_is_not_that_one(watch: Make, collected: bool) -> None:
    """Dropped by its last reference, or by the collector."""

    async def main() -> bool:
        ended = numbers()
        async for _ in ended:
            pass
        place = owned.key(ended)
        del ended
        with ledger.at_work(None):
            kept = [numbers() for _ in range(50)]
            dropped = next((agen for agen in kept if owned.key(agen) == place), None)
            kept.clear()
            if dropped is None:
                return False
            await begin(dropped)
            circle: list[object] = [dropped]
            circle += [circle] * collected
            del dropped, circle
            gc.collect()
        return True

    watched = watch("tasks")
    came = any(asyncio.run(main()) for _ in range(50))
    assert watched.ledger.losses == []
    if not came:
        pytest.skip("no address was given a second time")


def test_a_collection_while_it_is_judged_hides_no_generator(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the generator's source makes enough objects for one; its death is looked up before that."""
    read = cleanups.is_pending

    def reading(agen: Any) -> bool:
        gc.collect()
        return read(agen)

    monkeypatch.setattr(cleanups, "is_pending", reading)
    watching = watch("tasks")

    asyncio.run(first_number())
    assert watching.only().resource.type == "async generator"
