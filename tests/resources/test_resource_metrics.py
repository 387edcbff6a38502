"""Metrics: one consistent snapshot, by kind and in sum, with age and memory."""

from __future__ import annotations

import dataclasses

import pytest
from backends import Thing

from no_leaks.resources import ResourceManager, ResourceMetrics, kinds, memory


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return it."""
        return self.now


def test_each_kind_has_its_count() -> None:
    """And a kind of which nothing is open has 0."""
    manager = ResourceManager()
    things = [Thing(), Thing(), Thing()]
    for thing, kind in zip(things, ("files", "files", "connections"), strict=True):
        manager.register(thing, kind=kind)

    metrics = manager.metrics()

    assert (metrics.active_files, metrics.active_connections, metrics.active_tasks) == (2, 1, 0)
    assert metrics.active == {"connections": 1, "files": 2}
    assert metrics.total_active == 3
    manager.cleanup()
    assert manager.metrics().active == {}


def test_a_kind_of_the_programs_own_has_its_count() -> None:
    """Once it was registered by anybody it is known."""
    manager = ResourceManager()
    thing = Thing()
    manager.register(thing, kind="cursors_of_ours")

    assert manager.metrics().active_cursors_of_ours == 1
    assert ResourceManager().metrics().active_cursors_of_ours == 0
    assert "cursors_of_ours" in kinds.known()


@pytest.mark.parametrize("name", ["active_fiels", "active_", "files"])
def test_a_misspelt_kind_is_no_zero(name: str) -> None:
    """A dashboard that silently shows 0 sees nothing."""
    with pytest.raises(AttributeError, match="no kind"):
        getattr(ResourceManager().metrics(), name)


def test_peak_and_age_are_kept() -> None:
    """The most at once, and the age of the oldest by the manager's clock."""
    clock = Clock()
    manager = ResourceManager(clock=clock)
    things = [Thing(), Thing()]
    handles = [manager.register(thing, kind="files") for thing in things]
    clock.now += 7.5
    handles[1].close()

    metrics = manager.metrics()

    assert (metrics.peak, metrics.oldest_age_s, handles[0].age_s) == (2, 7.5, 7.5)
    handles[0].close()
    assert manager.metrics().oldest_age_s == 0.0


def test_memory_is_told_now_and_since_the_start() -> None:
    """Bytes of the resident set."""
    metrics = ResourceManager().metrics()

    assert metrics.memory_usage_bytes > 1_000_000
    assert abs(metrics.memory_growth_bytes) < metrics.memory_usage_bytes


def test_where_the_system_has_no_page_of_it_psutil_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS and Windows."""
    here = memory.used_bytes()
    monkeypatch.setattr(memory, "_STATM", "/nonexistent")

    assert memory.used_bytes() == pytest.approx(here, rel=0.5)


def test_a_snapshot_can_be_compared_and_does_not_change() -> None:
    """It is a value."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        ResourceMetrics().created = 1  # type: ignore[misc]
    assert ResourceMetrics() == ResourceMetrics()
