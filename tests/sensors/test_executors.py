"""Work in a pool's threads: it belongs to whoever submitted it, and its births show where that was."""

from __future__ import annotations

import gc
import os
import socket
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from support import Watch, another_ledger, here, site_of

from no_leaks import ledger
from no_leaks.sensors import executors

Make = Callable[..., Watch]


def test_what_a_wider_pool_opens_for_a_test_is_the_tests(watch: Make) -> None:
    """The pool is the session's, the work is the test's, and its line is shown behind the thread's own."""
    watching = watch("files", "threads")
    with another_ledger(), ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        with ledger.at_work(watching.ledger):
            future, line = pool.submit(open, os.devnull), here()
        with future.result():
            sighting = watching.only()
    assert site_of(sighting, __file__) == line


def test_what_a_tests_pool_opens_for_a_wider_scope_is_the_wider_scopes(watch: Make) -> None:
    """Whoever hands in the work answers for it."""
    watching = watch("sockets")
    with ThreadPoolExecutor(1) as pool:
        with another_ledger():
            future = pool.submit(socket.socket)
        with future.result():
            assert watching.left() == ()


def test_work_that_nobody_is_checked_for_runs_as_it_is(watch: Make) -> None:
    """Handed in outside of a scope, or under one that has ended: it works for whoever started the thread."""
    watching = watch("files")
    seen: list[ledger.Ledger | None] = []
    with ThreadPoolExecutor(1) as pool, ledger.at_work(None):
        pool.submit(lambda: seen.append(ledger.current())).result()
    assert seen == [None]
    assert watching.left() == ()


def test_work_of_an_ended_scope_is_not_its_own_any_more(watch: Make) -> None:
    """The scope has been judged."""
    watching = watch("files")
    ran: list[ledger.Ledger | None] = []
    item = _item(lambda: ran.append(ledger.current()))
    watching.ledger.ended = True
    with ledger.at_work(None):
        item.run()
    assert ran == [None]


def _item(work: Callable[[], object]) -> Any:
    from concurrent.futures import Future
    from concurrent.futures.thread import _WorkItem

    return _WorkItem(Future(), work, (), {})  # type: ignore[arg-type, call-arg, unused-ignore]


@pytest.mark.parametrize("item", [None, SimpleNamespace(__init__=lambda self: None, run=lambda self, context: None)])
def test_a_pool_that_looks_otherwise_is_left_alone(item: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.14 hands a context of its own to its work."""
    put: list[object] = []
    monkeypatch.setattr(executors.importlib, "import_module", lambda name: SimpleNamespace(_WorkItem=item))
    monkeypatch.setattr(executors._patches, "put", lambda *args: put.append(args))
    executors.install()
    assert put == []


def test_a_pool_that_nobody_is_checked_for_leaves_no_record(watch: Make) -> None:
    """Made outside of every scope, it is older than all."""
    watching = watch("threads")
    with ledger.at_work(None), ThreadPoolExecutor(1):
        pass
    assert list(watching.ledger.of(executors.EVENT)) == []


def test_a_future_that_failed_is_gone_with_its_last_reference(watch: Make) -> None:
    """Our part in the call of a pool's work ties no circle: the interpreter's own code takes care not to."""
    watch("threads")
    was_on = gc.isenabled()
    gc.disable()
    try:
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(lambda: 1 / 0)
            assert isinstance(future.exception(), ZeroDivisionError)
        gone = weakref.ref(future)
        del future
        assert gone() is None
    finally:
        if was_on:
            gc.enable()
