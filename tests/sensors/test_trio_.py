"""What trio leaves: dropped and unfinished async generators, and system tasks of the user's."""

from __future__ import annotations

import asyncio
import sys
import types
import warnings
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import pytest
from support import Watch, another_ledger

from no_leaks import faults, ledger
from no_leaks.sensors import asyncio_, losses, owned, trio_

trio = pytest.importorskip("trio")

Make = Callable[..., Watch]


async def numbers() -> AsyncGenerator[int, None]:
    """Count, and clean up."""
    try:
        for number in range(9):
            yield number
    finally:
        with trio.CancelScope(shield=True):
            await trio.lowlevel.checkpoint()


async def first_number() -> int:
    """Begin a generator and drop it."""
    async for number in numbers():
        return number
    return -1


def run(main: Callable[..., Any], *args: object) -> None:
    """Run under trio without its own warning of dropped generators, which is an error here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        trio.run(main, *args)


def proofs(watched: Watch) -> list[str]:
    """Return what proves each loss that has a record."""
    return [loss.proof for loss in watched.ledger.losses if loss.stack]


def test_a_dropped_generator_is_proven(watch: Make) -> None:
    """trio's finalizer hook is told."""
    watched = watch("tasks")
    run(first_number)
    (loss,) = [loss for loss in watched.ledger.losses if loss.stack]
    assert (loss.kind, loss.resource.type, loss.resource.id) == ("tasks", "async generator", "numbers")
    assert "dropped before it was exhausted" in loss.proof


def test_trios_own_warning_points_at_the_drop(watch: Make) -> None:
    """As if nobody listened: filters by module go by that place."""
    watch("tasks")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", ResourceWarning)
        trio.run(first_number)
    assert [warning.filename for warning in heard] == [__file__]


def test_an_inner_generator_that_its_outer_one_drops_is_proven(watch: Make) -> None:
    """aclosing closes the outer one alone: so a template engine leaked the inner ones."""

    async def outer() -> AsyncGenerator[int, None]:
        async for number in numbers():
            yield number

    async def main() -> None:
        async with aclosing(outer()) as generator:
            async for _ in generator:
                break

    watched = watch("tasks")
    run(main)
    assert [loss.resource.id for loss in watched.ledger.losses if loss.stack] == ["numbers"]


def test_a_generator_kept_to_the_end_of_the_run_is_proven(watch: Make) -> None:
    """trio closes it after the main task."""
    kept: list[AsyncGenerator[int, None]] = []

    async def main() -> None:
        kept.append(numbers())
        await kept[0].__anext__()

    watched = watch("tasks")
    run(main)
    assert proofs(watched) == ["trio had to close it after the main task had ended"]


def test_a_generator_that_is_closed_is_forgotten(watch: Make) -> None:
    """Closed or exhausted."""

    async def main() -> None:
        async with aclosing(numbers()) as generator:
            async for _ in generator:
                break
        assert len([number async for number in numbers()]) == 9

    watched = watch("tasks")
    run(main)
    assert watched.ledger.losses == []


def test_what_was_not_seen_to_begin_or_has_ended_is_not_charged(watch: Make) -> None:
    """A generator without a record, a system task that is done and still held."""
    kept: list[object] = []

    async def main() -> None:
        generator = numbers()
        kept.append(generator)
        with ledger.at_work(None):
            await generator.__anext__()
        kept.append(trio.lowlevel.spawn_system_task(trio.lowlevel.checkpoint))
        await trio.testing.wait_all_tasks_blocked()

    import trio.testing

    watched = watch("tasks")
    run(main)
    assert watched.ledger.losses == []


def test_another_ledgers_generator_is_charged_to_that_one(watch: Make) -> None:
    """By the context in which it was begun."""

    watched = watch("tasks")
    with another_ledger() as other:
        run(first_number)
        assert len([loss for loss in other.losses if loss.stack]) == 1
    assert proofs(watched) == []


def test_a_users_system_task_is_charged_when_main_ends(watch: Make) -> None:
    """trio cancels it in the same step."""

    async def main() -> None:
        trio.lowlevel.spawn_system_task(trio.sleep_forever, name="mine")
        trio.lowlevel.spawn_system_task(trio.lowlevel.checkpoint, name="short")
        await trio.testing.wait_all_tasks_blocked()

    import trio.testing

    watched = watch("tasks")
    run(main)
    (loss,) = watched.ledger.losses
    assert (loss.resource.type, loss.resource.id, loss.resource.detail) == ("task", "mine", "sleep_forever")
    assert "sleep_forever" in [frame.function for frame in loss.now]


def test_trios_own_system_tasks_are_its_own(watch: Make) -> None:
    """A thread that comes back into trio makes one."""

    async def main() -> None:
        await trio.to_thread.run_sync(trio.from_thread.run, trio.lowlevel.checkpoint)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 0)

    watched = watch("tasks")
    run(main)
    assert list(watched.ledger.of(owned.SYSTEM)) == []
    assert watched.ledger.losses == []


def test_nothing_is_recorded_where_nothing_is_checked(watch: Make) -> None:
    """No ledger at work: inert."""

    async def main() -> None:
        trio.lowlevel.spawn_system_task(trio.sleep_forever)
        await first_number()

    watched = watch("tasks")
    with ledger.at_work(None):
        run(main)
    assert watched.ledger.records == []


def test_the_generators_of_a_guests_host_are_recorded_once(watch: Make) -> None:
    """In guest mode the host loop's hook sees them too."""

    async def guest() -> None:
        await trio.lowlevel.checkpoint()

    async def host() -> list[ledger.Record]:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        trio.lowlevel.start_guest_run(
            guest, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=done.set_result
        )
        generator = numbers_of_host()
        await generator.__anext__()
        await generator.aclose()
        await done
        return list(watched.ledger.of(owned.AGEN))

    async def numbers_of_host() -> AsyncGenerator[int, None]:
        yield 1

    watched = watch("tasks")
    assert len(asyncio.run(host())) == 1


def test_our_faults_do_not_reach_the_program(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noted, each part once."""

    def broken(*args: object) -> None:
        raise RuntimeError("ours")

    kept: list[AsyncGenerator[int, None]] = []

    async def main() -> None:
        trio.lowlevel.spawn_system_task(trio.sleep_forever)
        kept.append(numbers())
        await kept[0].__anext__()
        monkeypatch.setattr(owned, "living", broken)
        monkeypatch.setattr(owned, "find", broken)
        monkeypatch.setattr(owned, "write", broken)
        trio.lowlevel.spawn_system_task(trio.lowlevel.checkpoint)
        async for _ in numbers():
            pass

    watch("tasks")
    run(main)
    assert {"trio's async generators", "trio's system tasks"} <= set(faults.noted())


def test_an_unknown_trio_is_named(no_outer_session: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be seen is said."""
    trio_.remove()
    monkeypatch.setitem(sys.modules, "trio._core._run", types.ModuleType("run"))
    assert "not known here" in trio_.install()
    trio_.remove()
    monkeypatch.setattr(trio_, "install", lambda: "not known")
    try:
        asyncio_.install()
        assert "not known" in asyncio_.reason()
    finally:
        asyncio_.remove()


def test_remove_puts_trio_back(no_outer_session: None) -> None:
    """A session that is over leaves no trace."""
    generators = sys.modules["trio._core._asyncgens"].AsyncGenerators
    trio_.remove()
    before = generators.install_hooks
    trio_.install()
    assert generators.install_hooks is not before
    trio_.remove()
    assert generators.install_hooks is before


def test_a_loss_needs_a_record() -> None:
    """A generator whose birth was not seen is nobody's."""
    losses.dropped(numbers())
