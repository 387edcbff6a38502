"""A manager's scopes: what is left inside is closed at the end and reported; the body's own error stays first."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator

import anyio
import pytest
from backends import AsyncThing, Bare, Thing, on_both, run
from support import here, in_child

from no_leaks import ledger
from no_leaks.errors import DeadlineExceeded
from no_leaks.resources import ResourceManager


@pytest.fixture
def manager() -> Iterator[ResourceManager]:
    """A manager of the test's own, outside any checked test."""
    with ledger.at_work(None):
        yield ResourceManager()


def test_what_is_left_in_a_scope_is_closed_the_youngest_first(manager: ResourceManager) -> None:
    """And what was given back is not."""
    log: list[object] = []
    things = [Thing(log, number) for number in range(3)]

    with manager.scope("order"):
        handles = [manager.register(thing, kind="files") for thing in things]
        handles[1].close()

    assert log == [1, 2, 0]
    assert manager.active() == ()


def test_a_scope_reports_what_it_had_to_close(manager: ResourceManager, caplog: pytest.LogCaptureFixture) -> None:
    """By value, and in the log, with the line that registered it."""
    thing = Thing()

    with caplog.at_level(logging.WARNING, "no_leaks.resources"), manager.scope("report") as scope:
        manager.register(thing, kind="files", name="data.txt")
        line = here() - 1

    (left,) = scope.left
    assert (left.kind, left.name, left.became, left.created_at[0].line) == ("files", "data.txt", "closed", line)
    assert "scope report left files: data.txt" in caplog.text


def test_what_was_opened_outside_stays_open(manager: ResourceManager) -> None:
    """A scope answers for what is registered inside it."""
    outside, inside = Thing(), Thing()
    manager.register(outside, kind="files")

    with manager.scope("inner"):
        manager.register(inside, kind="files")

    assert (outside.closed, inside.closed) == (0, 1)
    manager.cleanup()


def test_scopes_nest(manager: ResourceManager) -> None:
    """Each closes its own; names tell the way to them."""
    one, two = Thing(), Thing()

    with manager.scope("outer") as outer:
        manager.register(one, kind="files")
        with manager.scope("inner") as inner:
            manager.register(two, kind="files")
            assert manager.scope_name() == "outer > inner"
        assert (one.closed, two.closed) == (0, 1)
        assert manager.scope_name() == "outer"

    assert one.closed == 1
    assert (len(outer.left), len(inner.left)) == (1, 1)


def test_a_scope_that_was_never_left_ends_with_the_one_around_it(manager: ResourceManager) -> None:
    """A generator that was dropped half-way leaves such."""
    thing = Thing()

    with manager.scope("outer") as outer:
        manager.scope("inner").__enter__()
        manager.register(thing, kind="files")

    assert thing.closed == 1
    assert len(outer.left) == 1
    assert manager.scope_name() == ""


def test_scopes_of_two_managers_do_not_mix(manager: ResourceManager) -> None:
    """A resource goes to its own manager's innermost scope."""
    other = ResourceManager()
    thing = Thing()

    with manager.scope("mine"), other.scope("other's"):
        manager.register(thing, kind="files")
    assert thing.closed == 1

    with other.scope("other's"):
        assert manager.scope_name() == ""


def test_the_bodys_error_stays_first(manager: ResourceManager) -> None:
    """What cleaning up ran into is told beside it."""
    thing = Thing(error=OSError("the disk is gone"))

    with pytest.raises(ValueError, match="mine") as caught, manager.scope("body") as scope:
        manager.register(thing, kind="files")
        raise ValueError("mine")

    assert caught.value.__notes__ == ["while cleaning up: OSError: the disk is gone"]
    assert [str(error) for error in scope.errors] == ["the disk is gone"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(3)])
def test_what_stops_the_program_stops_it(manager: ResourceManager, stop: BaseException) -> None:
    """As a note on the body's error it would be lost; the other is closed all the same."""
    things = [Thing(), Thing(error=stop)]
    with pytest.raises(type(stop)) as caught, manager.scope("outer"):
        for thing in things:
            manager.register(thing, kind="files")
        raise ValueError("mine")

    assert isinstance(caught.value.__context__, ValueError)
    assert [thing.closed for thing in things] == [1, 1]


def test_without_one_the_errors_are_raised_as_a_group(manager: ResourceManager) -> None:
    """And what failed is reported as such."""
    thing = Thing(error=OSError("gone"))

    with pytest.raises(Exception, match="cleaning up scope 'alone'"), manager.scope("alone") as scope:
        manager.register(thing, kind="files")

    assert scope.left[0].became == "its cleanup failed"


@on_both
def test_an_async_scope_awaits(manager: ResourceManager, backend: str) -> None:
    """Closes by `aclose`, in the same order."""
    log: list[object] = []
    things = [AsyncThing(log, 0), Thing(log, 1), AsyncThing(log, 2)]

    async def main() -> None:
        async with manager.scope("async"):
            for thing in things:
                manager.register(thing, kind="connections")

    run(backend, main)

    assert log == [2, 1, 0]


@on_both
def test_a_cancelled_body_is_cleaned_up(manager: ResourceManager, backend: str) -> None:
    """The closing is not cancelled with it."""
    thing = AsyncThing()

    async def main() -> bool:
        with anyio.CancelScope() as around:
            async with manager.scope("cancelled"):
                manager.register(thing, kind="connections")
                around.cancel()
                await anyio.sleep(3600)
        return around.cancel_called

    assert run(backend, main)
    assert thing.closed == 1


@on_both
def test_tasks_register_in_the_scope_that_started_them(manager: ResourceManager, backend: str) -> None:
    """They inherit it."""
    thing = Thing()

    async def work() -> None:
        manager.register(thing, kind="files")

    async def main() -> None:
        async with manager.scope("tasks"), anyio.create_task_group() as group:
            group.start_soon(work)

    run(backend, main)

    assert thing.closed == 1


@on_both
def test_what_takes_too_long_is_closed_by_force(manager: ResourceManager, backend: str) -> None:
    """After the deadline each gets a cancelled scope; the rest of the order is kept."""
    log: list[object] = []

    class Stuck:
        async def aclose(self) -> None:
            try:
                await anyio.sleep(3600)
            finally:
                log.append("forced")

    first, stuck = Thing(log, "first"), Stuck()

    async def main() -> None:
        async with manager.scope("stuck", deadline_s=0.01):
            manager.register(first, kind="connections")
            manager.register(stuck, kind="connections", name="server")

    with pytest.raises(Exception, match="scope 'stuck'") as caught:
        run(backend, main)
    (error,) = caught.value.exceptions  # type: ignore[attr-defined]
    assert isinstance(error, DeadlineExceeded)
    assert str(error) == "closing server (connections): took longer than 0.01 s"
    assert log == ["forced", "first"]


@on_both
def test_a_scope_in_which_nothing_was_left_costs_no_wait(manager: ResourceManager, backend: str) -> None:
    """It ends at once."""

    async def main() -> tuple[object, ...]:
        async with manager.scope("empty") as scope:
            pass
        return scope.left

    assert run(backend, main) == ()


def test_a_scope_is_used_once(manager: ResourceManager) -> None:
    """Entered again it says so."""
    scope = manager.scope("once")
    with scope:
        pass

    with pytest.raises(RuntimeError, match="scope 'once' has been entered before"), scope:
        pass


def test_a_scope_left_in_another_context_ends(manager: ResourceManager) -> None:
    """An async fixture's halves may run in two contexts."""
    thing = Thing()
    scope = manager.scope("fixture")

    async def begin() -> None:
        await scope.__aenter__()
        manager.register(thing, kind="files")

    async def end() -> None:
        await scope.__aexit__(None, None, None)

    anyio.run(begin)
    anyio.run(end)

    assert thing.closed == 1


def test_what_was_collected_inside_is_a_leak_and_not_left(manager: ResourceManager) -> None:
    """Nothing is there to close."""
    with manager.scope("collected") as scope:
        manager.register(Bare(), kind="files")
        gc.collect()

    assert scope.left == ()
    assert manager.metrics().leaked == 1


def test_a_forked_child_reports_nothing_of_its_parents(
    manager: ResourceManager, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not left there: neither in the log nor in `left`."""
    thing = Thing()

    def leave() -> object:
        scope.__exit__(None, None, None)
        return scope.left, caplog.text

    with manager.scope("outer") as scope:
        handle = manager.register(thing, kind="files")
        assert in_child(leave) == repr(((), ""))
        handle.unregister()
