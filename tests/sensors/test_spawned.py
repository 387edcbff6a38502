"""Children that no audit event tells of: the call is wrapped, noted for the scope at work, and taken back."""

from __future__ import annotations

import _posixsubprocess
import multiprocessing.util
import os
import sys
from collections.abc import Callable

import pytest
from support import Watch

from no_leaks import faults, ledger
from no_leaks.sensors import spawned

Make = Callable[..., Watch]


def spawn() -> int:
    """Start a child as multiprocessing does, and reap it."""
    pid: int = multiprocessing.util.spawnv_passfds(  # type: ignore[attr-defined] # the stub lacks it
        os.fsencode(sys.executable), [b"python", b"-c", b""], []
    )
    os.waitpid(pid, 0)
    return pid


def test_a_spawned_child_is_on_record(watch: Make) -> None:
    """By its pid, for the scope at work."""
    watching = watch("processes")
    pid = spawn()
    assert [record.facts for record in watching.ledger.of(spawned.EVENT)] == [(pid,)]


def test_nobody_at_work_writes_no_record(watch: Make) -> None:
    """Without a ledger the wrapper is the function itself, and nothing more."""
    watching = watch("processes")
    with ledger.at_work(None):
        assert spawn() > 0
    assert list(watching.ledger.of(spawned.EVENT)) == []


def test_a_fault_of_ours_does_not_reach_the_caller(
    watch: Make, clean_faults: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child is started, and the fault is noted once."""
    watch("processes")
    monkeypatch.setattr(spawned.origin, "capture", lambda frame: 1 / 0)
    assert spawn() > 0
    assert "spawned children" in faults.noted()


def test_remove_puts_the_function_back(no_outer_session: None) -> None:
    """A session that is over leaves no trace."""
    spawned.remove()
    original = _posixsubprocess.fork_exec
    spawned.install()
    assert _posixsubprocess.fork_exec is not original
    spawned.remove()
    assert _posixsubprocess.fork_exec is original


def test_other_platforms_have_nothing_to_wrap(no_outer_session: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows lacks the module, and macOS is left as it is."""
    spawned.remove()
    original = _posixsubprocess.fork_exec
    monkeypatch.setattr(spawned.env, "LINUX", False)
    spawned.install()
    assert _posixsubprocess.fork_exec is original
