"""What runners throw away: asyncio.run, Runner, unittest, anyio and uvloop, each with a real leak and a real clean run."""

from __future__ import annotations

import asyncio
import importlib
import signal
import sys
import unittest
from collections.abc import AsyncGenerator, Callable

import anyio
import pytest
from anyio import to_process
from loops import bare_numbers, begin, first_number, hang, numbers, spawn, spawn_and_leave, steps
from support import Watch, another_ledger, anyio_on_trio

from no_leaks import faults, ledger
from no_leaks.model import Sighting
from no_leaks.sensors import asyncio_, asyncio_runners, patience

Make = Callable[..., Watch]


def losses(watched: Watch) -> list[Sighting]:
    """Return what was proven so far."""
    return watched.ledger.losses


def names(watched: Watch) -> list[str]:
    """Return the names of what was proven so far."""
    return [loss.resource.id for loss in losses(watched)]


def test_asyncio_run_leaves_a_task(watch: Make) -> None:
    """It cancels what its main left; we say so first, with the place where the task was."""
    watched = watch("tasks", grace_s=0.02)
    asyncio.run(spawn_and_leave(hang()))
    (loss,) = losses(watched)
    assert (loss.kind, loss.resource.type, loss.resource.id, loss.resource.detail) == ("tasks", "task", "left", "hang")
    assert loss.waits_for == "sleep(3600)"
    assert "its runner then cancelled it" in loss.proof
    assert [frame.function for frame in loss.now][-1] == "hang"
    assert loss.stack


def test_several_tasks_are_charged_in_order_of_birth(watch: Make) -> None:
    """Order is part of the result."""

    async def main() -> None:
        for name in "cab":
            await spawn(hang(), name)

    watched = watch("tasks", grace_s=0.02)
    asyncio.run(main())
    assert names(watched) == ["c", "a", "b"]


def test_a_clean_run_is_not_touched(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing pending, no turn of ours."""
    turns: list[object] = []
    monkeypatch.setattr(patience, "turn", lambda *args: turns.append(args))

    async def main() -> None:
        await asyncio.gather(steps(2), steps(3))
        await asyncio.wait_for(steps(1), 60)
        await asyncio.to_thread(len, ())
        (await spawn(hang())).cancel()
        await asyncio.sleep(0)

    watched = watch("tasks", grace_s=0.02)
    asyncio.run(main())
    assert losses(watched) == []
    assert turns == []


def test_what_finishes_in_a_few_more_turns_is_no_leak(watch: Make) -> None:
    """Patience comes first, and the task gets to its end instead of being cancelled."""
    done: list[int] = []

    async def finish() -> None:
        await steps(3)
        done.append(1)

    watched = watch("tasks", grace_s=0.02)
    asyncio.run(spawn_and_leave(finish()))
    assert losses(watched) == []
    assert done == [1]


def test_a_cancelled_task_that_nobody_awaited_is_no_leak(watch: Make) -> None:
    """It needs one more turn."""

    async def main() -> None:
        (await spawn(hang())).cancel()

    watched = watch("tasks", grace_s=0.02)
    asyncio.run(main())
    assert losses(watched) == []


def test_a_task_of_another_ledger_is_charged_to_that_one(watch: Make) -> None:
    """The loop may be shut down by a scope that did not start the task."""

    async def main(other: ledger.Ledger) -> None:
        with ledger.at_work(other):
            await spawn(hang(), "others")

    watched = watch("tasks", grace_s=0.02)
    with another_ledger() as other:
        pass
    other = ledger.open_ledger(other.owner)
    asyncio.run(main(other))
    assert losses(watched) == []
    assert [loss.resource.id for loss in other.losses] == ["others"]
    ledger.end_ledger(other)


def test_a_task_of_an_ended_scope_is_not_charged_again(watch: Make) -> None:
    """Its own look at its end was the time to say so."""
    watched = watch("tasks", grace_s=0.02)
    loop = asyncio.new_event_loop()
    with another_ledger() as other:
        task = loop.run_until_complete(spawn(hang()))
    asyncio_runners.at_shutdown(loop)
    assert losses(watched) == other.losses == []
    task.cancel()
    loop.run_until_complete(steps(2))
    loop.close()


def test_a_task_without_a_record_is_charged_to_the_scope_at_work(watch: Make) -> None:
    """It was born where nobody looked, and thrown away here."""
    watched = watch("tasks", grace_s=0.02)
    loop = asyncio.new_event_loop()
    task = loop.run_until_complete(spawn(hang(), "orphan"))
    watched.ledger.records.clear()
    asyncio_runners.at_shutdown(loop)
    assert names(watched) == ["orphan"]
    assert losses(watched)[0].stack == ()
    task.cancel()
    loop.run_until_complete(steps(2))
    loop.close()


def test_a_task_without_a_record_is_nobodys_where_nothing_is_checked(watch: Make) -> None:
    """No ledger at work, no finding."""
    watched = watch("tasks", grace_s=0.02)
    with ledger.at_work(None):
        asyncio.run(spawn_and_leave(hang()))
    assert losses(watched) == []


def test_an_interrupted_main_is_the_runners_own(watch: Make) -> None:
    """Ctrl-C leaves the main task pending for the runner to cancel."""

    async def main() -> None:
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)
        await hang()

    watched = watch("tasks", grace_s=0.02)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(main())
    finally:
        signal.signal(signal.SIGINT, handler)
    assert losses(watched) == []


def test_what_an_interrupted_main_awaits_is_no_leak(watch: Make) -> None:
    """Its task group would have ended its children, and its loop the generator."""

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(hang)
            asyncio.get_running_loop().call_soon(sys.exit, 3)
            async for _ in numbers():
                await hang()

    watched = watch("tasks", grace_s=0.02)
    with pytest.raises(SystemExit):
        anyio.run(main)
    assert losses(watched) == []


def test_what_an_earlier_main_left_is_told_beside_an_interrupted_one(watch: Make) -> None:
    """On a shared loop only what the interrupted scope began had no chance to end."""
    watched = watch("tasks", grace_s=0.02)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(spawn_and_leave(hang()))
    with another_ledger():
        loop.call_soon(sys.exit, 3)
        with pytest.raises(SystemExit):
            loop.run_until_complete(hang())
    asyncio.runners._cancel_all_tasks(loop)  # type: ignore[attr-defined] # what every runner calls
    loop.close()
    assert names(watched) == ["left"]


def test_an_exit_leaves_the_main_task_to_the_runner(watch: Make) -> None:
    """SystemExit out of a callback stops the loop in the middle of its main task."""

    async def main() -> None:
        asyncio.get_running_loop().call_soon(sys.exit, 3)
        await hang()

    watched = watch("tasks", grace_s=0.02)
    with pytest.raises(SystemExit):
        asyncio.run(main())
    assert losses(watched) == []


def test_a_timer_left_on_a_loop_that_is_shut_down(watch: Make) -> None:
    """It would have fired later; one that is due within the grace is let go."""

    async def main() -> None:
        asyncio.get_running_loop().call_later(60, print)
        asyncio.get_running_loop().call_later(0.001, print)
        asyncio.get_running_loop().call_later(60, print).cancel()

    watched = watch("tasks", grace_s=0.02)
    asyncio.run(main())
    (loss,) = losses(watched)
    assert (loss.resource.type, loss.resource.id) == ("timer", "print")
    assert loss.resource.detail.startswith("fires in ")


def test_the_timers_of_a_leaked_task_are_not_charged(watch: Make) -> None:
    """One cause, one finding: asyncio's own timers, and those that the task made itself."""

    async def hang_with_timer() -> None:
        asyncio.get_running_loop().call_later(60, print)
        await asyncio.wait_for(hang(), 1800)

    watched = watch("tasks", grace_s=0.02)
    asyncio.run(spawn_and_leave(hang_with_timer()))
    assert "task" in {loss.resource.type for loss in losses(watched)}
    assert "timer" not in {loss.resource.type for loss in losses(watched)}


def test_a_generator_kept_to_the_end_of_the_loop(watch: Make) -> None:
    """The runner has to close it."""
    kept: list[AsyncGenerator[int, None]] = []

    async def main() -> None:
        kept.append(numbers())
        await begin(kept[0])

    watched = watch("tasks", grace_s=0.02)
    asyncio.run(main())
    (loss,) = losses(watched)
    assert (loss.resource.type, loss.resource.id) == ("async generator", "numbers")
    assert "shut down" in loss.proof


def test_the_end_of_one_loop_says_nothing_of_anothers_generators(watch: Make) -> None:
    """A bare generator is nobody's either; each loop is asked for its own."""
    watched = watch("tasks", grace_s=0.02)
    agen, bare, loop = numbers(), bare_numbers(), asyncio.new_event_loop()
    loop.run_until_complete(begin(agen))
    asyncio.run(begin(bare))
    assert losses(watched) == []
    loop.run_until_complete(agen.aclose())
    loop.close()


def test_a_dropped_generator_is_charged_once(watch: Make) -> None:
    """By its finalizer hook; neither the loop's end nor the task that closes it is a second finding."""
    watched = watch("tasks", grace_s=0.02)
    asyncio.run(first_number())
    assert [loss.resource.type for loss in losses(watched)] == ["async generator"]


def test_a_generator_that_is_closed_is_forgotten(watch: Make) -> None:
    """Exhausted, or closed by aclose: both are ends."""

    async def main() -> None:
        assert [number async for number in numbers()][-1] == 8
        agen = numbers()
        await begin(agen)
        await agen.aclose()

    watched = watch("tasks", grace_s=0.02)
    asyncio.run(main())
    assert losses(watched) == []


def test_the_generator_of_a_leaked_task_is_the_tasks(watch: Make) -> None:
    """The task is in the middle of both."""

    async def doubled() -> AsyncGenerator[int, None]:
        try:
            async for number in numbers():
                yield 2 * number
        finally:
            await steps(1)

    async def iterate() -> None:
        async for _ in doubled():
            await hang()

    watched = watch("tasks", grace_s=0.02)
    asyncio.run(spawn_and_leave(iterate()))
    assert [loss.resource.type for loss in losses(watched)] == ["task"]


class Leaky(unittest.IsolatedAsyncioTestCase):
    """One test that leaves a task and one that does not; run by hand below."""

    async def leaves_a_task(self) -> None:
        """Leak."""
        await spawn(hang(), "unittest's")

    async def leaves_nothing(self) -> None:
        """Do not."""
        await steps(2)


@pytest.mark.parametrize(("method", "expected"), [("leaves_a_task", ["unittest's"]), ("leaves_nothing", [])])
def test_unittests_own_loop(watch: Make, method: str, expected: list[str]) -> None:
    """IsolatedAsyncioTestCase: its own tear-down on 3.10, asyncio.Runner from 3.11 on."""
    watched = watch("tasks", grace_s=0.02)
    result = unittest.TestResult()
    Leaky(method).run(result)
    assert result.wasSuccessful()
    assert names(watched) == expected


def test_unittests_own_loop_where_its_module_is_forgotten(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a run inside a test pytester forgets the modules that the run imported; the package keeps the class."""
    watched = watch("tasks", grace_s=0.02)
    asyncio_.remove()
    monkeypatch.delitem(sys.modules, "unittest.async_case")
    asyncio_.install()
    Leaky("leaves_a_task").run(unittest.TestResult())
    assert names(watched) == ["unittest's"]


def test_anyio_on_asyncio(watch: Make) -> None:
    """anyio.run has its own runner on 3.10; task groups and cancel scopes leave nothing."""

    async def clean() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 0)
        with anyio.move_on_after(0.001):
            await anyio.sleep(60)
        await anyio.to_thread.run_sync(len, ())

    watched = watch("tasks", grace_s=0.02)
    anyio.run(clean)
    assert losses(watched) == []
    anyio.run(spawn_and_leave, hang(), "anyio's")
    assert names(watched) == ["anyio's"]


def test_uvloop(watch: Make) -> None:
    """Births, dropped generators, unclosed loops and what its runner throws away; its timers cannot be seen."""
    uvloop = pytest.importorskip("uvloop")

    async def main() -> None:
        asyncio.get_running_loop().call_later(60, print)
        await first_number()
        await spawn(hang(), "uvloop's")

    watched = watch("tasks", grace_s=0.02)
    uvloop.run(main())
    assert sorted(loss.resource.type for loss in losses(watched)) == ["async generator", "task"]
    losses(watched).clear()
    loop = uvloop.new_event_loop()
    seen = watched.describe()
    assert seen is not None
    assert (seen.resource.type, len(seen.covers_fds)) == ("event loop", 1)
    assert watched.release() == "closed"
    assert loop.is_closed()


def test_a_copy_of_the_runner_that_is_loaded_later_is_wrapped(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next birth after an import; without its module a copy is no copy."""
    watched = watch("tasks", grace_s=0.02)
    backend = importlib.import_module("anyio._backends._asyncio")
    asyncio_runners.remove()
    asyncio_._patched.pop("anyio._backends._asyncio", None)  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(backend, "_cancel_all_tasks", print, raising=False)
    asyncio_.on_import("something_else")
    asyncio.run(steps(0))
    assert backend._cancel_all_tasks is not print
    assert losses(watched) == []


def test_a_fault_of_ours_does_not_break_the_runner(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noted, and the tasks are cancelled as ever."""

    def broken(loop: object) -> list[object]:
        raise RuntimeError("ours")

    watch("tasks", grace_s=0.02)
    monkeypatch.setattr(patience, "tasks_of", broken)
    asyncio.run(spawn_and_leave(hang()))
    assert "ours" in faults.noted()["asyncio runners"]


def test_a_loop_that_is_gone_is_let_be(watch: Make) -> None:
    """No loop, or a closed one: nothing to look at."""
    watched = watch("tasks", grace_s=0.02)
    loop = asyncio.new_event_loop()
    loop.close()
    asyncio_runners.at_shutdown(loop)
    asyncio_runners.at_shutdown(None)
    assert losses(watched) == []


def test_an_unknown_asyncio_is_named(no_outer_session: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the runners' one place is gone, doctor says so."""
    monkeypatch.delattr(asyncio.runners, "_cancel_all_tasks")
    try:
        assert "not known here" in asyncio_runners.install()
    finally:
        asyncio_runners.remove()


def test_without_unittest_there_is_no_case_to_wrap(no_outer_session: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not imported for our sake."""
    monkeypatch.delitem(sys.modules, "unittest.async_case")
    asyncio_runners.remove()
    assert asyncio_runners.install() == ""
    asyncio_runners.remove()


def test_remove_puts_the_runners_back(no_outer_session: None) -> None:
    """A session that is over leaves no trace."""
    original = asyncio.runners._cancel_all_tasks  # type: ignore[attr-defined]
    asyncio_runners.install()
    asyncio_runners.remove()
    assert asyncio.runners._cancel_all_tasks is original  # type: ignore[attr-defined]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_end_of_anyios_process_pool_is_no_leak(watch: Make, backend: str) -> None:
    """It is started on first use, to be cancelled with the loop, and there is nothing that a user could close."""
    if backend == "trio":
        anyio_on_trio()
    watched = watch("tasks")
    assert anyio.run(to_process.run_sync, abs, -1, backend=backend) == 1
    assert watched.left() == ()
