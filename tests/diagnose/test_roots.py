"""Roots: what needs no holder of its own, and what is no holder worth naming."""

from __future__ import annotations

import asyncio
import sys
import threading
import weakref
from unittest.mock import Mock

import pytest

from no_leaks.diagnose import roots
from no_leaks.diagnose.roots import Roots


def test_a_module_is_its_namespace() -> None:
    """The user's modules come first, Python's own last."""
    assert Roots().name(vars(sys.modules[__name__])) == (roots.MODULE, f"module {__name__}")
    assert Roots().name(vars(threading)) == (roots.STDLIB, "module threading")


def test_an_odd_thing_among_the_modules_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some packages put an object in the place of their module."""
    monkeypatch.setitem(sys.modules, "odd_module_of_test", object())
    assert Roots().name({}) is None


def test_a_thread_that_has_ended_is_no_root() -> None:
    """Only a thread that runs is reached by itself."""
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    assert Roots().name(thread) is None


def test_a_mock_of_a_thread_is_no_thread() -> None:
    """A mock names any class as its own."""
    assert Roots().name(Mock(spec=threading.Thread)) is None


def test_a_closed_loop_is_no_root() -> None:
    """A loop that is closed runs nothing any more."""
    loop = asyncio.new_event_loop()
    loop.close()
    assert Roots().name(loop) is None


def test_a_stand_in_for_a_loop_is_no_root() -> None:
    """It need not implement more than its test uses."""
    assert Roots().name(asyncio.AbstractEventLoop()) is None  # type: ignore[abstract]  # it can be made all the same


def test_a_finished_task_is_no_root() -> None:
    """What a task has kept after its end, somebody else keeps."""

    async def main() -> object:
        task = asyncio.ensure_future(asyncio.sleep(0))
        await task
        return Roots().name(task)

    assert asyncio.run(main()) is None


def test_without_asyncio_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A project without event loops never imports them for a report."""
    monkeypatch.delitem(sys.modules, "asyncio")
    assert Roots().name([]) is None


@pytest.mark.parametrize("thing", [sys.modules, weakref.ref(Roots), Roots(), vars(sys.modules["no_leaks.model"])])
def test_what_is_hidden(thing: object) -> None:
    """The table of all modules, weak references, and what is ours."""
    assert Roots().is_hidden(thing)


def test_the_runners_objects_are_hidden(request: pytest.FixtureRequest) -> None:
    """pytest holds fixtures' values for as long as it needs them."""
    assert Roots().is_hidden(request)


def test_the_users_objects_are_not_hidden() -> None:
    """Nor is a plain list, whoever owns it."""
    assert not Roots().is_hidden([])
