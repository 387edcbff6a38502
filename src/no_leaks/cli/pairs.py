"""The stories of the demo: for each, a test that leaks and its repaired twin; and the project that they live in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SettingError
from ..model import Kind
from ..names import GROUPS

if TYPE_CHECKING:
    import sys

    if sys.version_info >= (3, 11):  # until 3.10 is dropped
        from importlib.resources.abc import Traversable
    else:
        from importlib.abc import Traversable

SUFFIX = ".txt"
"""What the templates' names end in, so that no tool takes them for source or tests of this package."""
SCRIPTED: Kind = "managed"
"""The kind whose story is no pair of tests, but a program of the project that checks what it claims."""
SCRIPT = "connections.py"


@dataclass(frozen=True, slots=True)
class Pair:
    """One story: `source` is the file of the shop in which the thing is born, `file` the one with both tests."""

    story: str
    kind: Kind
    source: str
    file: str
    leaking: str
    repaired: str

    @property
    def leaking_test(self) -> str:
        """The node id of the test that leaks."""
        return f"{self.file}::{self.leaking}"

    @property
    def repaired_test(self) -> str:
        """The node id of its repaired twin."""
        return f"{self.file}::{self.repaired}"


def _pair(story: str, kind: Kind, source: str, file: str, leaking: str, repaired: str) -> Pair:
    return Pair(story, kind, f"shop/{source}.py", f"tests/test_{file}.py", f"test_{leaking}", f"test_{repaired}")


PAIRS = (
    _pair("file", "files", "receipts", "file", "leaks_a_file", "closes_the_file"),
    _pair("socket", "sockets", "prices", "socket", "leaks_a_socket", "closes_the_socket"),
    _pair("pipe", "pipes", "bell", "pipe", "leaks_a_pipe", "closes_the_pipe"),
    _pair("bare descriptor", "fds", "shelf", "descriptor", "leaks_a_descriptor", "closes_the_descriptor"),
    _pair("child process", "processes", "printer", "process", "leaks_a_child_process", "stops_the_child_process"),
    _pair("thread", "threads", "stock", "thread", "leaks_a_thread", "joins_the_thread"),
    _pair("executor", "threads", "orders", "executor", "leaks_an_executor", "shuts_the_executor_down"),
    _pair("asyncio task", "tasks", "mailer", "task", "leaks_a_task", "cancels_the_task"),
    _pair("timer", "tasks", "cart", "timer", "leaks_a_timer", "cancels_the_timer"),
    _pair("un-awaited coroutine", "tasks", "loyalty", "coroutine", "leaks_a_coroutine", "awaits_the_coroutine"),
    _pair("event loop", "tasks", "counter", "event_loop", "leaks_an_event_loop", "closes_the_event_loop"),
    _pair(
        "async generator",
        "tasks",
        "catalog",
        "async_generator",
        "leaks_an_async_generator",
        "closes_the_async_generator",
    ),
    _pair(
        "temporary file", "temp", "exports", "temporary_file", "leaks_a_temporary_file", "removes_the_temporary_file"
    ),
    _pair(
        "temporary folder",
        "temp",
        "photos",
        "temporary_folder",
        "leaks_a_temporary_folder",
        "removes_the_temporary_folder",
    ),
    _pair("reference cycle", "cycles", "categories", "cycle", "leaks_a_reference_cycle", "cuts_the_cycle"),
    _pair("dropped file", "unclosed", "labels", "unclosed", "drops_an_open_file", "closes_what_it_opened"),
)


def choose(names: Iterable[str]) -> tuple[Pair, ...]:
    """Return the pairs of these kinds and groups, or all if none is named; an unknown name is a `SettingError`."""
    kinds = kinds_of(names)
    return tuple(pair for pair in PAIRS if pair.kind in kinds)


def kinds_of(names: Iterable[str]) -> set[Kind]:
    """Return the kinds that these names mean; an unknown name is a `SettingError`."""
    wanted = tuple(names)
    told = {*(pair.kind for pair in PAIRS), SCRIPTED}
    for name in wanted:
        if name not in told and name not in GROUPS:
            raise SettingError("KIND", f"there is no story of kind {name!r}", (*sorted(told), *GROUPS))
    return {kind for name in wanted for kind in GROUPS.get(name, (name,))} or told


def write(folder: Path) -> None:
    """Write the whole project into a folder that is empty or does not exist; else a `SettingError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise SettingError(
                "--keep", f"{folder} is not empty; name a folder that is, or one that does not exist yet"
            )
        _copy(files("no_leaks.cli") / "demo_project", folder)
    except OSError as error:
        raise SettingError("--keep", f"{folder} cannot be written to: {error.strerror}") from error


def _copy(source: Traversable, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for entry in source.iterdir():
        if entry.is_dir():
            _copy(entry, folder / entry.name)
        elif entry.name.endswith(SUFFIX):
            text = entry.read_text(encoding="utf-8")
            (folder / entry.name.removesuffix(SUFFIX)).write_text(text, encoding="utf-8")
