"""What a loop of uvloop opens for itself is written down as the loop's, and nothing of anybody else's is."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support import Watch, here, site_of

from no_leaks import env, faults, ledger
from no_leaks.sensors import descriptors, uvloops

Make = Callable[..., Watch]


@pytest.fixture(autouse=True)
def uvloop() -> Any:
    """The module; the process's own pipe is made with its first loop, whoever makes it."""
    module = pytest.importorskip("uvloop")
    module.new_event_loop().close()
    return module


@pytest.fixture
def loop_of(uvloop: Any) -> Iterator[Callable[[], Any]]:
    """Make loops that are closed after the test."""
    made: list[Any] = []

    def make() -> Any:
        made.append(uvloop.new_event_loop())
        return made[-1]

    yield make
    for loop in made:
        loop.close()


def own_of(watching: Watch) -> list[tuple[int, ...]]:
    """Return the descriptors of each loop that was seen being made."""
    return [own for record in watching.ledger.records if (own := uvloops.own_of(record))]


def born(watching: Watch) -> set[object]:
    """Return the numbers of what is open and was not."""
    return {ident[0] for name, ident in watching.born() if name == "descriptors"}


def test_all_that_a_loop_opens_is_its_own(watch: Make, loop_of: Callable[[], Any]) -> None:
    """The epoll that stands for it comes first."""
    watching = watch("fds", "pipes")
    loop = loop_of()
    (own,) = own_of(watching)
    assert set(own) == born(watching)
    assert own[0] == loop._get_backend_id()
    assert len(own) >= 4


def test_an_open_loop_is_one_finding(watch: Make, loop_of: Callable[[], Any]) -> None:
    """Its descriptors close with it, and are not told besides."""
    watching = watch("tasks", "fds", "pipes")
    loop_of()
    sighting = watching.only()
    assert (sighting.kind, sighting.resource.type) == ("tasks", "event loop")


def test_an_open_loop_is_one_finding_where_tasks_are_not_asked_for(watch: Make, loop_of: Callable[[], Any]) -> None:
    """Then its epoll stands for it."""
    watching = watch("fds", "pipes")
    loop_of()
    sighting = watching.only()
    assert sighting.summary == "an event loop of uvloop was created and never closed"


def test_its_pipe_is_told_where_nothing_else_is_asked_for(watch: Make, loop_of: Callable[[], Any]) -> None:
    """Both ends, with the line that made the loop."""
    watching = watch("pipes")
    loop_of()
    assert [found.sighting.kind for found in watching.left()] == ["pipes", "pipes"]
    assert all(site_of(found.sighting, __file__) for found in watching.left())


def test_a_dropped_loop_is_one_finding(watch: Make, uvloop: Any) -> None:
    """Python warns of none, and nobody can close its descriptors any more."""
    watching = watch("tasks", "fds", "pipes")
    own, line = uvloop.new_event_loop().__dict__[uvloops.OWN], here()
    sighting = watching.only()
    for fd in own:
        os.close(fd)
    assert (sighting.kind, sighting.resource.type, sighting.resource.id) == ("fds", "event loop", f"fd {own[0]}")
    assert site_of(sighting, __file__) == line


def test_a_closed_loop_leaves_nothing(watch: Make, loop_of: Callable[[], Any]) -> None:
    """Nor is anything remembered of it that could explain a later descriptor as older."""
    watching = watch("tasks", "fds", "pipes")
    loop_of().close()
    assert watching.left() == ()


@pytest.mark.parametrize("blocking", [True, False])
def test_a_pipe_that_is_left_beside_a_loop_is_seen(watch: Make, loop_of: Callable[[], Any], blocking: bool) -> None:
    """One that nobody saw being made, before the loop or after it."""
    watching = watch("tasks", "fds", "pipes")
    unseen: Any = os.pipe.__wrapped__  # type: ignore[attr-defined] # as C code makes it
    ends = [*unseen()]
    loop_of()
    ends += unseen()
    for end in ends:
        os.set_blocking(end, blocking)
    found = {found.sighting.resource.id for found in watching.left()}
    for end in ends:
        os.close(end)
    assert found == {"Loop", *(f"fd {end}" for end in ends)}


def test_the_number_of_the_listing_itself_is_free(watch: Make, loop_of: Callable[[], Any]) -> None:
    """The look before has a descriptor of its own, whose number is the next that the loop gets."""
    watching = watch("fds", "pipes")
    first = os.open(os.devnull, os.O_RDONLY)
    os.close(first)
    loop_of()
    assert first in own_of(watching)[0]


def test_nothing_is_written_down_where_nothing_is_checked(watch: Make, loop_of: Callable[[], Any]) -> None:
    """Then a loop costs what it costs."""
    watching = watch("fds")
    with ledger.at_work(None):
        loop = loop_of()
    assert watching.ledger.records == []
    assert loop.__dict__ == {}


def test_removed_is_removed(watch: Make, uvloop: Any) -> None:
    """The class is as it was, and makes loops."""
    watch("fds")
    assert "__new__" in vars(uvloop.Loop)
    uvloops.remove()
    assert "__new__" not in vars(uvloop.Loop)
    uvloops.on_import("anything")
    uvloop.new_event_loop().close()
    assert "__new__" not in vars(uvloop.Loop)


def test_a_uvloop_that_is_imported_later_is_patched(watch: Make, uvloop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next import after its own; half of it is not there before."""
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "uvloop", types.ModuleType("uvloop"))
        watch("fds")
        uvloops.on_import("uvloop.loop")
        assert "__new__" not in vars(uvloop.Loop)
    uvloops.on_import("anything")
    assert "__new__" in vars(uvloop.Loop)


@pytest.mark.parametrize("folder", [None, "/nowhere"])
def test_where_the_table_cannot_be_read_nothing_is_written_down(
    watch: Make, loop_of: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, folder: str | None
) -> None:
    """The loop is made all the same."""
    watching = watch("fds")
    monkeypatch.setattr(env, "FD_FOLDER", folder)
    loop_of()
    assert own_of(watching) == []
    assert faults.noted() == {}


def test_a_fault_of_ours_does_not_reach_the_program(
    watch: Make, loop_of: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is noted, and the loop works."""

    def broken(*args: object) -> None:
        raise RuntimeError("ours")

    watch("fds")
    monkeypatch.setattr(descriptors, "note", broken)
    loop = loop_of()
    loop.run_until_complete(_nothing())
    assert "ours" in faults.noted()["loops of uvloop"]


async def _nothing() -> None:
    pass


def test_what_is_closed_again_is_nobodys() -> None:
    """Another thread's, that was open for a moment."""
    fd = os.open(os.devnull, os.O_RDONLY)
    os.close(fd)
    assert not uvloops._is_libuvs(fd)  # pyright: ignore[reportPrivateUsage]
