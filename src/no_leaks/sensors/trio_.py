"""What trio is left with: async generators dropped or unfinished, and system tasks that outlive the main task.

trio's nurseries let no ordinary task escape. Private parts of trio (0.26 to 0.35): `AsyncGenerators.install_hooks`,
`.finalize_remaining` and `.alive`, `EntryQueue.run_sync_soon`, `Runner.spawn_system_task`, `.main_task` and `.tasks`. trio.run takes
its hooks and instruments when a run begins, so nothing public can be added to every run.
"""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Callable
from typing import Any

from .. import births, faults, ledger
from . import losses, owned, pending, suspended
from .patches import Patches

_patches = Patches()
_watched: weakref.WeakSet[Any] = weakref.WeakSet()


def install() -> str:
    """Patch the trio that is loaded; return "" or the reason why it cannot be seen."""
    generators: Any = getattr(sys.modules["trio._core._asyncgens"], "AsyncGenerators", None)
    queue: Any = getattr(sys.modules.get("trio._core._entry_queue"), "EntryQueue", None)
    run: Any = sys.modules["trio._core._run"]
    runner: Any = getattr(run, "Runner", None)
    seen = (
        _patches.put(generators, "install_hooks", _hooking)
        and _patches.put(generators, "finalize_remaining", _finalizing)
        and _patches.put(queue, "run_sync_soon", _queueing)
        and _patches.put(runner, "spawn_system_task", _spawning)
    )
    if hasattr(run, "unrolled_run"):
        owned.stop_at("unrolled_run", run.unrolled_run.__code__)
    return "" if seen else "this trio keeps its async generators in a way that is not known here"


def remove() -> None:
    """Leave trio to itself."""
    _patches.undo()
    _watched.clear()


def _hooking(install_hooks: Callable[..., None]) -> Callable[..., None]:
    def wrapper(self: Any, runner: Any) -> None:
        install_hooks(self, runner)
        firstiter, _ = sys.get_asyncgen_hooks()

        def noting_first(agen: Any) -> None:
            firstiter(agen)  # type: ignore[misc] # trio has just set it
            _begun(self, agen)

        sys.set_asyncgen_hooks(firstiter=noting_first)

    return wrapper


def _queueing(run_sync_soon: Callable[..., None]) -> Callable[..., None]:
    """See trio's finalizer hook queue a dropped generator: wrapped itself, its warning would point at us and not at the drop."""

    def wrapper(self: Any, sync_fn: Any, *args: Any, **kwargs: Any) -> None:
        if getattr(sync_fn, "__name__", "") == "finalize_in_trio_context" and args:
            losses.dropped(args[0])
        run_sync_soon(self, sync_fn, *args, **kwargs)

    return wrapper


def _begun(generators: Any, agen: Any) -> None:
    """Record a generator's birth, unless it belongs to the host loop of a guest run, which records it itself."""
    try:
        book = ledger.current()
        if book is not None and agen in generators.alive:
            owned.write(book, owned.AGEN, agen, owned.frame_up(2), weakref.ref(generators))
    except Exception as error:
        faults.note("trio's async generators", error)


def _finalizing(finalize: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(self: Any, runner: Any) -> Any:
        _lose_generators(self)
        return finalize(self, runner)

    return wrapper


def _lose_generators(generators: Any) -> None:
    try:
        for agen in list(generators.alive):
            birth = owned.find(agen, owned.AGEN)
            if birth is not None and owned.is_news(birth) and suspended.is_unfinished(agen, ()):
                proof = "trio had to close it after the main task had ended"
                owned.lose(birth, pending.generator(agen, birth.record, proof))
    except Exception as error:
        faults.note("trio's async generators", error)


def _spawning(spawn: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        task = spawn(self, *args, **kwargs)
        try:
            book = ledger.current()
            frame = owned.frame_up(1)
            if book is not None and _is_users(frame.f_back):
                owned.write(book, owned.SYSTEM, task, frame, weakref.ref(self))
                _watch(self)
        except Exception as error:
            faults.note("trio's system tasks", error)
        return task

    return wrapper


def _is_users(frame: Any) -> bool:
    """Whether the caller of `trio.lowlevel.spawn_system_task` is not trio itself, which cleans up after its own."""
    return frame is not None and f"{os.sep}trio{os.sep}_" not in frame.f_code.co_filename


def _watch(runner: Any) -> None:
    if runner not in _watched:
        _watched.add(runner)
        trio: Any = sys.modules["trio"]
        trio.lowlevel.add_instrument(_AtMainExit(runner))


class _AtMainExit:
    """An instrument that sees a run's main task end; trio asks only for the methods that an instrument has."""

    def __init__(self, runner: Any) -> None:
        self._runner = weakref.ref(runner)

    def task_exited(self, task: Any) -> None:
        """Charge the system tasks that are left when the main task is gone."""
        runner = self._runner()
        if runner is not None and task is runner.main_task:
            try:
                _lose_system_tasks(runner)
            except Exception as error:
                faults.note("trio's system tasks", error)


def _lose_system_tasks(runner: Any) -> None:
    for book in list(ledger.all_ledgers()):
        for record, task in list(owned.living(book, owned.SYSTEM)):
            birth = births.Birth(book, record)
            if record.facts[1]() is runner and task in runner.tasks and owned.is_news(birth):  # type: ignore[operator]
                proof = "it was running when the main task ended; trio then cancelled it"
                owned.lose(birth, pending.system_task(task, record, proof))
