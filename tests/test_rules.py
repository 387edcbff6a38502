"""Rules of quiet: each excuses what it names, says why, and hides nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import CodeType, SimpleNamespace
from typing import Any

import pytest

from no_leaks import rules


def test_every_rule_has_a_name_and_a_reason() -> None:
    """A rule without a reason would be a silent exception."""
    every = (
        *rules.THREADS,
        *rules.COMMANDS,
        *rules.IDLE,
        *rules.CONNECTIONS,
        *rules.HANDLERS,
        *rules.PATHS,
        *rules.LOOPS,
        *rules.PIPES,
        *rules.UNSEEN_PIPES,
        *rules.TASKS,
    )
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


def _code(function: str, file: str) -> CodeType:
    return threading.Thread.run.__code__.replace(co_name=function, co_filename=f"/lib/{file}")


@pytest.mark.parametrize(
    ("function", "file", "excused"),
    [
        ("ensure_running", "multiprocessing/resource_tracker.py", True),
        ("_launch", "multiprocessing/resource_tracker.py", True),
        ("ensure_running", "multiprocessing/forkserver.py", True),
        ("_launch", "joblib/externals/loky/backend/resource_tracker.py", True),
        ("connect_to_new_process", "multiprocessing/forkserver.py", False),
        ("_launch", "multiprocessing/popen_spawn_posix.py", False),
        ("ensure_running", "shop/workers.py", False),
    ],
)
def test_only_the_lifeline_of_a_helper_is_excused(function: str, file: str, excused: bool) -> None:
    """The tracker's own pipe lives as long as the interpreter; the pipes of a worker are its starter's."""
    made, caller = _code(function, file), _code("test_x", "test_x.py")
    assert rules.excused(rules.PIPES, ((made, 0), (caller, 0))) is excused
    assert not rules.excused(rules.PIPES, ((caller, 0), (made, 0)))


def test_a_pipe_that_nobody_was_seen_to_make_is_not_excused() -> None:
    """Without a stack there is no telling whose it is."""
    assert not rules.excused(rules.PIPES, ())


@pytest.mark.parametrize(
    ("function", "file", "excused"),
    [
        ("_shutdown_process_pool_on_exit", "anyio/_backends/_asyncio.py", True),
        ("_shutdown_process_pool", "anyio/_backends/_trio.py", True),
        ("_run_wrapped_task", "anyio/_backends/_asyncio.py", False),
        ("_shutdown_process_pool", "shop/workers.py", False),
    ],
)
def test_only_the_end_of_the_pool_is_excused(function: str, file: str, excused: bool) -> None:
    """What anyio runs for the user, in a task group or a portal, is the user's."""
    assert rules.excused(rules.TASKS, _code(function, file)) is excused


_CACHE = """
def _work(wait):
    wait()

def _handle_job(wait):
    wait()

def busy(wait):
    _work(lambda: _handle_job(wait))
"""


@pytest.mark.parametrize(("entry", "excused"), [("_work", True), ("busy", False)])
def test_a_cached_worker_is_excused_only_at_rest(entry: str, excused: bool) -> None:
    """Another tool may have wrapped the lock that an idle worker waits in; a worker with a job is its starter's."""
    names: dict[str, Any] = {}
    exec(compile(_CACHE, "/lib/trio/_core/_thread_cache.py", "exec"), names)
    stop, begun = threading.Event(), threading.Event()

    def wrapped() -> None:
        begun.set()
        stop.wait()

    thread = threading.Thread(target=names[entry], args=(wrapped,))
    thread.start()
    begun.wait()
    found = rules.excused(rules.IDLE, thread)
    stop.set()
    thread.join()
    assert found is excused


@pytest.mark.parametrize("name", ["_get_event_loop_no_warn", "_provide_clean_event_loop"])
def test_a_loop_that_pytest_asyncio_keeps_for_itself_is_excused(name: str) -> None:
    """By the function of its plugin that made it; a function of that name elsewhere excuses nothing."""

    def stack(file: str) -> tuple[tuple[CodeType, int], ...]:
        code = compile("pass", file, "exec").replace(co_name=name)
        return ((code, 0),)

    assert rules.excused(rules.LOOPS, stack("/site-packages/pytest_asyncio/plugin.py"))
    assert not rules.excused(rules.LOOPS, stack("/project/tests/test_a.py"))
