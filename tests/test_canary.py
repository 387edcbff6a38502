"""The canary: each planted leak is seen and forgotten, and a blind detector is named."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from support import Watch, another_ledger

from no_leaks import canary, faults, ledger
from no_leaks.canary import PLANTS, Result
from no_leaks.ledger import Ledger
from no_leaks.model import Ident, Kind, Snapshot
from no_leaks.probes.panel import EMPTY
from no_leaks.probes.temp import TempProbe

Make = Callable[..., Watch]
CORE = ("files", "sockets", "pipes", "fds", "processes", "threads", "temp", "unclosed", "state")


@pytest.mark.parametrize("kind", CORE)
def test_each_planted_leak_is_seen_and_forgotten(watch: Make, kind: Kind) -> None:
    """A detector that cannot do this would call every test clean."""
    watching = watch(kind)
    results = canary.check(watching.session.panel, (kind,))
    assert {name: result.ok for name, result in results.items()} == {kind: True}
    assert results[kind].detail


def test_an_earlier_duplicate_of_the_null_device_hides_no_planted_file(watch: Make) -> None:
    """It had the same number, device and inode, and was another scope's."""
    watching = watch("files")
    null = os.open(os.devnull, os.O_RDONLY)
    with another_ledger():
        os.close(os.dup(null))
    (result,) = canary.check(watching.session.panel, ("files",)).values()
    os.close(null)
    assert result.ok


def test_a_coroutine_and_a_task_are_planted_for_tasks(watch: Make) -> None:
    """Two ways to leak on a loop, two plants."""
    import asyncio  # noqa: F401 - what has not been imported is not planted

    watching = watch("tasks")
    (result,) = canary.check(watching.session.panel, ("tasks",)).values()
    assert result == Result(True, True, "a coroutine that is never awaited, a pending asyncio task")


def test_asyncio_is_not_imported_for_the_canarys_sake(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody has imported cannot leak a task."""
    watching = watch("tasks")
    monkeypatch.delitem(sys.modules, "asyncio", raising=False)
    (result,) = canary.check(watching.session.panel, ("tasks",)).values()
    assert result.detail == "a coroutine that is never awaited"


def test_kinds_that_are_not_asked_for_or_unavailable_are_left_out(watch: Make) -> None:
    """Nothing is planted that nobody could see."""
    watching = watch("temp")
    panel = watching.session.panel
    panel.unavailable["temp"] = "for this test"
    assert canary.check(panel, ("temp", "blocking")) == {}


def test_the_canary_leaves_nothing_behind(watch: Make) -> None:
    """It would be the first leak otherwise."""
    watching = watch(*CORE)
    canary.check(watching.session.panel, CORE)
    assert watching.left() == ()
    assert all(book.owner.scope != "canary" for book in ledger.all_ledgers())


def test_a_blind_detector_is_not_ok(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks and sees nothing: that is what the canary is for."""

    def blind(self: TempProbe, book: Ledger) -> Snapshot:
        return EMPTY

    watching = watch("temp")
    monkeypatch.setattr(TempProbe, "take", blind)
    assert canary.check(watching.session.panel, ("temp",))["temp"] == Result(False, True, "a temporary folder")


def test_a_detector_that_never_forgets_is_not_ok(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would blame every test for the last one's things."""
    real = TempProbe.describe
    kept = []

    def stubborn(self: TempProbe, ident: Ident, book: Ledger) -> object:
        kept.append(real(self, ident, book))
        return kept[0]

    watching = watch("temp")
    monkeypatch.setattr(TempProbe, "describe", stubborn)
    monkeypatch.setattr(TempProbe, "take", _Remembering(TempProbe.take))
    assert canary.check(watching.session.panel, ("temp",))["temp"] == Result(True, False, "a temporary folder")


class _Remembering:
    """A look that keeps what it has seen."""

    def __init__(self, take: Callable[..., Snapshot]) -> None:
        self.take = take
        self.seen: Snapshot = EMPTY

    def __call__(self, book: Ledger) -> Snapshot:
        self.seen |= self.take(TempProbe(), book)
        return self.seen


def test_what_cannot_be_planted_is_not_ok_and_a_fault(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, say: detection may work, but nobody has seen it work."""

    @contextmanager
    def broken() -> Iterator[str]:
        raise OSError("disk full")
        yield

    watching = watch("temp")
    monkeypatch.setitem(PLANTS, "temp", (broken,))
    result = canary.check(watching.session.panel, ("temp",))["temp"]
    assert (result.ok, result.detail) == (False, "could not be planted: disk full")
    assert faults.has("canary temp")


def test_the_canary_is_not_this_tests_ledgers(watch: Make) -> None:
    """Its births and losses stand in a ledger of its own, which is thrown away."""
    watching = watch("unclosed", "files")
    canary.check(watching.session.panel, ("unclosed", "files"))
    assert watching.ledger.losses == []
    assert "NO_LEAKS_CANARY" not in os.environ
