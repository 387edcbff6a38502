"""Thread births: where a thread was started and for whom it works, on every interpreter."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from support import Watch, alone

from no_leaks import env, faults, ledger
from no_leaks.ledger import Ledger
from no_leaks.model import Owner
from no_leaks.sensors import threads

Make = Callable[..., Watch]


@pytest.fixture
def book(clean_faults: None) -> Iterator[Ledger]:
    """A ledger at work and no sensor installed."""
    with alone():
        book = ledger.open_ledger(Owner("function"))
        with ledger.at_work(book):
            yield book


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on 3.10 and 3.11, whose interpreter does not tell of starts."""
    monkeypatch.setattr(threads.env, "PY312", False)


def run() -> threading.Thread:
    """Start a thread and join it."""
    thread = threading.Thread(target=int, name="worker")
    thread.start()
    thread.join()
    return thread


def test_a_start_is_recorded_and_the_ledger_handed_on(watch: Make) -> None:
    """By the audit event or by the wrapper, as the interpreter has it."""
    watching = watch("threads")
    thread = run()
    (record,) = watching.ledger.of("threading.Thread.start")
    assert record.facts == ("worker",)
    assert record.ref is not None
    assert record.ref() is thread
    assert ledger.of_thread(thread) is watching.ledger


def test_the_interpreter_tells_from_3_12_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before that there is nothing to listen to."""
    monkeypatch.setattr(env, "PY312", True)
    assert set(threads.audited()) == {"_thread.start_new_thread", "_thread.start_joinable_thread"}
    monkeypatch.setattr(env, "PY312", False)
    assert threads.audited() == {}


def test_where_the_interpreter_does_not_tell_the_start_is_wrapped(book: Ledger, old: None) -> None:
    """And put back as it was."""
    plain = threading.Thread.start
    threads.install()
    threads.install()
    wrapped = threading.Thread.start
    thread = run()
    threads.remove()
    assert wrapped is not plain
    assert wrapped.__wrapped__ is plain  # type: ignore[attr-defined]
    assert threading.Thread.start is plain
    assert [record.ref and record.ref() for record in book.of("threading.Thread.start")] == [thread]


def test_where_the_interpreter_tells_nothing_is_wrapped(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Thread.start` stays the library's own."""
    monkeypatch.setattr(threads.env, "PY312", True)
    plain = threading.Thread.start
    threads.install()
    assert threading.Thread.start is plain
    threads.remove()


def test_a_wrapper_of_somebody_else_is_left_in_place(book: Ledger, old: None) -> None:
    """Taking ours out from beneath would take theirs with it."""
    plain = threading.Thread.start
    threads.install()
    ours = threading.Thread.start

    def theirs(self: threading.Thread) -> None:
        ours(self)

    threading.Thread.start = theirs  # type: ignore[method-assign]
    try:
        threads.remove()
        assert threading.Thread.start is theirs
    finally:
        threading.Thread.start = plain  # type: ignore[method-assign]


def test_an_error_in_the_wrapper_does_not_stop_the_start(
    book: Ledger, old: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's thread runs; the fault is noted."""

    def fail(*args: object) -> None:
        raise ValueError("note")

    monkeypatch.setattr(threads, "note", fail)
    threads.install()
    thread = run()
    threads.remove()
    assert not thread.is_alive()
    assert "ValueError: note" in faults.noted()["thread starts"]


def test_outside_a_scope_a_thread_is_handed_nobody(book: Ledger) -> None:
    """No record, and no ledger of an earlier start is left on it."""
    thread = threading.Thread()
    with ledger.at_work(None):
        threads.note(thread, sys._getframe())
    assert ledger.of_thread(thread) is None
    assert book.records == []


def _through_a_hook(args: tuple[object, ...]) -> None:
    """Stand where the audit hook and its handler stand."""

    def handler() -> None:
        threads.on_start(args)

    def hook() -> None:
        handler()

    hook()


def test_an_audited_thread_is_known_by_its_bound_method(book: Ledger) -> None:
    """The event carries `Thread._bootstrap`, bound to the thread."""
    thread = threading.Thread(name="audited")
    _through_a_hook((thread._bootstrap, (), None))  # type: ignore[attr-defined]
    (record,) = book.records
    assert (record.event, record.facts) == ("threading.Thread.start", ("audited",))
    assert ledger.of_thread(thread) is book


def test_an_audited_raw_start_is_counted(book: Ledger) -> None:
    """A bare function: its code is the only thing to know it by; a callable without code has its name."""
    _through_a_hook((run, (), None))
    _through_a_hook((threading.Lock().acquire, (), None))
    assert book.raw_starts == 2
    assert [record.facts for record in book.records] == [(run.__code__, "run"), (None, "lock.acquire")]


def test_outside_a_scope_a_raw_start_is_nobodys(book: Ledger) -> None:
    """The sensor is inert."""
    with ledger.at_work(None):
        _through_a_hook((run, (), None))
    assert (book.raw_starts, book.records) == (0, [])


def test_a_raw_threads_record_is_found_beside_later_ones(book: Ledger) -> None:
    """The thread itself may have started others by the time its ident is told."""
    frame = sys._getframe()
    for target in (test_a_raw_threads_record_is_found_beside_later_ones, run):
        threads.note_raw(target, frame)
    threads._number(-1, test_a_raw_threads_record_is_found_beside_later_ones)  # pyright: ignore[reportPrivateUsage]
    assert [len(record.facts) for record in book.of(threads.RAW)] == [2, 3]
    assert book.records[0].facts[2] == threads.serial_of(-1)
