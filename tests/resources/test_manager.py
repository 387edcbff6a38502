"""The manager: what is registered, found, given back, cleaned up, collected; and what threads and forks do to it."""

from __future__ import annotations

import gc
import io
import threading
import weakref
from collections.abc import Callable

import anyio
import pytest
from backends import AsyncThing, Bare, Thing, on_both, run
from support import here, in_child
from turns import turns_at_each_step

import no_leaks
from no_leaks import ledger
from no_leaks.model import Owner
from no_leaks.resources import Handle, ResourceManager, book
from no_leaks.resources.handle import State


@pytest.fixture
def manager() -> ResourceManager:
    """A manager of the test's own."""
    return ResourceManager()


def test_what_is_registered_is_active(manager: ResourceManager) -> None:
    """By its handle, of its kind."""
    thing = Thing()

    handle = manager.register(thing, kind="files", name="data.txt")

    assert manager.active() == (handle,)
    assert manager.active("files") == (handle,)
    assert manager.active("connections") == ()
    assert (handle.name, handle.kind, handle.is_open, handle.resource()) == ("data.txt", "files", True, thing)


def test_a_handle_knows_the_line_that_registered(manager: ResourceManager) -> None:
    """The innermost frame is the caller's."""
    thing = Thing()

    handle, line = manager.register(thing, kind="files"), here()

    frame = handle.described().created_at[0]
    assert (frame.function.rpartition(".")[2], frame.line) == ("test_a_handle_knows_the_line_that_registered", line)


def test_a_name_never_shows_a_password(manager: ResourceManager) -> None:
    """URLs are names of connections."""
    thing = Thing()

    handle = manager.register(thing, kind="connections", name="postgres://me:hunter2@host/db")

    assert handle.name == "postgres://me:***@host/db"


def test_without_a_name_it_is_called_by_its_class(manager: ResourceManager) -> None:
    """Its repr is never asked: one may raise, block or tell a secret."""

    class Hostile(Thing):
        def __repr__(self) -> str:
            raise AssertionError("asked")

    thing = Hostile()

    assert manager.register(thing, kind="files").name.endswith("Hostile")


def test_closing_a_handle_closes_its_resource_once(manager: ResourceManager) -> None:
    """However often it is asked to."""
    thing = Thing()
    handle = manager.register(thing, kind="files")

    handle.close()
    handle.close()

    assert thing.closed == 1
    assert manager.active() == ()
    assert manager.metrics().cleaned == 1


@on_both
def test_aclose_awaits_once(manager: ResourceManager, backend: str) -> None:
    """The async twin waits for `aclose`."""
    thing = AsyncThing()

    async def main() -> None:
        handle = manager.register(thing, kind="connections")
        await handle.aclose()
        await handle.aclose()

    run(backend, main)

    assert thing.closed == 1
    assert manager.metrics().cleaned == 1


@on_both
def test_aclose_counts_what_it_runs_into(manager: ResourceManager, backend: str) -> None:
    """The error goes on, and the resource is no longer tracked."""
    thing = Thing(error=OSError("gone"))

    async def main() -> None:
        await manager.register(thing, kind="connections").aclose()

    with pytest.raises(OSError, match="gone"):
        run(backend, main)
    assert (manager.metrics().cleanup_errors, manager.active()) == (1, ())


def test_close_counts_what_it_runs_into(manager: ResourceManager) -> None:
    """The same from plain code."""
    thing = Thing(error=OSError("gone"))
    handle = manager.register(thing, kind="connections")

    with pytest.raises(OSError, match="gone"):
        handle.close()

    assert (handle.state, manager.metrics().cleanup_errors) == (State.FAILED, 1)


def test_what_is_unregistered_counts_as_cleaned(manager: ResourceManager) -> None:
    """By the resource, its handle, or on the handle."""
    things = [Thing(), Thing(), Thing()]
    handles = [manager.register(thing, kind="files") for thing in things]

    assert manager.unregister(things[0])
    assert manager.unregister(handles[1])
    assert handles[2].unregister()

    assert not any((manager.unregister(things[0]), manager.unregister(handles[1]), handles[2].unregister()))
    assert (manager.metrics().cleaned, manager.active()) == (3, ())
    assert [thing.closed for thing in things] == [0, 0, 0]


def test_one_resource_has_one_handle(manager: ResourceManager) -> None:
    """Registered twice it is closed once."""
    thing = Thing()

    assert manager.register(thing, kind="files") is manager.register(thing, kind="files")


def test_a_number_is_tracked_as_itself(manager: ResourceManager) -> None:
    """A descriptor cannot be referred to weakly; holding it keeps nothing alive. Numbers are used again."""
    closed: list[int] = []
    first = manager.register(5, kind="files", cleanup=closed.append)
    second = manager.register(5, kind="files", cleanup=closed.append)

    assert first is not second
    assert manager.unregister(5)
    first.close()

    assert closed == [5]
    assert second.state is State.CLEANED


def test_what_cannot_be_referred_to_weakly_is_refused(manager: ResourceManager) -> None:
    """The message says what to do instead."""
    with pytest.raises(TypeError, match=r"a list cannot be referred to weakly.*register the object that holds it"):
        manager.register([1], kind="files")


def test_a_handles_repr_tells_what_matters(manager: ResourceManager) -> None:
    """And asks nothing of the resource."""
    thing = Thing()

    handle = manager.register(thing, kind="files", name="data.txt")

    assert repr(handle) == f"<Handle {handle.number}, files: data.txt, open>"


@pytest.mark.parametrize("kind", ["", "open files", "a-b"])
def test_a_kind_is_one_word(manager: ResourceManager, kind: str) -> None:
    """It becomes an attribute, a label and a metric."""
    with pytest.raises(ValueError, match="is not a kind"):
        manager.register(Thing(), kind=kind)


def test_tracking_keeps_nothing_alive(manager: ResourceManager) -> None:
    """What the collector takes unclosed is counted as leaked, with its creation site."""
    thing = Thing()
    manager.register(thing, kind="files", name="lost.txt")
    watch = weakref.ref(thing)

    del thing
    gc.collect()

    assert watch() is None
    assert (manager.metrics().leaked, manager.metrics().cleaned, manager.active()) == (1, 0, ())
    (left,) = manager.leaks
    assert (left.name, left.became) == ("lost.txt", "collected without being closed")
    assert "test_tracking_keeps_nothing_alive" in str(left)


def test_a_leak_without_a_site_is_told_without_one(manager: ResourceManager) -> None:
    """Where only library code is on the stack."""
    thing = Thing()
    handle = manager.register(thing, kind="files", name="x")
    handle.stack = ()

    assert str(handle.described()).startswith("files: x, open for ")


def test_what_was_given_back_and_then_collected_is_no_leak(manager: ResourceManager) -> None:
    """Its reference is told, and says nothing."""
    thing = Thing()
    handle = manager.register(thing, kind="files")
    handle.unregister()
    reference = handle.reference

    del thing
    gc.collect()

    assert reference is not None
    assert (manager.metrics().leaked, manager.metrics().cleaned) == (0, 1)


def test_a_resource_collected_before_its_handle_is_closed_stays_a_leak(manager: ResourceManager) -> None:
    """Closing a handle whose thing is gone closes nothing."""
    handle = manager.register(Thing(), kind="files")
    gc.collect()

    handle.close()
    anyio.run(handle.aclose)

    assert handle.state is State.LEAKED
    assert manager.metrics().leaked == 1


def test_cleanup_closes_the_youngest_first(manager: ResourceManager) -> None:
    """What was opened last may need what was opened before."""
    log: list[object] = []
    things = [Thing(log, number) for number in range(3)]
    for thing in things:
        manager.register(thing, kind="files")

    left = manager.cleanup()

    assert log == [2, 1, 0]
    assert [one.became for one in left] == ["closed"] * 3


def test_cleanup_goes_on_to_the_end(manager: ResourceManager) -> None:
    """Errors come as one group, after the last was closed."""
    log: list[object] = []
    things = [Thing(log, 0, ValueError("zero")), Thing(log, 1), Thing(log, 2, KeyError("two"))]
    for thing in things:
        manager.register(thing, kind="files")

    with pytest.raises(Exception, match="cleaning up all resources") as caught:
        manager.cleanup()

    assert [type(error) for error in caught.value.exceptions] == [KeyError, ValueError]  # type: ignore[attr-defined]
    assert isinstance(caught.value, Exception)
    assert log == [2, 1, 0]


@on_both
def test_acleanup_goes_on_to_the_end(manager: ResourceManager, backend: str) -> None:
    """The same, awaited."""
    log: list[object] = []
    things = [AsyncThing(log, 0, ValueError("zero")), AsyncThing(log, 1), Thing(log, 2)]

    async def main() -> None:
        for thing in things:
            manager.register(thing, kind="files")
        await manager.acleanup()

    with pytest.raises(Exception, match="cleaning up all resources") as caught:
        run(backend, main)
    assert [type(error) for error in caught.value.exceptions] == [ValueError]  # type: ignore[attr-defined]
    assert log == [2, 1, 0]


@on_both
def test_acleanup_returns_what_it_closed(manager: ResourceManager, backend: str) -> None:
    """Youngest last, as they were made."""
    things = [Thing(), AsyncThing()]

    async def main() -> list[str]:
        for thing in things:
            manager.register(thing, kind="files")
        return [left.became for left in await manager.acleanup()]

    assert run(backend, main) == ["closed", "closed"]


def test_an_interrupt_in_a_cleanup_stops_no_other(manager: ResourceManager) -> None:
    """Ctrl-C goes on afterwards, in a group that only BaseException catches."""
    log: list[object] = []
    things = [Thing(log, 0), Thing(log, 1, KeyboardInterrupt())]
    for thing in things:
        manager.register(thing, kind="files")

    with pytest.raises(BaseException, match="cleaning up") as caught:
        manager.cleanup()

    assert not isinstance(caught.value, Exception)
    assert log == [1, 0]


@pytest.mark.parametrize("backend", ["plain", "asyncio", "trio"])
def test_what_has_no_method_to_close_it_is_given_up(manager: ResourceManager, backend: str) -> None:
    """It is no longer tracked, and nobody says that it was closed: not even of a number."""
    bare = Bare()
    manager.register(bare, kind="locks")
    manager.register(3, kind="locks")

    left = manager.cleanup() if backend == "plain" else run(backend, manager.acleanup)

    assert manager.active() == ()
    assert (manager.metrics().cleaned, manager.metrics().cleanup_errors) == (0, 2)
    assert {one.became for one in left} == {
        "given up, for it has no method that closes it: register it with cleanup=..."
    }


def test_what_is_given_up_in_a_forked_child_counts_nothing(manager: ResourceManager) -> None:
    """It is the parent's."""
    bare = Bare()
    handle = manager.register(bare, kind="locks")
    manager.book.claim(handle)
    manager.book.begin_anew()

    manager.book.give_up(handle)

    assert manager.metrics().cleanup_errors == 0


def test_a_handle_remembers_whose_scope_was_at_work(manager: ResourceManager) -> None:
    """The plugin's `managed` kind asks for it."""
    book = ledger.open_ledger(Owner("function", test="test_x"))
    thing = Thing()
    try:
        with ledger.at_work(book):
            assert manager.register(thing, kind="files").ledger is book
            assert manager.scope_name() == "test_x"
    finally:
        ledger.end_ledger(book)


def test_outside_any_test_and_scope_there_is_no_name(manager: ResourceManager) -> None:
    """Nobody is at work."""
    with ledger.at_work(None):
        assert manager.scope_name() == ""


def test_counts_are_exact_under_64_threads(manager: ResourceManager) -> None:
    """64 threads, 1,000 registrations each: every other one closed, every fourth given up to the collector."""
    start = threading.Barrier(64)

    def work() -> None:
        start.wait()
        for number in range(1000):
            thing = Thing()
            handle = manager.register(thing, kind="files")
            if number % 4:
                handle.close()

    threads = [threading.Thread(target=work) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    metrics = manager.metrics()
    assert (metrics.created, metrics.cleaned, metrics.leaked, metrics.total_active) == (64_000, 48_000, 16_000, 0)


def test_counts_are_exact_wherever_threads_take_turns(manager: ResourceManager) -> None:
    """At every step in the book: registered, closed twice by two, given up to the collector."""
    things = [Thing() for _ in range(8)]
    shared = [manager.register(thing, kind="connections") for thing in things]
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for handle in shared:
            thing = Thing()
            if manager.register(thing, kind="files").number % 2:
                manager.unregister(thing)
            handle.close()

    with turns_at_each_step(book):
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    metrics = manager.metrics()
    assert [thing.closed for thing in things] == [1] * 8
    assert (metrics.created, metrics.total_active, manager.active()) == (72, 0, ())
    assert metrics.cleaned + metrics.leaked == 72


def test_threads_that_close_one_handle_close_it_once(manager: ResourceManager) -> None:
    """Whoever comes second finds it taken."""
    things = [Thing() for _ in range(200)]
    handles = [manager.register(thing, kind="files") for thing in things]
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for handle in handles:
            handle.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [thing.closed for thing in things] == [1] * 200


def test_a_forked_child_owns_nothing(manager: ResourceManager) -> None:
    """It neither sees nor closes what is its parent's, and tracks its own."""
    thing, own = Thing(), Thing()
    handle = manager.register(thing, kind="files")

    def look() -> object:
        manager.cleanup()
        handle.close()
        manager.register(own, kind="files")
        metrics = manager.metrics()
        return thing.closed, handle.state.name, metrics.created, metrics.total_active

    assert in_child(look) == repr((0, "FOREIGN", 1, 1))
    assert manager.active() == (handle,)


def test_a_fork_while_another_thread_holds_the_lock_blocks_no_child(manager: ResourceManager) -> None:
    """The child has a lock of its own."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with manager.book.lock:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        assert in_child(lambda: manager.metrics().created) == "0"
    finally:
        done.set()
        thread.join()


def test_a_forked_child_in_a_scope_closes_nothing_of_it(manager: ResourceManager) -> None:
    """The scope is its parent's."""
    thing = Thing()

    def leave() -> object:
        scope.__exit__(None, None, None)
        return thing.closed, manager.scope_name()

    with ledger.at_work(None), manager.scope("outer") as scope:
        handle = manager.register(thing, kind="files")
        assert in_child(leave) == repr((0, ""))
        handle.unregister()


def test_a_fork_in_the_middle_of_a_cleanup_counts_nothing_in_the_child(manager: ResourceManager) -> None:
    """What was being closed is the parent's."""
    thing = Thing()

    manager.register(thing, kind="files", cleanup=manager.book.begin_anew).close()

    assert (manager.metrics().cleaned, manager.metrics().created) == (0, 0)


@on_both
def test_an_async_cleanup_is_awaited(manager: ResourceManager, backend: str) -> None:
    """A coroutine function of the program's own."""
    thing = AsyncThing()

    async def close(one: AsyncThing) -> None:
        await one.aclose()

    async def main() -> None:
        await manager.register(thing, kind="files", cleanup=close).aclose()

    run(backend, main)

    assert thing.closed == 1


def test_a_cleanup_that_is_a_closure_keeps_nothing_alive(manager: ResourceManager) -> None:
    """As a method, a closure over the resource is held without it."""

    def open_one() -> Handle:
        thing = Thing()
        return manager.register(thing, kind="files", cleanup=lambda: thing.close())  # noqa: PLW0108 - a closure

    open_one()
    gc.collect()

    assert manager.metrics().leaked == 1


@pytest.mark.parametrize("name", no_leaks.__all__)
def test_the_public_face_has_each_name(name: str) -> None:
    """Loaded when first used."""
    assert getattr(no_leaks, name) is not None


def test_the_package_of_resources_names_what_it_lacks() -> None:
    """An unknown name is an AttributeError, as of any module."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        no_leaks.resources.nothing  # type: ignore[attr-defined]


def test_all_names_of_the_package_can_be_imported_at_once() -> None:
    """By `from no_leaks.resources import *`, which gave none."""
    names: dict[str, object] = {}
    exec("from no_leaks.resources import *", names)

    assert set(no_leaks.resources.HOMES) == set(no_leaks.resources.__all__) == set(names) - {"__builtins__"}


def test_a_file_of_the_standard_library_can_be_registered(manager: ResourceManager) -> None:
    """Its own `close` is found."""
    file: Callable[[], io.StringIO] = io.StringIO
    text = file()
    manager.register(text, kind="files")

    manager.cleanup()

    assert text.closed
