"""Raw threads: started by the bare `_thread` module, known by their frames or by being counted only."""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support import Watch, another_ledger, here, site_of, wait_until

from no_leaks.env import PY312
from no_leaks.ledger import Ledger, Record, at_work
from no_leaks.model import Owner
from no_leaks.probes import threads
from no_leaks.probes.threads import ThreadProbe

Make = Callable[..., Watch]


@contextmanager
def raw_thread(work: Callable[[], object], end: Callable[[], object]) -> Iterator[int]:
    """Run a raw thread, see it begin, give the line of its start, and see it end."""
    before = _thread._count()
    line = here() + 1
    _thread.start_new_thread(work, ())
    wait_until(lambda: _thread._count() > before)
    try:
        yield line
    finally:
        end()
        wait_until(lambda: _thread._count() <= before)


def test_a_raw_thread_is_seen_by_its_frame(watch: Make) -> None:
    """`_thread.start_new_thread` leaves no object: its frames tell what it runs."""
    lock = threading.Lock()
    lock.acquire()

    def work() -> None:
        lock.acquire()

    watching = watch("threads")
    with raw_thread(work, lock.release) as line:
        wait_until(lambda: any(ident[1][0] > 0 for ident in watching.born()))  # type: ignore[operator]
        sighting = watching.only()
    assert sighting.resource.type == "raw thread"
    assert sighting.resource.detail.endswith("work")
    assert site_of(sighting, __file__) == line


def test_a_raw_thread_inside_c_code_is_seen_by_the_count(watch: Make) -> None:
    """It has no frame at all: only the interpreter's count tells."""
    lock = threading.Lock()
    lock.acquire()
    watching = watch("threads")
    with raw_thread(lock.acquire, lock.release) as line:
        sighting = watching.only()
    assert sighting.resource.detail.endswith("inside C code")
    assert site_of(sighting, __file__) == line


def test_a_raw_thread_of_another_ledger_is_not_this_scopes(watch: Make) -> None:
    """Where its start was seen, its owner is known."""
    lock = threading.Lock()
    lock.acquire()

    def work() -> None:
        lock.acquire()

    watching = watch("threads")
    with another_ledger():
        started = raw_thread(work, lock.release)
        started.__enter__()
    left = watching.left()
    started.__exit__(None, None, None)
    assert left == ()


def test_a_raw_thread_in_the_place_of_one_that_was_about_to_end_is_seen(watch: Make) -> None:
    """The next thread gets the ident of the last one that ended."""
    if not any(_seen_in_place(watch) for _ in range(50)):
        pytest.skip("no address was given a second time")


def _seen_in_place(watch: Make) -> bool:
    """Leave a raw thread where an older one was, as far as the system plays along; it is seen. Return whether it did."""
    first, second = hanging(), hanging()
    with first as older:
        watching = watch("threads")
    with second as newer:
        found = [one.sighting.resource.id for one in watching.left()]
        assert found == [f"ident {newer}"]
        return newer == older


@contextmanager
def hanging() -> Iterator[int]:
    """Run a raw thread that waits, and give its ident."""
    lock, before = threading.Lock(), _thread._count()
    lock.acquire()
    ident = _thread.start_new_thread(lambda: bool(lock.acquire()), ())
    wait_until(lambda: ident in sys._current_frames())
    try:
        yield ident
    finally:
        lock.release()
        wait_until(lambda: _thread._count() <= before)


def test_a_raw_thread_is_told_from_another_ledgers_of_the_same_code(watch: Make) -> None:
    """A server starts them all with the same function: the test answers for its own."""
    watching = watch("threads")
    with another_ledger():
        theirs = hanging()
        theirs.__enter__()
    with hanging() as own:
        found = [one.sighting.resource.id for one in watching.left()]
    theirs.__exit__(None, None, None)
    assert found == [f"ident {own}"]


def test_a_raw_thread_that_is_started_past_us_is_known_by_its_code(watch: Make) -> None:
    """Who imported the function by name before we came: it has no number."""
    lock = threading.Lock()
    lock.acquire()
    watching = watch("threads")
    unseen: Any = _thread.start_new_thread.__wrapped__  # type: ignore[attr-defined]
    before = _thread._count()
    ident = unseen(lambda: bool(lock.acquire()), ())
    wait_until(lambda: ident in sys._current_frames())
    found = [one.sighting.resource.id for one in watching.left()]
    lock.release()
    wait_until(lambda: _thread._count() <= before)
    assert found == [f"ident {ident}"]


def test_a_counted_thread_of_another_ledger_is_not_this_scopes(watch: Make) -> None:
    """No start under this ledger: from 3.12 on it was somebody else's; before that nobody can say."""
    lock = threading.Lock()
    lock.acquire()
    watching = watch("threads")
    with another_ledger():
        started = raw_thread(lock.acquire, lock.release)
        started.__enter__()
    left = watching.left()
    started.__exit__(None, None, None)
    assert left == () if PY312 else len(left) == 1


@pytest.mark.parametrize("told", [True, False], ids=["3.12", "3.10"])
def test_a_raw_thread_that_nobody_started_here(watch: Make, monkeypatch: pytest.MonkeyPatch, told: bool) -> None:
    """Where the interpreter tells of starts it is not this scope's; before that it is shown where it is defined."""
    lock = threading.Lock()
    lock.acquire()

    def work() -> None:
        lock.acquire()

    watching = watch("threads")
    with at_work(None):
        started = raw_thread(work, lock.release)
        started.__enter__()
    wait_until(lambda: any(ident[1][0] > 0 for ident in watching.born()))  # type: ignore[operator]
    monkeypatch.setattr(threads.env, "PY312", told)
    sighting = watching.describe()
    monkeypatch.undo()
    started.__exit__(None, None, None)
    assert sighting is None if told else site_of(sighting, __file__) == work.__code__.co_firstlineno


def test_a_raw_thread_is_known_by_its_code_in_another_ledger(watch: Make) -> None:
    """Each ledger is asked, this scope's first."""
    lock = threading.Lock()
    lock.acquire()

    def work() -> None:
        lock.acquire()

    watching = watch("threads")
    with another_ledger() as other, raw_thread(work, lock.release):
        other.records.append(Record("_thread.start_new_thread", (work.__code__, "work"), ()))
        wait_until(lambda: any(ident[1][0] > 0 for ident in watching.born()))  # type: ignore[operator]
        assert watching.describe() is None


@pytest.mark.parametrize("told", [True, False], ids=["3.12", "3.10"])
def test_a_counted_thread_that_nobody_started_here(watch: Make, monkeypatch: pytest.MonkeyPatch, told: bool) -> None:
    """Without a frame there is not even a definition to show."""
    lock = threading.Lock()
    lock.acquire()
    watching = watch("threads")
    with at_work(None):
        started = raw_thread(lock.acquire, lock.release)
        started.__enter__()
    monkeypatch.setattr(threads.env, "PY312", told)
    sighting = watching.describe()
    monkeypatch.undo()
    started.__exit__(None, None, None)
    assert (sighting is None) is told


def test_a_raw_thread_in_a_deep_call_is_known_by_its_outermost_frame(watch: Make) -> None:
    """The function that it was started with is what its user knows."""
    lock = threading.Lock()
    lock.acquire()

    def work() -> None:
        inner()

    def inner() -> None:
        lock.acquire()

    watching = watch("threads")
    with raw_thread(work, lock.release):
        wait_until(lambda: "inner" in {frame.f_code.co_name for frame in sys._current_frames().values()})
        sighting = watching.only()
    assert sighting.resource.detail.endswith("work")
    assert sighting.now[0].function.endswith("inner")


def test_a_scope_that_started_a_raw_thread_gives_it_the_time_to_begin(
    watch: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts itself only once it runs."""
    slept: list[float] = []
    watching = watch("threads")
    watching.ledger.raw_starts = 1
    monkeypatch.setattr(threads.time, "sleep", slept.append)
    watching.born()
    assert slept == [threads._BEGIN_S]


def test_a_raw_thread_that_is_gone_is_described_as_none() -> None:
    """Its number belongs to nobody by now, or to the main thread."""
    probe, book = ThreadProbe(), Ledger(Owner("function"))
    assert probe.describe((1, 0), book) is None
    assert probe.describe((threading.get_ident(), 0), book) is None
    assert probe.thing((1, 0), book) is None


def test_a_raw_thread_that_asks_who_it_is_stays_a_raw_thread(watch: Make) -> None:
    """`threading.current_thread()`, which logging calls, gives it a dummy: that excuses foreign threads, not this one."""
    lock = threading.Lock()
    lock.acquire()
    asked = threading.Event()

    def work() -> None:
        threading.current_thread()
        asked.set()
        lock.acquire()

    watching = watch("threads")
    with raw_thread(work, lock.release):
        asked.wait()
        sighting = watching.only()
    assert sighting.resource.type == "raw thread"
