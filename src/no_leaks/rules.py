"""What is never a leak: named rules, each with its reason; none may hide what a test made."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from .model import RawStack

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rule(Generic[T]):
    """One reason for quiet: a name, why it is right, and the test that a thing has to meet."""

    name: str
    reason: str
    holds: Callable[[T], bool]


_homes: set[str] = set()


def add_home(folder: str) -> None:
    """Excuse a folder, and everything below it, that somebody else removes: the runner's `--basetemp`."""
    _homes.add(folder.rstrip("/") + "/")


THREADS: tuple[Rule[threading.Thread], ...] = (
    Rule(
        "own thread",
        "our blocking monitor is started and joined by the session",
        lambda thread: getattr(thread, "_no_leaks_own", False) is True,
    ),
    Rule("main thread", "the interpreter's own", lambda thread: thread is threading.main_thread()),
    Rule(
        "foreign thread",
        "a thread that Python did not start shows as a dummy that never ends",
        lambda thread: isinstance(thread, threading._DummyThread),  # pyright: ignore[reportPrivateUsage]  # no other mark
    ),
    Rule(
        "debugger",
        "a debugger's threads come and go with the user's attention",
        lambda thread: bool(getattr(thread, "is_pydev_daemon_thread", False)),
    ),
    Rule(
        "timeout of the runner",
        "pytest-timeout's own timer is cancelled after teardown",
        lambda thread: thread.name.startswith("pytest_timeout "),
    ),
)

COMMANDS: tuple[Rule[str], ...] = (
    Rule(
        "resource tracker",
        "multiprocessing starts it once, on first use, and it lives as long as the interpreter",
        lambda command: "multiprocessing.resource_tracker" in command or "multiprocessing.semaphore_tracker" in command,
    ),
    Rule(
        "fork server",
        "multiprocessing starts it once, on first use, and it lives as long as the interpreter",
        lambda command: "multiprocessing.forkserver" in command,
    ),
    Rule(
        "resource tracker of loky",
        "joblib starts it once, on first use, and it lives as long as the interpreter",
        lambda command: "loky.backend.resource_tracker" in command,
    ),
)

IDLE: tuple[Rule[threading.Thread], ...] = (
    Rule(
        "idle worker of trio",
        "trio keeps a finished worker for ten seconds, in which the next call uses it, and then lets it end",
        lambda thread: _stands_in(thread, "_work", "trio/_core/_thread_cache.py"),
    ),
)
"""Threads that are at rest in a cache of their library's and end by themselves; at work they are nobody's but their starter's."""


def _stands_in(thread: threading.Thread, function: str, file: str) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)  # pyright: ignore[reportPrivateUsage]  # documented
    code = frame.f_code if frame is not None else None
    return code is not None and code.co_name == function and code.co_filename.replace(os.sep, "/").endswith(file)


PATHS: tuple[Rule[str], ...] = (
    Rule(
        "tmp_path",
        "pytest removes its temporary folders itself, by its own policy",
        lambda path: "/pytest-of-" in path or any(f"{path}/".startswith(home) for home in _homes),
    ),
    Rule(
        "bytecode",
        "the interpreter caches what it compiles",
        lambda path: "__pycache__" in path or path.endswith((".pyc", ".pyo")),
    ),
)


LOOPS: tuple[Rule[RawStack], ...] = (
    Rule(
        "current loop of pytest-asyncio",
        "it asks for the thread's current loop, which makes one on first use, and keeps it for the whole session",
        lambda stack: any(
            code.co_name == "_get_event_loop_no_warn" and "pytest_asyncio" in code.co_filename for code, _ in stack
        ),
    ),
)


def name_of(rules: tuple[Rule[T], ...], thing: T) -> str:
    """Return the name of the first rule that holds for a thing, or ""."""
    return next((rule.name for rule in rules if rule.holds(thing)), "")


def excused(rules: tuple[Rule[T], ...], thing: T) -> bool:
    """Whether one of the rules holds for a thing."""
    return any(rule.holds(thing) for rule in rules)
