"""All sensors as one: put in place and taken back together, each guarded for itself."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from support import alone

from no_leaks import faults
from no_leaks.ledger import Ledger
from no_leaks.model import Owner
from no_leaks.sensors import audit, panel
from no_leaks.sensors.panel import Sensors


class Extra:
    """A sensor that one kind needs."""

    __name__ = "no_leaks.sensors.extra"

    def __init__(self) -> None:
        self.did: list[object] = []

    def install(self) -> None:
        self.did.append("install")

    def remove(self) -> None:
        self.did.append("remove")

    def on_import(self, name: str) -> None:
        self.did.append(name)

    def spin_loops(self, book: Ledger) -> None:
        self.did.append(book)


@pytest.fixture(autouse=True)
def _alone(clean_faults: None) -> Iterator[None]:
    """No session listens around these tests."""
    with alone():
        yield


@pytest.fixture
def extra(monkeypatch: pytest.MonkeyPatch) -> Extra:
    """A sensor that stands for the kind "extra"."""
    sensor = Extra()
    _register(monkeypatch, "extra", sensor)
    return sensor


def _register(monkeypatch: pytest.MonkeyPatch, kind: str, sensor: object) -> None:
    monkeypatch.setitem(sys.modules, f"no_leaks.sensors.{kind}", sensor)
    monkeypatch.setattr(panel, "BY_KIND", {kind: kind})


def _state() -> tuple[object, ...]:
    unawaited = warnings._warn_unawaited_coroutine  # type: ignore[attr-defined]
    return threading.Thread.start, unawaited, dict(audit._active), sys.get_coroutine_origin_tracking_depth()


def test_installing_and_removing_is_idempotent_and_leaves_no_trace() -> None:
    """What was patched is as it was."""
    before = _state()
    sensors = Sensors(("files", "threads"))
    sensors.install()
    sensors.install()
    assert _state() != before
    sensors.remove()
    sensors.remove()
    assert _state() == before


def test_a_sensor_of_one_kind_is_made_for_that_kind_only(extra: Extra) -> None:
    """Who does not check it does not pay for it."""
    Sensors(("files",)).install()
    assert extra.did == []
    sensors = Sensors(("extra",))
    sensors.install()
    sensors.remove()
    assert extra.did == ["install", "remove"]


def test_a_sensor_is_told_of_imports(extra: Extra) -> None:
    """A library that is imported later is patched then."""
    sensors = Sensors(("extra",))
    sensors.install()
    sys.audit("import", "some.library", None, None, None, None)
    sensors._on_import(("another.library",))
    sensors.remove()
    assert "some.library" in extra.did
    assert "another.library" in extra.did


def test_a_sensor_without_interest_in_imports_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event is not even listened to."""
    quiet = SimpleNamespace(__name__="quiet", install=lambda: None, remove=lambda: None)
    _register(monkeypatch, "quiet", quiet)
    sensors = Sensors(("quiet",))
    sensors.install()
    assert "import" not in audit._active
    sensors._on_import(("x",))
    sensors.spin(Ledger(Owner("function")))
    sensors.remove()


def test_idle_loops_are_spun_once_asyncio_is_there(extra: Extra, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody imports asyncio for that."""
    book = Ledger(Owner("function"))
    sensors = Sensors(("extra",))
    monkeypatch.delitem(sys.modules, "asyncio", raising=False)
    sensors.spin(book)
    assert extra.did == []
    monkeypatch.setitem(sys.modules, "asyncio", SimpleNamespace())
    sensors.spin(book)
    assert extra.did == [book]


@pytest.mark.parametrize("verb", ["install", "remove", "spin_loops"])
def test_a_sensor_that_raises_is_a_fault_and_stops_no_other(
    extra: Extra, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """The rest is installed, spun and removed all the same."""

    def fail(*args: object) -> None:
        raise ValueError(verb)

    monkeypatch.setattr(extra, verb, fail)
    monkeypatch.setitem(sys.modules, "asyncio", SimpleNamespace())
    before = _state()
    sensors = Sensors(("extra",))
    sensors.install()
    sensors.spin(Ledger(Owner("function")))
    sensors.remove()
    assert _state() == before
    assert list(faults.noted()) == ["sensor extra"]
