"""Patience with loops: attempts first, then the clock, and no wait where nothing can come."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from loops import close, hang, spawn, steps
from support import Watch

from no_leaks.ledger import Ledger
from no_leaks.model import Owner
from no_leaks.sensors import asyncio_loops, letting_go, owned, patience


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An idle loop."""
    loop = asyncio.new_event_loop()
    yield loop
    if not loop.is_closed():
        close(loop)


@pytest.fixture(autouse=True)
def usual_grace() -> Iterator[None]:
    """Half a second, whatever other tests have set."""
    before = patience.grace_s()
    patience.set_grace(0.5)
    yield
    patience.set_grace(before)


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Count the turns instead of taking them."""
    taken: list[float] = []
    monkeypatch.setattr(patience, "turn", lambda loop, delay_s=0.0: not taken.append(delay_s))  # type: ignore[func-returns-value]
    return taken


def test_it_ends_as_soon_as_all_is_done(loop: asyncio.AbstractEventLoop, turns: list[float]) -> None:
    """One turn may be enough."""
    patience.spin_until(loop, lambda: True)
    assert len(turns) == 1


def test_a_quiet_loop_gets_few_turns(
    loop: asyncio.AbstractEventLoop, turns: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No callback, timer, descriptor or thread could wake it: waiting would change nothing."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    patience.spin_until(loop, lambda: False)
    assert len(turns) == patience.LEAST_TURNS


def test_where_threads_could_wake_it_attempts_bound_it(
    loop: asyncio.AbstractEventLoop, turns: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty turns, with delays that double."""
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    patience.spin_until(loop, lambda: False)
    assert len(turns) == patience.MOST_TURNS
    assert turns[1] == 2 * turns[0]
    assert max(turns) == patience.LONGEST_DELAY_S


def test_without_grace_some_turns_are_granted(
    loop: asyncio.AbstractEventLoop, turns: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock alone accuses nobody."""
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    patience.set_grace(0.0)
    patience.spin_until(loop, lambda: False)
    assert len(turns) == patience.LEAST_TURNS


def test_a_loop_that_cannot_be_turned_ends_it(loop: asyncio.AbstractEventLoop) -> None:
    """Closed, it takes no turn."""
    loop.close()
    assert not patience.turn(loop)
    patience.spin_until(loop, lambda: False)


def test_no_turn_inside_a_running_loop(loop: asyncio.AbstractEventLoop) -> None:
    """asyncio does not nest."""

    async def main() -> bool:
        return patience.turn(loop)

    assert not asyncio.run(main())


def test_a_callback_that_stops_the_loop_ends_the_turn(loop: asyncio.AbstractEventLoop) -> None:
    """loop.stop() is the program's right; our turn leaves nothing pending."""
    loop.call_soon(loop.stop)
    assert not patience.turn(loop, 60)
    loop.run_until_complete(steps(2))
    assert asyncio.all_tasks(loop) == set()


def test_tasks_are_told_in_order_of_their_names(loop: asyncio.AbstractEventLoop) -> None:
    """asyncio's own names count up."""
    for name in ("Task-10", "Task-9", "b"):
        loop.run_until_complete(spawn(hang(), name))
    assert [task.get_name() for task in patience.tasks_of(loop)] == ["b", "Task-9", "Task-10"]


def test_spinning_is_only_for_loops_with_pending_tasks(monkeypatch: pytest.MonkeyPatch, turns: list[float]) -> None:
    """A ledger without tasks costs nothing, nor does a program without asyncio."""
    patience.spin_loops(Ledger(Owner("function")))
    monkeypatch.delitem(__import__("sys").modules, "asyncio")
    patience.spin_loops(Ledger(Owner("function")))
    assert turns == []


def test_a_loop_with_a_connection_is_not_quiet(loop: asyncio.AbstractEventLoop) -> None:
    """What comes by it may wake a task."""
    here, there = socket.socketpair()
    with here, there:
        assert asyncio_loops.is_quiet(loop, 1)
        loop.add_reader(here, print)
        assert not asyncio_loops.is_quiet(loop, 1)
        loop.remove_reader(here)


def test_a_loop_with_work_or_a_near_timer_is_not_quiet(loop: asyncio.AbstractEventLoop) -> None:
    """A far timer, or a cancelled one, does not count; a loop that hides its parts is not known to be quiet."""
    far = loop.call_later(60, print)
    assert asyncio_loops.is_quiet(loop, 1)
    near = loop.call_later(0.5, print)
    assert not asyncio_loops.is_quiet(loop, 1)
    near.cancel()
    assert asyncio_loops.is_quiet(loop, 1)
    loop.call_soon(int)
    assert not asyncio_loops.is_quiet(loop, 1)
    assert not asyncio_loops.is_quiet(object(), 1)
    far.cancel()


def test_descriptors_of_a_loop_whose_selector_has_none() -> None:
    """select() and poll() need no descriptor."""

    class Selector:
        pass

    class Loop:
        _selector = Selector()

    assert asyncio_loops.descriptors_of(Loop()) == ()


def test_a_running_loop_is_not_closed(loop: asyncio.AbstractEventLoop) -> None:
    """Nor is a task cancelled whose loop is gone."""

    async def main() -> str:
        return letting_go.of(owned.LOOP, asyncio.get_running_loop())

    assert loop.run_until_complete(main()) == ""


def test_a_task_is_cancelled_from_within_its_running_loop(loop: asyncio.AbstractEventLoop) -> None:
    """An `async with no_leaks()` block lets go where it stands."""

    async def main() -> str:
        task = await spawn(hang())
        done = letting_go.of(owned.TASK, task)
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        return done

    assert loop.run_until_complete(main()) == "cancelled"


def test_a_loop_of_a_thread_that_ended_is_not_the_next_ones(watch: Callable[..., Watch]) -> None:
    """The next thread has its ident, and somebody else may be about to run the loop."""
    watched = watch("tasks")
    made: list[asyncio.AbstractEventLoop] = []
    turned: list[float] = []

    def make() -> None:
        loop = asyncio.new_event_loop()
        made.append(loop)
        loop.run_until_complete(spawn(hang()))

    def spin() -> None:
        made[0].call_soon(turned.append, 1.0)
        patience.spin_loops(watched.ledger)

    for work in (make, *[spin] * 10):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    seen = list(turned)
    close(made[0])
    assert seen == []
