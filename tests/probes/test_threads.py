"""Threads: those that outlive the scope that started them, by name, by what they run and by where they wait."""

from __future__ import annotations

import _thread
import gc
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from support import ON_PURPOSE, Watch, allowance, another_ledger, here, site_of, wait_until

from no_leaks import judge
from no_leaks.model import Frame, Verdict
from no_leaks.probes import threads

Make = Callable[..., Watch]


class Waiting(threading.Thread):
    """A thread that waits until it is told to end."""

    def __init__(self, name: str = "waiting", daemon: bool = True) -> None:
        super().__init__(name=name, daemon=daemon)
        self.told = threading.Event()

    def run(self) -> None:
        self.told.wait()

    def end(self) -> None:
        self.told.set()
        self.join()


@contextmanager
def waiting(**options: object) -> Iterator[Waiting]:
    """Run a thread that waits, and end it."""
    thread = Waiting(**options)  # type: ignore[arg-type]
    thread.start()
    try:
        yield thread
    finally:
        thread.end()


def test_a_running_thread_is_seen_where_it_was_started(watch: Make) -> None:
    """Name, what it runs and the test's own line of the start."""
    stop = threading.Event()

    def work() -> None:
        stop.wait()

    watching = watch("threads")
    thread = threading.Thread(target=work, name="worker-1")
    line = here() + 1
    thread.start()
    sighting = watching.only()
    stop.set()
    thread.join()
    assert (sighting.resource.type, sighting.resource.id) == ("thread", "worker-1")
    assert "work (" in sighting.resource.detail
    assert "keeps the interpreter from exiting" in sighting.resource.detail
    assert site_of(sighting, __file__) == line


def test_a_thread_in_the_place_of_one_that_was_about_to_end_is_seen(watch: Make) -> None:
    """The next thread gets the ident, and often the address, of the last one that ended (3.13: 97 of 100 do)."""
    if not any(_seen_in_place(watch) for _ in range(10)):
        pytest.skip("no address was given a second time")


def _seen_in_place(watch: Make) -> bool:
    """Leave a thread where an older one was, as far as the interpreter plays along; it is seen. Return whether it did."""
    older = Waiting()
    older.start()
    watching = watch("threads")
    place = older.ident, id(older)
    older.end()
    del older
    tried = [Waiting("newer")]
    while id(tried[-1]) != place[1] and len(tried) < 1000:
        tried.append(Waiting("newer"))
    newer = tried[-1]
    newer.start()
    try:
        assert watching.only().resource.id == "newer"
        return (newer.ident, id(newer)) == place
    finally:
        newer.end()


def test_a_joined_thread_is_forgotten(watch: Make) -> None:
    """Started and joined leaves no difference."""
    watching = watch("threads")
    with waiting():
        pass
    assert watching.left() == ()


def test_an_allowed_thread_is_no_leak(watch: Make) -> None:
    """An allowance of the kind turns the verdict."""
    watching = watch("threads")
    with waiting():
        sighting = watching.only()
    assert judge.verdict(sighting, allowance("threads")) == (Verdict.ALLOWED, ON_PURPOSE)


def test_where_the_interpreter_refuses_the_kind_is_unavailable(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """No platform lacks threads; an interpreter that will not count them is named."""

    def refuse() -> int:
        raise NotImplementedError("no count here")

    watching = watch("threads")
    with monkeypatch.context() as patch:
        patch.setattr(_thread, "_count", refuse)
        assert watching.born() == []
    assert watching.session.panel.unavailable == {"threads": "switched off after no count here"}


def test_a_thread_of_another_ledger_is_not_this_scopes(watch: Make) -> None:
    """What a wider fixture started meanwhile is described to nobody here."""
    watching = watch("threads")
    with another_ledger():
        thread = Waiting()
        thread.start()
    assert len(watching.born()) == 1
    assert watching.left() == ()
    thread.end()


def test_a_thread_that_a_wider_scopes_thread_starts_is_the_wider_scopes(watch: Make) -> None:
    """Ownership is handed on from thread to thread."""
    watching = watch("threads")
    inner = Waiting("inner")
    with another_ledger():
        outer = threading.Thread(target=inner.start)
        outer.start()
        outer.join()
    assert watching.left() == ()
    inner.end()


def test_a_thread_that_ended_meanwhile_is_described_as_none(watch: Make) -> None:
    """Ended between the look and the description: nothing to say, to release or to hand out."""
    watching = watch("threads")
    with waiting():
        spot = watching.spot()
    panel = watching.session.panel
    assert panel.describe(*spot, watching.ledger) is None
    assert panel.release(*spot, watching.ledger) == ""
    assert panel.thing(*spot, watching.ledger) is None


def test_a_thread_on_its_last_steps_is_described_as_none(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may still be listed after its work is done."""
    watching = watch("threads")
    with waiting() as thread:
        monkeypatch.setattr(thread, "is_alive", lambda: False)
        assert watching.describe() is None
        monkeypatch.undo()


def test_a_plain_thread_is_left_running(watch: Make) -> None:
    """There is no safe way to end it from outside; it is handed out for the search of its holder."""
    watching = watch("threads")
    with waiting() as thread:
        assert watching.thing() is thread
        assert watching.release() == ""
        assert thread.is_alive()


def test_a_daemon_says_so(watch: Make) -> None:
    """A daemon does not keep the interpreter from exiting; pyleak's keyword leaves daemons out."""
    watching = watch("threads")
    with waiting(daemon=True):
        sighting = watching.only()
    assert (sighting.daemon, sighting.resource.detail) == (True, "daemon")


def test_a_waiting_thread_says_what_it_waits_for(watch: Make) -> None:
    """The innermost frame is the library's: it is waiting, and the line where tells for what."""
    watching = watch("threads")
    with waiting():
        wait_until(
            lambda: (watching.describe() or _nothing()).waits_for.startswith("Condition.wait" if _QUALIFIED else "wait")
        )
        sighting = watching.only()
    assert "(threading.py:" in sighting.waits_for
    assert any(frame.function.endswith("run") for frame in sighting.now)


_QUALIFIED = hasattr((lambda: 0).__code__, "co_qualname")


def _nothing() -> object:
    return type("Nothing", (), {"waits_for": ""})


@pytest.mark.parametrize(("file", "words"), [("lib/queue.py", "get (lib/queue.py:7)"), ("app/queues.py", "")])
def test_only_the_librarys_waiting_is_waiting(file: str, words: str) -> None:
    """A frame of the user's own is work."""
    assert threads._waits_for((Frame(file, 7, "get", False),)) == words


def test_a_timer_is_cancelled(watch: Make) -> None:
    """A timer knows how to stop: after reporting it is told to."""
    watching = watch("threads")
    timer = threading.Timer(3600, print)
    timer.start()
    sighting = watching.only()
    assert watching.release() == "cancelled"
    timer.join()
    assert sighting.resource.type == "timer thread"
    assert sighting.fix.startswith("timer.cancel()")


def test_an_executor_is_shut_down(watch: Make) -> None:
    """The executor behind a worker is what its user made, forgot and can end."""
    watching = watch("threads")
    executor = ThreadPoolExecutor(1)
    executor.submit(int).result()
    sighting = watching.only()
    assert sighting.resource.type == "executor thread"
    assert watching.thing() is executor
    assert watching.release() == "shut down"
    executor.shutdown()


def test_a_worker_belongs_to_whoever_made_its_executor(watch: Make) -> None:
    """A wider fixture's pool starts its workers when a test hands it work."""
    watching = watch("threads")
    with another_ledger():
        executor = ThreadPoolExecutor(1)
    executor.submit(int).result()
    left = watching.left()
    executor.shutdown()
    assert left == ()


def test_a_worker_of_an_executor_from_before_is_not_this_scopes(watch: Make) -> None:
    """A module's own pool is older than every scope, and is not shut down for the next test."""
    executor = ThreadPoolExecutor(1)
    watching = watch("threads")
    executor.submit(int).result()
    left = watching.left()
    executor.shutdown()
    assert left == ()


def test_a_worker_whose_executor_is_gone_has_none() -> None:
    """The worker holds its executor weakly, and ends soon after it."""
    executor = ThreadPoolExecutor(1)
    executor.submit(int).result()
    (worker,) = executor._threads
    assert threads.executor_of(worker) is executor
    executor.shutdown()
    del executor
    gc.collect()
    assert threads.executor_of(worker) is None


def test_a_thread_without_a_birth_is_described_without_a_site(watch: Make) -> None:
    """Its record may have been pruned."""
    watching = watch("threads")
    with waiting():
        watching.ledger.records.clear()
        sighting = watching.only()
    assert (sighting.stack, sighting.age_s) == ((), None)


def test_a_thread_that_is_not_running_yet_stands_nowhere() -> None:
    """Before its start a thread has no number."""
    assert threads._now(None) == ()
    assert threads._now(os.getpid()) == ()
