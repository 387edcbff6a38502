"""The tasks probe on real loops: what a scope made on a loop that lives on, or that was closed over it."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from loops import bare_numbers, begin, close, first_number, hang, numbers, spawn, steps
from support import Watch, another_ledger, here

from no_leaks import origin
from no_leaks.probes.protocol import Unavailable
from no_leaks.probes.tasks import TaskProbe
from no_leaks.sensors import asyncio_

Make = Callable[..., Watch]


@pytest.fixture
def loop(watch: Make) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop of a wider scope: it lives on when the watched scope ends."""
    watch("tasks", grace_s=0.05)
    with another_ledger():
        loop = asyncio.new_event_loop()
    yield loop
    if not loop.is_closed():
        close(loop)


def test_a_scope_without_births_is_seen_empty(watch: Make) -> None:
    """Nothing born, nothing to look at."""
    watched = watch("tasks", grace_s=0.05)
    assert TaskProbe().take(watched.ledger) == frozenset()


def test_a_pending_task_is_seen_and_described(watch: Make, loop: asyncio.AbstractEventLoop) -> None:
    """A task that outlives the scope on a living loop: with name, coroutine, origin, place and what it waits for."""
    watched = watch("tasks", grace_s=0.05)
    task = loop.run_until_complete(spawn(hang(), "worker"))
    sighting = watched.only()
    assert (sighting.resource.type, sighting.resource.id, sighting.resource.detail) == ("task", "worker", "hang")
    assert sighting.waits_for == "sleep(3600)"
    assert [frame.function for frame in sighting.now] == ["sleep", "hang"]
    assert "spawn" in [frame.function for frame in origin.frames_of(sighting.stack)]
    assert sighting.proof == ""
    assert not task.done()


def test_a_task_that_ended_is_forgotten(watch: Make, loop: asyncio.AbstractEventLoop) -> None:
    """What is done is no leak."""
    watched = watch("tasks", grace_s=0.05)
    loop.run_until_complete(loop.run_until_complete(spawn(steps(3))))
    assert watched.left() == ()


def test_a_task_that_needs_a_few_more_turns_is_no_leak(watch: Make, loop: asyncio.AbstractEventLoop) -> None:
    """Settling turns the idle loop, and the task finishes."""
    watched = watch("tasks", grace_s=0.05)
    task = loop.run_until_complete(spawn(steps(3)))
    assert watched.left() == ()
    assert task.done()


def test_the_task_of_a_wider_scope_is_not_blamed(watch: Make, loop: asyncio.AbstractEventLoop) -> None:
    """A session's server may run on."""
    watched = watch("tasks", grace_s=0.05)
    with another_ledger():
        task = loop.run_until_complete(spawn(hang()))
    assert watched.left() == ()
    assert not task.done()


def test_the_child_of_a_wider_scopes_task_is_the_wider_scopes(watch: Make, loop: asyncio.AbstractEventLoop) -> None:
    """A server accepts in the middle of a test: its handler inherits the ledger by context."""

    async def serve(children: list[asyncio.Task[None]], wake: asyncio.Event) -> None:
        await wake.wait()
        children.append(asyncio.create_task(hang()))

    watched = watch("tasks", grace_s=0.05)
    children: list[asyncio.Task[None]] = []
    wake = asyncio.Event()
    with another_ledger():
        loop.run_until_complete(spawn(serve(children, wake)))
    loop.call_soon(wake.set)
    loop.run_until_complete(steps(4))
    assert len(children) == 1
    assert watched.left() == ()


def test_a_task_whose_loop_was_closed_is_proven(watch: Make) -> None:
    """It can never finish."""
    watched = watch("tasks", grace_s=0.05)
    loop = asyncio.new_event_loop()
    task = loop.run_until_complete(spawn(hang()))
    loop.close()
    assert "never finish" in watched.only().proof
    assert watched.release() == ""
    task._log_destroy_pending = False  # type: ignore[attr-defined]


def test_release_cancels_a_task_on_an_idle_loop(watch: Make, loop: asyncio.AbstractEventLoop) -> None:
    """One leak does not make the next test fail."""
    watched = watch("tasks", grace_s=0.05)
    task = loop.run_until_complete(spawn(hang()))
    assert watched.thing() is task
    assert watched.release() == "cancelled"
    assert task.cancelled()
    assert watched.born() == []


def test_a_task_of_another_threads_running_loop_is_left_alone(watch: Make) -> None:
    """asyncio is not thread-safe: only the thread that runs the loop may cancel."""
    watched = watch("tasks", grace_s=0.05)
    ready, over = threading.Event(), threading.Event()

    async def run() -> None:
        task = await spawn(hang())
        ready.set()
        await asyncio.to_thread(over.wait)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    ready.wait()
    panel = watched.session.panel
    seen = {spot: panel.describe(*spot, watched.ledger) for spot in watched.born()}
    idents = [spot for spot, sighting in seen.items() if sighting is not None and sighting.resource.id == "left"]
    done = watched.session.panel.release(*idents[0], watched.ledger)
    over.set()
    thread.join()
    assert done == ""


def test_a_timer_that_would_fire_later_is_seen(watch: Make, loop: asyncio.AbstractEventLoop) -> None:
    """Scheduled, never cancelled, on a loop that lives on."""
    watched = watch("tasks", grace_s=0.05)
    handle = loop.call_later(60, print, "late")
    line = here() - 1
    sighting = watched.only()
    assert (sighting.resource.type, sighting.resource.id) == ("timer", "print")
    assert line in [frame.line for frame in origin.frames_of(sighting.stack)]
    assert watched.release() == "cancelled"
    assert handle.cancelled()


def test_a_timer_that_fires_within_the_grace_is_no_leak(watch: Make, loop: asyncio.AbstractEventLoop) -> None:
    """It ends by itself."""
    watched = watch("tasks", grace_s=0.05)
    loop.call_later(0.01, int)
    assert watched.left() == ()


def test_a_cancelled_timer_is_forgotten(watch: Make, loop: asyncio.AbstractEventLoop) -> None:
    """Cancelled handles stay in the loop's heap for a while."""
    watched = watch("tasks", grace_s=0.05)
    loop.call_later(60, int).cancel()
    assert watched.left() == ()


def test_asyncios_own_timers_are_not_reported_beside_their_task(watch: Make, loop: asyncio.AbstractEventLoop) -> None:
    """wait_for, timeouts and sleep schedule timers: the task is the leak."""
    watched = watch("tasks", grace_s=0.05)
    loop.run_until_complete(spawn(asyncio.wait_for(hang(), 1800)))
    assert {found.sighting.resource.type for found in watched.left()} == {"task"}


def test_a_timer_made_inside_a_leaked_task_is_the_tasks(watch: Make, loop: asyncio.AbstractEventLoop) -> None:
    """One cause, one finding."""

    async def hang_with_a_timer() -> None:
        asyncio.get_running_loop().call_later(1800, int)
        await hang()

    watched = watch("tasks", grace_s=0.05)
    loop.run_until_complete(spawn(hang_with_a_timer()))
    assert watched.only().resource.type == "task"


def test_an_unclosed_loop_is_seen_and_explains_its_descriptors(watch: Make) -> None:
    """Its selector and its pipe to itself are not reported again."""
    watched = watch("tasks", grace_s=0.05)
    loop = asyncio.new_event_loop()
    sighting = watched.only()
    assert sighting.summary == "an event loop was created and never closed"
    assert loop._selector.fileno() in sighting.covers_fds  # type: ignore[attr-defined]
    assert len(sighting.covers_fds) == 3
    assert watched.release() == "closed"
    assert loop.is_closed()


def test_closing_a_leaked_loop_cancels_what_is_pending_on_it(watch: Make) -> None:
    """Nothing complains later of a task that was destroyed."""
    watched = watch("tasks", grace_s=0.05)
    loop = asyncio.new_event_loop()
    task = loop.run_until_complete(spawn(hang()))
    spots = {ident[0]: (name, ident) for name, ident in watched.born()}
    assert watched.session.panel.release(*spots["event loop"], watched.ledger) == "closed"
    assert task.cancelled()


def test_a_closed_loop_is_forgotten(watch: Make) -> None:
    """asyncio.run closes its own."""
    watched = watch("tasks", grace_s=0.05)
    asyncio.run(steps(1))
    assert watched.left() == ()


def test_a_running_loop_is_not_unclosed(watch: Make) -> None:
    """Looked at from within, the loop is at work, and is not closed under its feet."""
    watched = watch("tasks", grace_s=0.05)

    async def look() -> set[object]:
        asyncio.get_running_loop()
        return {ident[0] for _, ident in watched.born()}

    assert "event loop" not in asyncio.run(look())


def test_a_generator_that_is_kept_unfinished_is_seen(watch: Make, loop: asyncio.AbstractEventLoop) -> None:
    """Begun on a living loop, and neither exhausted nor closed."""
    watched = watch("tasks", grace_s=0.05)
    agen = numbers()
    loop.run_until_complete(begin(agen))
    sighting = watched.only()
    assert (sighting.resource.type, sighting.resource.id) == ("async generator", "numbers")
    assert [frame.function for frame in sighting.now] == ["numbers"]
    assert watched.release() == ""
    loop.run_until_complete(agen.aclose())
    assert watched.born() == []


def test_a_generator_inside_a_pending_task_is_the_tasks(watch: Make, loop: asyncio.AbstractEventLoop) -> None:
    """The loop body waits; the generator that it iterates over is no second finding."""

    async def iterate() -> None:
        async for _ in numbers():
            await hang()

    watched = watch("tasks", grace_s=0.05)
    loop.run_until_complete(spawn(iterate()))
    assert watched.only().resource.type == "task"


def test_a_generator_dropped_on_a_living_loop_is_proven(watch: Make, loop: asyncio.AbstractEventLoop) -> None:
    """Its finalizer hook had to close it."""
    watched = watch("tasks", grace_s=0.05)
    loop.run_until_complete(first_number())
    assert "had to close it" in watched.only().proof


def test_a_generator_with_nothing_to_clean_up_may_be_dropped(watch: Make, loop: asyncio.AbstractEventLoop) -> None:
    """asyncio's loop has nothing to close."""
    watched = watch("tasks", grace_s=0.05)
    loop.run_until_complete(first_number(bare_numbers))
    assert watched.left() == ()


def test_what_is_gone_is_not_described(watch: Make, loop: asyncio.AbstractEventLoop) -> None:
    """Between look and description a task may end."""
    watched = watch("tasks", grace_s=0.05)
    task = loop.run_until_complete(spawn(hang()))
    spot = watched.spot()
    task.cancel()
    loop.run_until_complete(steps(2))
    assert watched.session.panel.describe(*spot, watched.ledger) is None
    assert watched.session.panel.release(*spot, watched.ledger) == ""
    assert watched.session.panel.thing(*spot, watched.ledger) is None


def test_a_timer_whose_time_came_is_not_described(watch: Make, loop: asyncio.AbstractEventLoop) -> None:
    """The same for timers."""
    watched = watch("tasks", grace_s=0.05)
    handle = loop.call_later(60, int)
    spot = watched.spot()
    handle.cancel()
    assert watched.session.panel.describe(*spot, watched.ledger) is None


def test_an_allowed_task_is_not_charged_when_it_is_destroyed_later(watch: Make) -> None:
    """The look at the scope's end was its judgement."""
    watched = watch("tasks", grace_s=0.05)
    loop = asyncio.new_event_loop()
    kept = [loop.run_until_complete(spawn(hang()))]
    loop.close()
    watched.scope.end()
    losses = len(watched.ledger.losses)
    kept[0]._log_destroy_pending = False  # type: ignore[attr-defined]
    kept.clear()
    gc.collect()
    assert len(watched.ledger.losses) == losses


def test_the_probe_says_when_it_cannot_see(monkeypatch: pytest.MonkeyPatch, watch: Make) -> None:
    """An asyncio that registers its tasks elsewhere."""
    watch("tasks", grace_s=0.05)
    monkeypatch.setattr(asyncio.tasks, "_scheduled_tasks" if sys.version_info >= (3, 12) else "_all_tasks", None)
    asyncio_.remove()
    asyncio_.install()
    try:
        with pytest.raises(Unavailable, match="not known here"):
            TaskProbe()
    finally:
        asyncio_.remove()
