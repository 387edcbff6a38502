"""The blocking sensor on real loops: a callback that waits until the monitor has seen it, so that nothing is timed."""

from __future__ import annotations

import asyncio
import bdb
import functools
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from no_leaks import faults, origin
from no_leaks import ledger as ledgers
from no_leaks.config import Settings
from no_leaks.ledger import Ledger
from no_leaks.model import Owner, Sighting
from no_leaks.sensors import blocking, blocking_words
from no_leaks.sensors import blocking_watch as watch

HOUR_S = 3600.0


@pytest.fixture
def seen(no_outer_session: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Watch with a threshold of a millisecond; return an event that is set once the monitor has looked."""
    event = threading.Event()
    monkeypatch.setattr(watch, "on_sample", event.set)
    blocking.install()
    blocking.configure(0.001, 0.001)
    yield event
    blocking.remove()
    blocking.configure(0.2, 0.01)
    assert faults.noted() == {}


@pytest.fixture
def book() -> Iterator[Ledger]:
    """Return a ledger that is at work."""
    made = Ledger(Owner("function"))
    with ledgers.at_work(made):
        yield made


class Clock:
    """A clock that a callback moves on."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(no_outer_session: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Watch by a fake clock, with a monitor that looks once an hour: it sees nothing."""
    made = Clock()
    monkeypatch.setattr(watch, "clock", made)
    blocking.install()
    blocking.configure(0.2, HOUR_S)
    yield made
    blocking.remove()
    blocking.configure(0.2, 0.01)


def test_a_scope_brings_its_own_threshold_and_interval(clock: Clock) -> None:
    """They come with its settings."""
    blocking.tune(Settings(blocking_threshold_s=0.5, blocking_check_interval_s=60.0))
    assert (watch.threshold_s, watch.interval_s) == (0.5, 60.0)


def block(seen: threading.Event) -> None:
    """Hold up the loop until the monitor has looked."""
    assert seen.wait(30)


def only(book: Ledger) -> Sighting:
    """Return the one loss."""
    (loss,) = book.losses
    return loss


def test_a_task_that_blocks_is_seen_where_it_stands(seen: threading.Event, book: Ledger) -> None:
    """The monitor takes the stack while the coroutine blocks, down to the coroutine and no further."""

    async def main() -> None:
        block(seen)

    asyncio.run(main())
    loss = next(loss for loss in book.losses if "main" in loss.summary)
    frames = [frame.function for frame in origin.frames_of(loss.stack)]
    assert loss.kind == "blocking"
    assert frames[0].endswith("wait")
    assert [name.rpartition(".")[2] for name in frames][-2:] == ["block", "main"]
    assert "held up for" in loss.proof
    assert "threshold 0.001 s" in loss.proof
    assert "asyncio.to_thread" in loss.fix


def test_a_callback_that_blocks_is_named(seen: threading.Event, book: Ledger) -> None:
    """A plain callback, not a task."""

    def late() -> None:
        block(seen)

    loop = asyncio.new_event_loop()
    loop.call_soon(late)
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    assert [loss.resource.detail for loss in book.losses] == ["test_a_callback_that_blocks_is_named.late()"]


def test_a_trio_task_that_blocks_is_seen(seen: threading.Event, book: Ledger) -> None:
    """trio's steps are watched by an instrument."""

    async def main() -> None:
        block(seen)

    trio.run(main)
    loss = next(loss for loss in book.losses if "main" in loss.summary)
    frames = [frame.function.rpartition(".")[2] for frame in origin.frames_of(loss.stack)]
    assert frames[-2:] == ["block", "main"]
    assert loss.resource.type == "event loop"
    assert loss.resource.id == "trio"
    assert "trio.to_thread" in loss.fix


def test_a_loop_in_another_thread_is_seen_under_its_own_ledger(seen: threading.Event, book: Ledger) -> None:
    """The ledger is that of the callback's context, not that of whoever looks."""
    other = Ledger(Owner("session"))

    async def main() -> None:
        block(seen)

    def run() -> None:
        with ledgers.at_work(other):
            asyncio.run(main())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert book.losses == []
    assert any("main" in loss.summary for loss in other.losses)


def test_short_callbacks_are_no_findings(clock: Clock, book: Ledger) -> None:
    """What stays below the threshold is not told, however often it comes."""

    async def main() -> None:
        for _ in range(5):
            clock.now_s += 0.15
            await asyncio.sleep(0)

    asyncio.run(main())
    trio.run(trio.lowlevel.checkpoint)
    assert book.losses == []


def test_without_a_sample_the_coroutine_is_the_place(clock: Clock, book: Ledger) -> None:
    """Where C code held the interpreter's lock, the duration proves it and the coroutine's first line is shown."""

    async def main() -> None:
        clock.now_s += 0.31

    asyncio.run(main())
    loss = only(book)
    assert loss.proof.startswith("the event loop was held up for 0.31 s (threshold 0.2 s)")
    assert "C code held the interpreter's lock" in loss.proof
    assert origin.frames_of(loss.stack)[0].line == main.__code__.co_firstlineno


def test_the_same_place_is_told_once(clock: Clock, book: Ledger) -> None:
    """A loop that blocks at one line again and again is one finding."""

    async def main() -> None:
        for _ in range(3):
            clock.now_s += 1
            await asyncio.sleep(0)

    asyncio.run(main())
    assert len(book.losses) == 1


def test_nothing_is_told_when_nothing_is_checked(clock: Clock) -> None:
    """Without a ledger the sensor is inert."""

    async def main() -> None:
        clock.now_s += 1

    with ledgers.at_work(None):
        asyncio.run(main())


def test_a_loop_within_a_callback_is_watched_by_itself(clock: Clock, book: Ledger) -> None:
    """The inner loop's callbacks do not end the outer one's."""
    inner, outer = asyncio.new_event_loop(), asyncio.new_event_loop()

    def nested() -> None:
        clock.now_s += 0.15
        asyncio._set_running_loop(None)  # type: ignore[attr-defined]
        inner.call_soon(inner.stop)
        inner.run_forever()
        asyncio._set_running_loop(outer)  # type: ignore[attr-defined]
        clock.now_s += 0.15

    outer.call_soon(nested)
    outer.call_soon(outer.stop)
    outer.run_forever()
    inner.close()
    outer.close()
    assert "nested" in only(book).summary


def test_a_scope_that_begins_in_a_callback_counts_from_there(clock: Clock, book: Ledger) -> None:
    """What the test did before `async with no_leaks(...)` is not the block's."""

    async def main() -> None:
        clock.now_s += 1
        blocking.configure(0.2, HOUR_S)
        clock.now_s += 0.1

    asyncio.run(main())
    assert book.losses == []


def test_a_debugger_at_its_prompt_does_not_trigger(seen: threading.Event, book: Ledger) -> None:
    """A frame of a debugger in the stack means that a person is at work."""
    space: dict[str, Any] = {"__name__": "pdb", "block": block, "seen": seen}
    exec("def interaction(): block(seen)", space)
    prompt: Callable[[], None] = space["interaction"]

    async def main() -> None:
        prompt()

    asyncio.run(main())
    assert [loss for loss in book.losses if "main" in loss.summary] == []


def test_a_debuggers_trace_function_does_not_trigger(
    clock: Clock, book: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stepping is slow; a tracer that is no debugger's (coverage) changes nothing."""

    async def main() -> None:
        clock.now_s += 1

    monkeypatch.setattr(sys, "gettrace", lambda: bdb.Bdb().trace_dispatch)
    asyncio.run(main())
    assert book.losses == []
    monkeypatch.setattr(sys, "gettrace", lambda: main)
    asyncio.run(main())
    assert len(book.losses) == 1


def test_a_fault_of_ours_does_not_reach_the_loop(clock: Clock, book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong while it is told is noted; the callback's result stands."""
    monkeypatch.setattr(blocking_words, "sighting", None)

    async def main() -> int:
        clock.now_s += 1
        return 3

    assert asyncio.run(main()) == 3
    assert list(faults.noted()) == ["blocking"]


def test_a_fault_in_the_monitor_is_noted(seen: threading.Event, book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The monitor ends, and says so; the loop does not notice."""
    noted = threading.Event()

    def broken(*args: object) -> None:
        noted.set()
        raise RuntimeError("cannot look")

    monkeypatch.setattr(watch, "on_sample", broken)

    async def main() -> None:
        block(noted)

    monitor = blocking.monitor
    assert monitor is not None
    asyncio.run(main())
    monitor.join()
    assert list(faults.noted()) == ["blocking monitor"]
    faults.clear()
    blocking.install()
    assert blocking.monitor is not monitor


def test_a_monitor_that_starts_late_looks_at_what_runs_already(seen: threading.Event) -> None:
    """It sleeps only if no callback runs; a thread that is gone has no stack."""
    blocking.remove()
    watch.busy[-1] = (None, 0.0)
    monitor = watch.Monitor()
    monitor.start()
    assert seen.wait(30)
    monitor.stop()
    assert watch.marks.pop(-1).sample == ()
    assert watch.busy.pop(-1) == (None, 0.0)


def test_a_look_at_nothing_new_takes_no_stacks(clock: Clock) -> None:
    """A callback is looked at once; without one there is nothing to look at."""
    watch.look()
    watch.busy[threading.get_ident()] = (None, clock.now_s)
    clock.now_s += 1
    watch.look()
    (mark,) = watch.marks.values()
    sample = mark.sample
    assert sample
    watch.look()
    assert mark.sample is sample


def test_the_monitor_is_ours_a_daemon_and_joined(no_outer_session: None) -> None:
    """It bears the sign that the thread probe knows, belongs to no test, and ends with the session."""
    with ledgers.at_work(Ledger(Owner("function"))):
        blocking.install()
        blocking.install()
    monitor = blocking.monitor
    assert monitor is not None
    assert monitor.daemon
    assert vars(type(monitor))["_no_leaks_own"] is True
    assert ledgers.of_thread(monitor) is None
    blocking.remove()
    assert not monitor.is_alive()
    blocking.remove()


def test_remove_puts_the_handle_back(no_outer_session: None) -> None:
    """Nothing stays wrapped."""
    before = asyncio.events.Handle._run, trio.run, trio.lowlevel.start_guest_run
    blocking.install()
    assert asyncio.events.Handle._run is not before[0]
    blocking.remove()
    assert (asyncio.events.Handle._run, trio.run, trio.lowlevel.start_guest_run) == before


def test_what_is_loaded_later_is_watched_then(no_outer_session: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither asyncio nor trio is imported for our sake; the import of asyncio's last part, and each scope, look again."""
    events, loaded = sys.modules["asyncio.events"], sys.modules["trio._core._run"]
    for name in ("asyncio.events", "trio", "trio.lowlevel", "trio._core._run"):
        monkeypatch.delitem(sys.modules, name)
    original = vars(events)["Handle"]._run
    blocking.on_import("asyncio.unix_events")
    blocking.install()
    assert vars(events)["Handle"]._run is original
    monkeypatch.setitem(sys.modules, "asyncio.events", events)
    blocking.on_import("json")
    assert vars(events)["Handle"]._run is original
    blocking.on_import("asyncio.unix_events")
    assert vars(events)["Handle"]._run is not original
    monkeypatch.setitem(sys.modules, "trio._core._run", loaded)
    blocking.configure(0.2, 0.01)
    blocking.remove()


def test_uvloop_is_said_not_to_be_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be seen is said, as soon as it is there."""
    monkeypatch.delitem(sys.modules, "uvloop", raising=False)
    assert blocking.reason() == ""
    monkeypatch.setitem(sys.modules, "uvloop", SimpleNamespace())
    assert "uvloop" in blocking.reason()


def test_an_instrument_survives_a_step_that_began_before_it() -> None:
    """An end without a begin says nothing."""
    blocking.Instrument().after_task_step(None)


def test_a_wake_without_a_monitor_does_nothing(no_outer_session: None) -> None:
    """A wrapper of ours that somebody else kept outlives the monitor."""
    blocking._wake()


@pytest.mark.parametrize(
    ("callback", "name"),
    [
        (functools.partial(functools.partial(block), 1), "block()"),
        (len, "<built-in function len>"),
        (None, "None"),
    ],
)
def test_callbacks_are_named(callback: object, name: str) -> None:
    """Partials by what is in them, C functions by their repr, a handle that was cancelled by nothing."""
    found = blocking_words.sighting(SimpleNamespace(_callback=callback), None, 1.0, 0.2)
    assert found.resource.detail == name
    assert len(found.stack) == (1 if name == "block()" else 0)
