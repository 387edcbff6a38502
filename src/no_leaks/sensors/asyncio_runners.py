"""The moment a runner throws away what was left running: patience first, then what is still pending becomes a loss.

Private parts: `_cancel_all_tasks`, of `asyncio.runners` (3.10 to 3.14; asyncio.run, Runner, pytest-asyncio, anyio) and
its copies for 3.10 in anyio, uvloop and backports.asyncio.runner; `IsolatedAsyncioTestCase._tearDownAsyncioLoop` (3.10);
`TestRunner._cancel_all_tasks` of anyio 3.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .. import births, env, faults, ledger
from . import asyncio_loops, owned, patience, pending, suspended
from .patches import Patches

COPIES = ("asyncio.runners", "anyio._backends._asyncio", "uvloop", "backports.asyncio.runner.runner")
METHODS = (
    ("unittest.async_case", "IsolatedAsyncioTestCase", "_tearDownAsyncioLoop"),
    # The package keeps the class, also where pytester has forgotten the module that a run inside a test imported.
    ("unittest", "IsolatedAsyncioTestCase", "_tearDownAsyncioLoop"),
    ("anyio._backends._asyncio", "TestRunner", "_cancel_all_tasks"),
)
RUNNERS_OWN = ("_run_tests_and_fixtures", "_asyncioLoopRunner")
"""Coroutines in which anyio's and unittest's runners call the tests: still waiting for work when all is over."""

MAKERS = ("asyncio", "uvloop")
"""In the path of every file in which a runner makes its main task (anyio's and backports' have "asyncio" in theirs)."""

_patches = Patches()


def install() -> str:
    """Wrap every runner that is loaded; return "" or the reason why asyncio's own cannot be."""
    for name in COPIES:
        if name in sys.modules:
            _patches.put(sys.modules[name], "_cancel_all_tasks", _cancelling)
    for name, runner, method in METHODS:
        # Asking unittest itself for the class would load asyncio.
        names: dict[str, Any] = getattr(sys.modules.get(name), "__dict__", {})
        _patches.put(names.get(runner), method, _tearing_down)
    known = hasattr(sys.modules["asyncio.runners"], "_cancel_all_tasks")
    return "" if known else "asyncio's runners cancel tasks in a way that is not known here"


def remove() -> None:
    """Leave the runners to themselves."""
    _patches.undo()


def _cancelling(cancel_all: Callable[[Any], None]) -> Callable[[Any], None]:
    def wrapper(loop: Any) -> None:
        at_shutdown(loop)
        cancel_all(loop)

    return wrapper


def _tearing_down(tear_down: Callable[[Any], None]) -> Callable[[Any], None]:
    def wrapper(runner: Any) -> None:
        at_shutdown(getattr(runner, "_asyncioTestLoop", None) or getattr(runner, "_loop", None))
        tear_down(runner)

    return wrapper


def at_shutdown(loop: Any) -> None:
    """Describe what a loop that is about to be shut down still has pending; a cheap look where it has nothing."""
    try:
        if loop is not None and not loop.is_closed() and not loop.is_running():
            tasks = _lose_tasks(loop)
            _lose_timers(loop, tasks)
            _lose_generators(loop, tasks)
    except Exception as error:
        faults.note("asyncio runners", error)


def _lose_tasks(loop: Any) -> list[Any]:
    """Return the tasks that are left after the grace, each charged to the ledger that it was born under.

    Where the main task was interrupted nothing that its scope began is charged: it had no chance to end it.
    """
    found = _pending(loop)
    interrupted = {id(birth.ledger) for _, birth in found if _is_main(birth.record)}
    cut_off = [task for task, birth in found if id(birth.ledger) in interrupted]
    left = [pair for pair in found if id(pair[1].ledger) not in interrupted and not _is_runners_own(pair[0])]
    if not left:
        return cut_off
    patience.spin_until(loop, lambda: all(task.done() for task, _ in left))
    proof = "it was still pending after more turns of its event loop; its runner then cancelled it"
    left = [(task, birth) for task, birth in left if not task.done()]
    for task, birth in left:
        owned.lose(birth, pending.task(task, birth.record, proof))
    return [*cut_off, *(task for task, _ in left)]


def _pending(loop: Any) -> list[tuple[Any, births.Birth]]:
    found: list[tuple[Any, births.Birth]] = []
    for task in patience.tasks_of(loop):
        birth = owned.find(task, owned.TASK) or _orphan(task)
        if birth is not None and owned.is_news(birth):
            found.append((task, birth))
    return sorted(found, key=lambda pair: pair[1].record.born_s)


def _orphan(task: Any) -> births.Birth | None:
    """Charge a task that was not seen to be born to the scope that throws it away."""
    book = ledger.current()
    return births.Birth(book, ledger.Record(owned.TASK, (owned.key(task),), ())) if book is not None else None


def _is_runners_own(task: Any) -> bool:
    """Whether a task is the runner's caller of tests, or closes a dropped generator."""
    coro = task.get_coro()
    return getattr(coro, "__name__", "") in RUNNERS_OWN or type(coro).__name__ == "async_generator_athrow"


def _is_main(record: ledger.Record) -> bool:
    """Whether a task was made by a runner itself, and not by what runs in its loop."""
    for code, _ in record.stack:
        file = code.co_filename
        if code.co_name in ("run", "run_until_complete") and any(part in file for part in MAKERS):
            return True
        if not (suspended.is_asyncio(code) or file.startswith(env.HERE)):
            return False
    return False


def _lose_timers(loop: Any, tasks: list[Any]) -> None:
    """Charge the timers that would fire later than the grace, except those of tasks that are reported."""
    for handle in asyncio_loops.timers_of(loop):
        left_s = asyncio_loops.scheduled_s(handle)
        if left_s is not None and left_s > patience.grace_s():
            birth = owned.find(handle, owned.TIMER)
            if birth is not None and owned.is_news(birth) and not suspended.is_made_by(tasks, birth.record.stack):
                proof = "its event loop was shut down before it fired"
                owned.lose(birth, pending.timer(handle, birth.record, left_s, proof))


def _lose_generators(loop: Any, tasks: list[Any]) -> None:
    """Charge the generators that were begun and not finished, except those that a reported task iterates over."""
    for birth, agen in _generators(loop):
        if not owned.is_news(birth):
            continue
        if suspended.is_in_hands_of(agen, tasks):
            owned.mark(birth.record)  # cancelling the task is about to drop it
        elif suspended.is_unfinished(agen, ()):
            proof = "its event loop was shut down and had to close it"
            owned.lose(birth, pending.generator(agen, birth.record, proof))


def _generators(loop: Any) -> list[tuple[births.Birth, Any]]:
    """Return the generators of a loop that were seen to begin, oldest first; uvloop's are looked for in all ledgers."""
    alive = asyncio_loops.generators_of(loop)
    if alive is None:
        found = [
            (births.Birth(book, record), agen)
            for book in ledger.all_ledgers()
            for record, agen in owned.living(book, owned.AGEN)
            if record.facts[1]() is loop  # type: ignore[operator] # a weak reference to the loop
        ]
    else:
        known = ((owned.find(agen, owned.AGEN), agen) for agen in alive)
        found = [(birth, agen) for birth, agen in known if birth is not None]
    return sorted(found, key=lambda pair: pair[0].record.born_s)
