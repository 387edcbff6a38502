"""Scopes: look, compare, wait for what may end by itself, and say what was left."""

from __future__ import annotations

import _thread
import asyncio
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Watch, another_ledger, here, site_of

from no_leaks import ledger
from no_leaks import scope as scopes
from no_leaks.model import Resource, Sighting
from no_leaks.settle import ATTEMPTS

Make = Callable[..., Watch]


class Keeper:
    """An object that keeps itself alive, and a resource with it."""

    def __init__(self, thing: object) -> None:
        self.me = self
        self.thing = thing


@pytest.fixture
def nobody_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if there were no other thread in the process."""
    monkeypatch.setattr(_thread, "_count", lambda: 0)
    monkeypatch.setattr(threading, "active_count", lambda: 1)


def test_a_scope_that_left_nothing_is_clean_at_the_first_look(watch: Make) -> None:
    """No settling, no collection, no evidence."""
    watching = watch("files", "threads", "temp")
    assert watching.scope.is_clean()
    assert watching.scope.left == ()


def test_a_thread_that_ends_at_the_fifth_look_is_no_leak(watch: Make) -> None:
    """What ends by itself within the grace is not left behind."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)

    def pause(seconds: float) -> None:
        if len(watching.pauses) == 5:
            stop.set()
            thread.join()

    watching = watch("threads", sleep=pause)
    thread.start()
    assert watching.left() == ()
    assert len(watching.pauses) == 5


def test_a_grace_of_zero_still_looks_often(watch: Make) -> None:
    """Attempts bound it first: a loaded machine gives no false alarm."""
    stop = threading.Event()
    watching = watch("threads", grace_s=0.0)
    thread = threading.Thread(target=stop.wait)
    thread.start()
    (found,) = watching.left()
    stop.set()
    thread.join()
    assert watching.pauses == [0.0] * ATTEMPTS
    assert (found.evidence.attempts, found.evidence.waited_s) == (ATTEMPTS + 1, 0.0)


def test_a_grace_is_spread_over_the_looks(watch: Make) -> None:
    """All of it is waited for a thread that does not end."""
    stop = threading.Event()
    watching = watch("threads", grace_s=2.0)
    thread = threading.Thread(target=stop.wait)
    thread.start()
    (found,) = watching.left()
    stop.set()
    thread.join()
    assert found.evidence.waited_s == pytest.approx(2.0)
    assert len(watching.pauses) > ATTEMPTS


def test_where_nobody_is_at_work_nothing_is_waited_for(watch: Make, nobody_at_work: None) -> None:
    """Who should close the file? One collection later it is certain."""
    watching = watch("files", grace_s=1000.0)
    with open(os.devnull):
        (found,) = watching.left()
    assert found.evidence.attempts == scopes.QUICK_LOOKS
    assert sum(watching.pauses) < 0.001


def test_where_a_thread_is_at_work_a_file_may_still_be_closed(watch: Make) -> None:
    """The thread that has it is given the grace."""
    stop = threading.Event()
    file = open(os.devnull)

    def work() -> None:
        stop.wait()
        file.close()

    thread = threading.Thread(target=work)

    def pause(seconds: float) -> None:
        if len(watching.pauses) == 10:
            stop.set()
            thread.join()

    watching = watch("files", sleep=pause)
    again = open(os.devnull)
    file.close()
    file = again
    thread.start()
    assert watching.left() == ()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("make", [lambda: open(os.devnull), socket.socket], ids=["file", "socket"])
def test_a_thing_in_a_reference_cycle_is_proven_by_the_collection(watch: Make, make: Callable[[], Any]) -> None:
    """The collector closes it: nothing could reach it, and no repetition has to prove it."""
    watching = watch("files", "sockets", "unclosed")
    line = here() + 1
    Keeper(make())
    (found,) = watching.left()
    assert found.sighting.proof == "nothing could reach it any more: the garbage collector closed it"
    assert found.sighting.kind in ("files", "sockets")
    assert found.spot is None
    assert site_of(found.sighting, __file__) in (line, _line_of(make))


def _line_of(make: Callable[[], Any]) -> int:
    code = getattr(make, "__code__", None)
    return code.co_firstlineno if code is not None else 0


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_the_collector_closes_is_one_leak_and_not_two(watch: Make) -> None:
    """The warning and the vanished descriptor speak of one file."""
    watching = watch("files", "unclosed")
    Keeper(open(os.devnull))
    assert len(watching.left()) == 1


def test_what_python_closes_without_a_word_is_no_leak(watch: Make) -> None:
    """A selector in a cycle is closed by the collector and nobody is warned."""
    import selectors

    watching = watch("fds")
    Keeper(selectors.DefaultSelector())
    assert watching.left() == ()


def test_a_proven_loss_needs_no_waiting(watch: Make) -> None:
    """It cannot end by itself any more."""
    watching = watch("tasks_of_nobody", "unclosed", grace_s=1000.0)
    watching.ledger.losses.append(
        Sighting(
            "unclosed", Resource("file", "fd 99"), "a file was dropped", "close it", proof="closed by its finalizer"
        )
    )
    (found,) = watching.left()
    assert (found.spot, watching.pauses) == (None, [])


def test_only_wanted_kinds_are_left(watch: Make) -> None:
    """The table sees every handle; the settings say which count."""
    watching = watch("pipes")
    with open(os.devnull):
        assert not watching.scope.is_clean()
        assert watching.left() == ()


def test_what_is_gone_is_foreign(watch: Make) -> None:
    """It was closed by a scope that did not open it."""
    file = open(os.devnull)
    watching = watch("files")
    number = file.fileno()
    file.close()
    assert watching.left() == ()
    assert [(name, ident[0]) for name, ident in watching.scope.foreign] == [("descriptors", number)]


def test_what_a_wider_scope_made_meanwhile_is_adopted(watch: Make) -> None:
    """A session fixture that is set up for this test: its things are the session's."""
    watching = watch("files")
    with open(os.devnull):
        name, ident = watching.spot()
        watching.scope.adopt({name: frozenset({ident})})
        assert watching.scope.is_clean()


def test_a_scope_that_is_handed_a_look_takes_it_and_others_look_themselves(watch: Make) -> None:
    """The state after one test is the state before the next: it is not looked at twice."""
    first = watch("files")
    with open(os.devnull):
        spot = first.spot()
        second = first.session.open(first.scope.owner, first.settings)
        second.end()
        carried = scopes.Scope(
            first.session.panel, first.settings, first.scope.owner, lambda book: None, first.scope.before
        )
        carried.open()
        assert spot[1] in second.before[spot[0]]
        assert spot[1] not in carried.before[spot[0]]
        carried.end()


def test_the_ledger_before_comes_back_at_the_end(watch: Make) -> None:
    """A scope inside a scope hands the work back."""
    watching = watch("files")
    inner = watching.session.open(watching.scope.owner, watching.settings)
    assert ledger.current() is inner.ledger
    inner.end()
    assert ledger.current() is watching.ledger


def test_an_end_out_of_order_takes_nothing_from_others(watch: Make) -> None:
    """Somebody else is at work by then."""
    watching = watch("files")
    with another_ledger() as other:
        watching.scope.end()
        assert ledger.current() is other


def test_each_wait_lets_idle_loops_take_a_step(watch: Make) -> None:
    """What is about to finish on a loop needs somebody to run it."""
    watching = watch("threads")
    spun: list[ledger.Ledger] = []
    watching.scope.spin = spun.append
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    watching.left()
    stop.set()
    thread.join()
    assert spun == [watching.ledger] * ATTEMPTS


def test_a_temporary_path_is_removed_within_the_grace(
    watch: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A suspect that is gone at a later look is no suspect any more."""
    import tempfile

    from no_leaks import rules

    monkeypatch.setattr(rules, "PATHS", ())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def pause(seconds: float) -> None:
        path.unlink(missing_ok=True)

    watching = watch("temp", sleep=pause)
    path = tmp_path / "x"
    path.touch()
    assert watching.left() == ()
    assert len(watching.pauses) == 1


def test_what_a_rule_excuses_is_not_waited_for(watch: Make) -> None:
    """The loop that pytest-asyncio keeps ready is there after each test, and would take the whole grace each time."""
    names: dict[str, Any] = {}
    source = "def _provide_clean_event_loop(make): return make()"
    exec(compile(source, "/site-packages/pytest_asyncio/plugin.py", "exec"), names)
    watching = watch("tasks", "fds", "sockets", grace_s=0.5)
    loop = names["_provide_clean_event_loop"](asyncio.DefaultEventLoopPolicy().new_event_loop)
    left = watching.left()
    loop.close()
    assert (left, watching.pauses) == ((), [])
