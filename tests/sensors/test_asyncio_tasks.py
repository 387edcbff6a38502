"""Task births: every task is recorded under the ledger at work, cheaply, and forgotten when it is gone."""

from __future__ import annotations

import asyncio
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

import pytest
from loops import hang, spawn, steps
from support import Watch

from no_leaks import env, faults, ledger
from no_leaks.sensors import asyncio_, asyncio_births, asyncio_tasks, owned

Make = Callable[..., Watch]


def births(watched: Watch) -> list[ledger.Record]:
    """Return the records of tasks."""
    return [record for record in watched.ledger.records if record.event == owned.TASK]


def test_every_task_is_recorded_with_its_stack(watch: Make) -> None:
    """create_task, gather and ensure_future alike."""

    async def main() -> None:
        await asyncio.gather(steps(1), steps(1))
        await asyncio.ensure_future(steps(1))
        assert len(births(watched)) == 4  # main itself, and three

    watched = watch("tasks")
    asyncio.run(main())
    assert all(record.stack for record in births(watched))


def test_a_stack_ends_where_the_loop_called_the_program(watch: Make) -> None:
    """The loop's own frames below are of use to nobody."""

    async def main() -> None:
        await spawn(steps(0))

    watched = watch("tasks")
    asyncio.run(main())
    names = [code.co_name for code, _ in births(watched)[1].stack]
    assert names[-1] == "main"
    assert "_run_once" not in names


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_eager_tasks_are_recorded_when_they_do_not_finish_at_once(watch: Make) -> None:
    """The others were never pending."""

    async def nothing() -> None:
        return None

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
        before = len(births(watched))
        await asyncio.create_task(nothing())
        assert len(births(watched)) == before
        task = asyncio.create_task(steps(1))
        assert len(births(watched)) == before + 1
        await task

    watched = watch("tasks")
    asyncio.run(main())


def test_nothing_is_recorded_where_nothing_is_checked(watch: Make) -> None:
    """No ledger at work: inert."""
    watched = watch("tasks")
    with ledger.at_work(None):
        asyncio.run(steps(1))
    assert births(watched) == []


def test_dead_records_are_pruned(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that makes a million tasks does not hold a million records."""

    async def main() -> None:
        for _ in range(500):
            await asyncio.create_task(steps(0))

    monkeypatch.setattr(owned, "PRUNE_EVERY", 50)
    watched = watch("tasks")
    watched.ledger.records.append(ledger.Record("open", ("kept",), ()))
    asyncio.run(main())
    assert len(births(watched)) < 100
    assert any(record.event == "open" for record in watched.ledger.records)


def test_create_task_is_wrapped_where_tasks_live_in_a_linked_list(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """As from 3.14 on."""
    watched = watch("tasks")
    asyncio_tasks.remove()
    monkeypatch.setattr(env, "PY314", True)
    assert asyncio_tasks.install() == ""
    asyncio.run(steps(0))
    assert len(births(watched)) >= 1
    asyncio_tasks.remove()


def test_a_fault_of_ours_does_not_break_a_task(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noted once."""

    def broken(*args: object) -> None:
        raise RuntimeError("ours")

    watch("tasks")
    monkeypatch.setattr(owned, "write", broken)
    asyncio.run(steps(1))
    assert "ours" in faults.noted()["task births"]
    assert "ours" in faults.noted()["event loops"]


def test_an_asyncio_that_is_imported_later_is_patched_at_its_last_import(
    watch: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import event of its last module finds all that is patched loaded; before it, nothing is."""
    watched = watch("tasks")
    asyncio_.remove()
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "asyncio")
        asyncio_.install()
        asyncio_.on_import("asyncio.events")
        assert asyncio_tasks._patches._done == []  # pyright: ignore[reportPrivateUsage]
        asyncio_.on_import("asyncio.unix_events")
    asyncio.run(steps(0))
    assert len(births(watched)) >= 1


def test_a_module_that_is_still_being_loaded_waits(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of it is not there yet."""
    watch("tasks")
    half = types.ModuleType("uvloop")
    half.__spec__ = types.SimpleNamespace(_initializing=True)  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "uvloop", half)
    asyncio_._patched.pop("uvloop", None)  # pyright: ignore[reportPrivateUsage]
    asyncio_.on_import("uvloop.loop")
    assert "uvloop" not in asyncio_._patched  # pyright: ignore[reportPrivateUsage]
    assert faults.noted() == {}


def test_a_neighbour_that_is_not_as_expected_is_a_fault_and_no_crash(
    watch: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import of the user's never fails for us."""
    watch("tasks")
    monkeypatch.setitem(sys.modules, "uvloop", types.ModuleType("uvloop"))
    asyncio_._patched.pop("uvloop", None)  # pyright: ignore[reportPrivateUsage]
    asyncio_.on_import("anything")
    assert "Loop" in faults.noted()["asyncio sensor"]


def test_a_neighbour_that_is_imported_anew_is_patched_again(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """pytester forgets what a run inside a test imported: the next one has a module of its own."""
    watch("tasks")
    uvloop = pytest.importorskip("uvloop")
    asyncio_.on_import("anything")
    anew: Any = types.ModuleType("uvloop")
    anew.Loop = type("Loop", (uvloop.Loop,), {})
    monkeypatch.setitem(sys.modules, "uvloop", anew)
    asyncio_.on_import("anything")
    assert "__init__" in vars(anew.Loop)


def test_a_silent_sensor_hears_no_import(watch: Make) -> None:
    """Removed is removed."""
    watch("tasks")
    asyncio_.remove()
    asyncio_.on_import("asyncio.unix_events")
    assert asyncio_tasks._patches._done == []  # pyright: ignore[reportPrivateUsage]


def test_remove_puts_everything_back(no_outer_session: None) -> None:
    """A session that is over leaves asyncio as it was."""
    asyncio_.remove()
    registry = asyncio.tasks._scheduled_tasks if env.PY312 else asyncio.tasks._all_tasks  # type: ignore[attr-defined]
    before = (dict(vars(asyncio.BaseEventLoop)), dict(vars(registry)).keys())
    asyncio_.install()
    assert "add" in vars(registry)
    asyncio_.remove()
    assert (dict(vars(asyncio.BaseEventLoop)), dict(vars(registry)).keys()) == before


def test_a_loop_class_without_the_hooks_is_named(no_outer_session: None) -> None:
    """What cannot be seen is said."""

    class Bare:
        pass

    assert asyncio_births.install(Bare) == "async generators, destroyed tasks, timers"
    asyncio_births.remove()


def test_a_loop_that_another_thread_made_is_not_turned(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is about to run it, for all we know."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)  # libraries keep idle workers
    watched = watch("tasks")
    loop = asyncio.new_event_loop()
    task = loop.run_until_complete(spawn(hang()))
    for record in watched.ledger.of(owned.LOOP):
        record.facts = (record.facts[0], 0)
    task.cancel()
    asyncio_.spin_loops(watched.ledger)
    assert not task.done()
    watched.ledger.records[:] = births(watched)
    asyncio_.spin_loops(watched.ledger)  # no record of the loop, and no other thread
    assert task.done()
    loop.close()
