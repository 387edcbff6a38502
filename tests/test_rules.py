"""Rules of quiet: each excuses what it names, says why, and hides nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from no_leaks import rules


def test_every_rule_has_a_name_and_a_reason() -> None:
    """A rule without a reason would be a silent exception."""
    every = (*rules.THREADS, *rules.COMMANDS, *rules.PATHS)
    assert all(rule.name and rule.reason for rule in every)
    assert len({rule.name for rule in every}) == len(every)


def test_a_thread_of_the_users_is_not_excused() -> None:
    """Only what is named is excused."""
    assert not rules.excused(rules.THREADS, threading.Thread(name="worker"))


@pytest.mark.parametrize(
    "make",
    [
        threading.main_thread,
        lambda: threading.Thread(name="pytest_timeout tests/test_a.py::test_x"),
        lambda: _marked("_no_leaks_own"),
        lambda: _marked("is_pydev_daemon_thread"),
        lambda: object.__new__(threading._DummyThread),
    ],
    ids=["main", "timeout", "own", "debugger", "foreign"],
)
def test_a_named_thread_is_excused(make: Callable[[], threading.Thread]) -> None:
    """The interpreter's, the runner's, the debugger's and our own."""
    assert rules.excused(rules.THREADS, make())


def _marked(name: str) -> threading.Thread:
    thread = threading.Thread()
    setattr(thread, name, True)
    return thread


@pytest.mark.parametrize(
    ("command", "excused"),
    [
        ("python -c from multiprocessing.resource_tracker import main;main(7)", True),
        ("python -c from multiprocessing.semaphore_tracker import main;main(7)", True),
        ("python -c from multiprocessing.forkserver import main; main(3)", True),
        ("python -m joblib.externals.loky.backend.resource_tracker 9", True),
        ("python -c from multiprocessing.spawn import spawn_main", False),
        ("sleep 5", False),
    ],
)
def test_only_infrastructure_is_excused_by_its_command(command: str, excused: bool) -> None:
    """A worker process that multiprocessing spawned for the user is the user's."""
    assert rules.excused(rules.COMMANDS, command) is excused


def test_only_named_paths_are_excused(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest's folders, bytecode, and the homes that the runner names."""
    monkeypatch.setattr(rules, "_homes", set())
    assert rules.excused(rules.PATHS, "/tmp/pytest-of-me/pytest-0/test_x0")
    assert rules.excused(rules.PATHS, "/tmp/a/__pycache__/x.cpython-312.pyc")
    assert not rules.excused(rules.PATHS, "/tmp/base/x")
    rules.add_home("/tmp/base/")
    assert rules.excused(rules.PATHS, "/tmp/base/x")
    assert not rules.excused(rules.PATHS, "/tmp/basement/x")


def test_a_rule_is_asked_with_the_thing_itself() -> None:
    """Any thing will do: a rule is a name, a reason and a question."""
    rule: rules.Rule[SimpleNamespace] = rules.Rule("answer", "because", lambda thing: thing.value == 42)
    assert rules.excused((rule,), SimpleNamespace(value=42))
    assert not rules.excused((), SimpleNamespace(value=42))
