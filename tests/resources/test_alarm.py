"""The deadline of plain code: it breaks off what blocks in the main thread, and keeps out of the way elsewhere."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest
from backends import Thing

from no_leaks.errors import DeadlineExceeded
from no_leaks.resources import ResourceManager, alarm


@pytest.fixture(autouse=True)
def free_alarm() -> Iterator[None]:
    """Hold back the alarm of whoever runs these tests (pytest-timeout)."""
    before = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    rest = signal.setitimer(signal.ITIMER_REAL, 0)
    yield
    signal.signal(signal.SIGALRM, before)
    signal.setitimer(signal.ITIMER_REAL, *rest)


def block() -> None:
    """Wait for what never comes."""
    threading.Event().wait()


def test_what_blocks_is_broken_off() -> None:
    """And the alarm is free again."""
    with pytest.raises(DeadlineExceeded, match="waiting: took longer than 0.01 s"), alarm.limited(0.01, "waiting"):
        block()

    assert alarm.is_free()


def test_without_a_limit_nothing_is_set() -> None:
    """Nor is anything put back."""
    with alarm.limited(None, "waiting"):
        assert alarm.is_free()


def test_another_thread_has_no_alarm() -> None:
    """Signals are heard by the main thread only."""
    free: list[bool] = []
    thread = threading.Thread(target=lambda: free.append(alarm.is_free()))
    thread.start()
    thread.join()

    assert free == [False]


def test_somebody_elses_alarm_is_left_alone() -> None:
    """A handler that is set, or a timer that runs."""

    def other(*_: object) -> None: ...

    signal.signal(signal.SIGALRM, other)

    with alarm.limited(3600, "waiting"):
        assert signal.getsignal(signal.SIGALRM) is other


def test_a_system_without_timers_has_no_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows."""
    monkeypatch.delattr(signal, "setitimer")

    assert not alarm.is_free()


def test_a_cleanup_that_blocks_is_broken_off_and_the_rest_stays_open() -> None:
    """What no time was left for is said, and still tracked."""
    manager = ResourceManager()
    first, stuck = Thing(), Thing()
    manager.register(first, kind="files", name="first")
    manager.register(stuck, kind="files", name="stuck", cleanup=block)

    with pytest.raises(Exception, match="cleaning up all resources") as caught:
        manager.cleanup(deadline_s=0.01)

    texts = [str(error) for error in caught.value.exceptions]  # type: ignore[attr-defined]
    assert texts[0].startswith("closing stuck (files): took longer than")
    assert texts[1].startswith("no time was left for closing first (files)")
    assert [handle.name for handle in manager.active()] == ["first"]
    assert manager.cleanup()[0].name == "first"
