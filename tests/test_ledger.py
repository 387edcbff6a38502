"""Ledgers: who is at work, what threads and tasks inherit, and what is remembered after the end."""

from __future__ import annotations

import _thread
import asyncio
import contextvars
import threading
from collections.abc import Iterator

import pytest
from support import alone

from no_leaks import ledger
from no_leaks.ledger import Ledger, Record, all_ledgers, at_work, current, end_ledger, open_ledger
from no_leaks.model import Owner, Resource, Sighting

LOSS = Sighting("unclosed", Resource("file", ""), "a file was opened and dropped unclosed", "close it")


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """No ledger of a run around these tests is in sight."""
    with alone():
        yield


def record(event: str = "open") -> Record:
    """Make a birth."""
    return Record(event, ("x",), ())


def test_nobody_is_at_work_outside_a_scope() -> None:
    """Sensors are inert then."""
    assert current() is None


def test_the_ledger_at_work_is_named_for_a_while() -> None:
    """And the one before it comes back, whatever happens inside."""
    outer, inner = open_ledger(Owner("session")), open_ledger(Owner("function"))
    with at_work(outer):
        with pytest.raises(ValueError, match="inside"), at_work(inner):
            assert current() is inner
            raise ValueError("inside")
        assert current() is outer
    assert current() is None


def test_a_thread_works_for_whoever_started_it() -> None:
    """A thread has an empty context: it is handed the ledger at its start."""
    book = open_ledger(Owner("session"))
    seen: list[Ledger | None] = []
    thread = threading.Thread(target=lambda: seen.append(current()))
    with at_work(book):
        ledger.hand_to(thread)
    thread.start()
    thread.join()
    assert seen == [book]
    assert ledger.of_thread(thread) is book
    assert ledger.of_thread(threading.Thread()) is None


def test_a_task_works_for_whoever_made_it() -> None:
    """A task copies the context that it is made in."""
    book = open_ledger(Owner("session"))

    async def work() -> Ledger | None:
        return current()

    async def main() -> Ledger | None:
        with at_work(book):
            task = asyncio.ensure_future(work())
        assert current() is None
        return await task

    loop = asyncio.new_event_loop()
    try:
        assert loop.run_until_complete(main()) is book
    finally:
        loop.close()


def test_a_raw_thread_works_for_nobody_and_stays_unregistered() -> None:
    """Asking does not make a dummy of it, which would never end."""
    seen: list[object] = []
    done = threading.Event()

    def work() -> None:
        seen.append(current())
        seen.append(threading.get_ident() in threading._active)
        done.set()

    _thread.start_new_thread(work, ())
    done.wait()
    assert seen == [None, False]


def test_records_are_read_newest_first() -> None:
    """The newest open of a path is the one that is still open."""
    book = open_ledger(Owner("function"))
    first, other, last = record(), record("os.fork"), record()
    book.records += [first, other, last]
    assert list(book.of("open")) == [last, first]
    assert list(book.of("open", "os.fork")) == [last, other, first]


def test_living_ledgers_come_before_tombstones() -> None:
    """The innermost scope explains first, the last one to end last but not least."""
    outer, gone, inner = (open_ledger(Owner(scope)) for scope in ("session", "module", "function"))
    gone.records.append(record())
    end_ledger(gone)
    assert list(all_ledgers()) == [inner, outer, gone]


def test_an_ended_ledger_without_records_is_forgotten() -> None:
    """It explains nothing."""
    book = open_ledger(Owner("function"))
    end_ledger(book)
    end_ledger(book)
    assert book.ended
    assert list(all_ledgers()) == []


def test_the_oldest_tombstone_makes_room() -> None:
    """Memory is bound, however many tests a session has."""
    for _ in range(ledger.TOMBSTONES + 3):
        book = open_ledger(Owner("function"))
        book.records.append(record())
        end_ledger(book)
    assert len(list(all_ledgers())) == ledger.TOMBSTONES
    assert next(all_ledgers()) is book


def test_one_under_which_something_came_to_light_makes_no_room() -> None:
    """The end of the run tells of it, however many tests came after."""
    late = open_ledger(Owner("function"))
    late.records.append(record())
    end_ledger(late)
    late.losses.append(LOSS)
    for _ in range(ledger.TOMBSTONES + 3):
        book = open_ledger(Owner("function"))
        book.records.append(record())
        end_ledger(book)
    assert list(all_ledgers())[-1] is late
    ledger.forget(late)
    assert late not in list(all_ledgers())


def test_one_with_a_loss_that_nobody_looked_at_is_a_tombstone() -> None:
    """It came between the last look and the end."""
    book = open_ledger(Owner("function"))
    book.losses.append(LOSS)
    end_ledger(book, 0)
    assert (list(all_ledgers()), book.judged) == ([book], 0)


def test_everything_is_forgotten_at_a_sessions_end() -> None:
    """Nothing of one session is at work in the next."""
    ledger.CURRENT.set(open_ledger(Owner("function")))
    ledger.forget_all()
    assert (current(), list(all_ledgers())) == (None, [])


def test_losses_after_the_end_are_late() -> None:
    """`judged` says how many there were when it ended."""
    book = open_ledger(Owner("function"))
    end_ledger(book)
    assert book.judged == 0


def test_a_run_inside_a_run_has_its_own_at_work() -> None:
    """A context that was copied before its scope began names the outer run's; the thread knows better."""
    outer = open_ledger(Owner("function", test="outer"))
    with at_work(outer):
        copied = contextvars.copy_context()
        ledger.set_depth(outer.depth + 1)
        inner = open_ledger(Owner("function", test="inner"))
        before = ledger.enter(inner)
        try:
            assert copied.run(current) is inner
        finally:
            ledger.leave(inner, before)
            ledger.set_depth(outer.depth)
        assert copied.run(current) is outer
    end_ledger(inner)
    end_ledger(outer)
