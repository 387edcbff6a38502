"""The window: our own collections pass over what is old, and everybody else's do not."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from no_leaks.sensors import warnings_, window


@pytest.fixture
def alone() -> Iterator[None]:
    """No window, whatever runs around this test; that one is as it was afterwards."""
    outer = window._users, warnings_.asked
    window.unfreeze()
    window._users, warnings_.asked = 0, None
    yield
    window._users, warnings_.asked = outer
    window.shut()


@pytest.fixture
def shut(alone: None) -> Iterator[None]:
    """A window of this test's own."""
    window.install()
    yield
    window.remove()


class Node:
    """What can be part of a circle."""

    other: object = None


def frozen_circle() -> weakref.ref[Node]:
    """Make two nodes that hold each other, and let go of them when they are frozen."""
    left, right = Node(), Node()
    left.other, right.other = right, left
    gc.freeze()
    return weakref.ref(left)


def test_here_the_window_works() -> None:
    """On every interpreter that the tests run on."""
    assert window.reason() == ""


def test_our_own_collection_passes_over_what_is_frozen(shut: None) -> None:
    """That is what makes it cheap; wide open, it finds all."""
    old = frozen_circle()
    warnings_.collect()
    assert old() is not None
    with window.wide_open():
        warnings_.collect()
    assert (old(), window.is_shut()) == (None, True)


def test_what_is_open_already_stays_open(alone: None) -> None:
    """Who has opened it shuts it."""
    with window.wide_open():
        pass
    assert not window.is_shut()


def test_a_collection_that_is_asked_for_finds_all_and_shuts_again(shut: None) -> None:
    """The program's own `gc.collect()`, that is."""
    old = frozen_circle()
    gc.collect()
    assert (old(), window.is_shut()) == (None, True)


def test_a_question_for_objects_opens_until_the_next_test(shut: None) -> None:
    """All who ask in between see all."""
    window.audited()["gc.get_objects"](())
    assert not window.is_shut()
    window.shut()
    assert window.is_shut()


def test_all_is_collected_when_enough_time_has_passed(shut: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Garbage that was alive when it was frozen does not wait for the end of the run."""
    old = frozen_circle()
    monkeypatch.setattr(window, "_cost_s", 1e9)
    window.shut()
    assert old() is not None
    monkeypatch.setattr(window, "_cost_s", 0.0)
    window.shut()
    assert old() is None


def test_a_suite_that_only_waits_is_not_thawed(shut: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clock runs on, and its processor's time does not."""
    old = frozen_circle()
    monkeypatch.setattr(window, "_cost_s", 1e-9)
    monkeypatch.setattr(window, "_asked_s", -1e9)
    monkeypatch.setattr(window, "_thawed_s", 1e9)
    window.shut()
    assert old() is not None


def test_a_run_within_a_run_looks_through_the_same_window(shut: None) -> None:
    """It is the outer one's to open."""
    window.install()
    window.remove()
    assert window.is_shut()


def test_what_a_program_has_frozen_by_itself_stays_so(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then there is no window."""
    monkeypatch.setattr(gc, "get_freeze_count", lambda: window.BORN_FROZEN + 1)
    monkeypatch.setattr(gc, "freeze", lambda: pytest.fail("frozen"))
    window.install()
    window.shut()
    assert not window.is_shut()
    window.remove()


@pytest.mark.parametrize(
    ("module", "name", "value", "why"),
    [
        (gc, "freeze", None, "this interpreter cannot freeze objects"),
        (sys, "_is_gil_enabled", lambda: False, "free-threaded builds of Python freeze nothing"),
        (gc, "freeze", lambda: None, "gc.freeze() does not hide what it freezes"),
    ],
    ids=["none", "free-threaded", "without effect"],
)
def test_where_nothing_can_be_frozen_the_reason_is_known(
    alone: None, monkeypatch: pytest.MonkeyPatch, module: object, name: str, value: object, why: str
) -> None:
    """Found by trying, once."""
    with monkeypatch.context() as patched:
        patched.setattr(window, "_reason", None)
        if value is None:
            patched.delattr(module, name)
        else:
            patched.setattr(module, name, value, raising=False)
        assert window.reason() == why


def test_the_trial_leaves_frozen_what_the_program_has_frozen(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have done so before the run."""
    with monkeypatch.context() as patched:
        patched.setattr(window, "_reason", None)
        patched.setattr(gc, "get_freeze_count", lambda: window.BORN_FROZEN + 1)
        patched.setattr(gc, "unfreeze", lambda: pytest.fail("unfrozen"))
        assert window.reason() == ""
    gc.unfreeze()
