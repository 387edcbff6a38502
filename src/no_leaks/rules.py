"""What is never a leak: named rules, each with its reason; none may hide what a test made."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from types import CodeType
from typing import Generic, TypeVar

from . import ends
from .ledger import Ledger
from .model import RawStack
from .origin import DEPTH

T = TypeVar("T")


class Rule(Generic[T]):
    """One reason for quiet: a name, why it is right, and the test that a thing has to meet."""

    __slots__ = ("holds", "name", "reason")

    def __init__(self, name: str, reason: str, holds: Callable[[T], bool]) -> None:
        self.name = name
        self.reason = reason
        self.holds = holds


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


CONNECTIONS: tuple[Rule[tuple[int, Ledger]], ...] = (
    Rule(
        "served for another",
        "a server's end of a connection stays open for as long as the client's: who left that open is told of it",
        lambda end: ends.serves_another(*end),
    ),
)
"""By the descriptor of a wider fixture's server, and its ledger; what a test itself has accepted is the test's."""

HANDLERS: tuple[Rule[tuple[threading.Thread, Ledger]], ...] = (
    Rule(
        "at work for another",
        "a server's thread waits for what the client sends for as long as the client is open",
        lambda handler: ends.works_for_another(*handler),
    ),
)


def _stands_in(thread: threading.Thread, function: str, file: str) -> bool:
    """Whether the innermost frame of a file is this function's: what wraps the call that it waits in comes above it."""
    frame = sys._current_frames().get(thread.ident or 0)  # pyright: ignore[reportPrivateUsage]  # documented
    while frame is not None and not _is_of(frame.f_code, file):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_name == function


def _is_of(code: CodeType, *files: str) -> bool:
    return code.co_filename.replace(os.sep, "/").endswith(files)


PATHS: tuple[Rule[str], ...] = (
    Rule(
        "tmp_path",
        "pytest removes its temporary folders itself, by its own policy",
        lambda path: "/pytest-of-" in path or any(f"{path}/".startswith(home) for home in _homes),
    ),
    Rule(
        "folder of multiprocessing",
        "it is made once, on first use, and removed when the interpreter ends",
        lambda path: path == _multiprocessing_folder(),
    ),
    Rule(
        "bytecode",
        "the interpreter caches what it compiles",
        lambda path: "__pycache__" in path or path.endswith((".pyc", ".pyo")),
    ),
)


def _multiprocessing_folder() -> str | None:
    """Return what `multiprocessing.util.get_temp_dir()` has made, if it has (private: `_config`, 3.10 to 3.14)."""
    module = sys.modules.get("multiprocessing.process")
    config: dict[str, str] = getattr(module.current_process(), "_config", {}) if module is not None else {}
    return config.get("tempdir")


LOOPS: tuple[Rule[RawStack], ...] = (
    Rule(
        "current loop of pytest-asyncio",
        "it asks for the thread's current loop, which makes one on first use, and keeps it for the whole session",
        lambda stack: _runs_in_pytest_asyncio(stack, "_get_event_loop_no_warn"),
    ),
    Rule(
        "fresh loop of pytest-asyncio",
        "up to 0.26 it puts a new current loop in the place of each one that it closes, and closes it before the next",
        lambda stack: _runs_in_pytest_asyncio(stack, "_provide_clean_event_loop"),
    ),
)


def _runs_in_pytest_asyncio(stack: RawStack, function: str) -> bool:
    return any(code.co_name == function and "pytest_asyncio" in code.co_filename for code, _ in stack)


_TRACKERS = (
    "multiprocessing/resource_tracker.py",
    "multiprocessing/forkserver.py",
    "loky/backend/resource_tracker.py",
)
_STARTS = ("ensure_running", "_launch")

PIPES: tuple[Rule[RawStack], ...] = (
    Rule(
        "lifeline of a helper process",
        "multiprocessing's resource tracker and fork server end when this pipe closes, with the interpreter",
        lambda stack: bool(stack) and _is_of(stack[0][0], *_TRACKERS) and stack[0][0].co_name in _STARTS,
    ),
)
"""By who called `os.pipe`: what a worker gets for itself is made elsewhere, and is its starter's."""


def _is_libuvs_lock(fd: int) -> bool:
    """Whether a pipe looks like the one that libuv locks its signals with: blocking, and one byte lies in it, the lock."""
    if "uvloop" not in sys.modules:
        return False
    import fcntl
    import termios

    waiting = int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)
    return waiting == 1 and os.get_blocking(fd) and not os.get_inheritable(fd)


UNSEEN_PIPES: tuple[Rule[int], ...] = (
    Rule(
        "signal lock of libuv",
        "libuv makes it with the first loop of uvloop, and it lives as long as the process",
        _is_libuvs_lock,
    ),
)
"""By the descriptor, of a pipe that C code made: nobody was seen to call `os.pipe`."""

TASKS: tuple[Rule[CodeType], ...] = (
    Rule(
        "end of anyio's process pool",
        "anyio starts it once for each event loop, to be cancelled with the loop: that is when it ends the idle workers",
        lambda code: (
            code.co_name in ("_shutdown_process_pool", "_shutdown_process_pool_on_exit")
            and _is_of(code, "anyio/_backends/_asyncio.py", "anyio/_backends/_trio.py")
        ),
    ),
)


def _is_of_import(stack: RawStack) -> bool:
    """Whether the import system itself runs a module's body here; what loads a module by hand comes without `_load_unlocked`.

    Private: its name in `importlib._bootstrap` (3.10 to 3.14). A stack may be cut off amid the frames of an import.
    """
    in_body = False
    for code, _ in stack:
        if in_body and code.co_name == "_load_unlocked" and code.co_filename == _IMPORT:
            return True
        in_body = in_body or code.co_name == "<module>"
    return in_body and len(stack) == DEPTH and stack[-1][0].co_filename.startswith("<frozen importlib")


_IMPORT = "<frozen importlib._bootstrap>"

STACKS: tuple[Rule[RawStack], ...] = (
    Rule(
        "import",
        "a module's body runs once, for whoever is first to import it: what it makes is the session's",
        _is_of_import,
    ),
)
"""By the stack of what made a thing, of any kind."""


def name_of(rules: tuple[Rule[T], ...], thing: T) -> str:
    """Return the name of the first rule that holds for a thing, or ""."""
    return next((rule.name for rule in rules if rule.holds(thing)), "")


def excused(rules: tuple[Rule[T], ...], thing: T) -> bool:
    """Whether one of the rules holds for a thing."""
    for rule in rules:  # noqa: SIM110 - asked for each thread of each look: a generator takes twice the time
        if rule.holds(thing):
            return True
    return False
