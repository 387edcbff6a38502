"""The process's own manager, and what becomes of managers when the process ends or is told to end."""

from __future__ import annotations

import atexit
import os
import signal
import weakref
from collections.abc import Iterable
from types import FrameType

from .closing import backend
from .handle import Left
from .limits import ResourceLimits
from .manager import ResourceManager
from .metrics import ResourceMetrics
from .scopes import DEADLINE_S, logger

_of_process: dict[str, ResourceManager] = {}
"""The one manager, once it has been asked for: `setdefault` lets two threads that ask at once get the same."""
_guarded: weakref.WeakSet[ResourceManager] = weakref.WeakSet()
"""What the end of the process closes."""
_before: object = None
"""Who heard SIGTERM before us."""
_awaited: object = None
"""What closes all in a loop, from one SIGTERM to the next."""


def get_resource_manager() -> ResourceManager:
    """Return the manager of this process; what it holds when the process ends is closed then.

    Its limits are those of the environment variable `NO_LEAKS_LIMITS`, if any; `manager.limits` sets others.
    """
    manager = _of_process.get("manager")
    if manager is None:
        manager = _of_process.setdefault("manager", ResourceManager(limits=ResourceLimits.from_environment()))
        install_exit_handlers(manager)
    return manager


def get_resource_metrics() -> ResourceMetrics:
    """Return a consistent snapshot of the process's manager."""
    return get_resource_manager().metrics()


def cleanup_all_resources(*, deadline_s: float | None = DEADLINE_S) -> tuple[Left, ...]:
    """Close all that the process's manager holds; return what it was. Errors come as one group, after the last.

    What has to be awaited is run in a loop of its own. In the main thread the deadline breaks off what blocks; what no
    time was left for stays open and tracked.
    """
    return get_resource_manager().cleanup(deadline_s=deadline_s)


async def acleanup_all_resources(*, deadline_s: float | None = DEADLINE_S) -> tuple[Left, ...]:
    """Close all that the process's manager holds, and wait for it; what takes longer than the deadline is closed by force."""
    return await get_resource_manager().acleanup(deadline_s=deadline_s)


def install_exit_handlers(manager: ResourceManager | None = None, *, sigterm: bool = False) -> None:
    """Close what a manager holds when the interpreter ends and, if asked, when SIGTERM comes (main thread only).

    Where a loop runs, what has to be awaited is awaited, for as long as a cleanup may take; a second SIGTERM waits for
    nothing. After SIGTERM whoever heard it before hears it again; where that is the default, the process ends by the signal.
    """
    global _before
    _guarded.add(manager or get_resource_manager())
    atexit.unregister(_at_exit)  # registered again it comes last, and so runs before what was registered earlier
    atexit.register(_at_exit)
    if sigterm and signal.getsignal(signal.SIGTERM) is not _on_sigterm:
        _before = signal.signal(signal.SIGTERM, _on_sigterm)


def _at_exit() -> None:
    for manager in list(_guarded):
        try:
            _tell(manager.cleanup())
        except BaseException as error:
            logger.error("at exit: %s", error, exc_info=error)


def _tell(found: Iterable[Left]) -> None:
    for left in found:
        logger.warning("at exit, still open: %s", left)


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    global _awaited
    if _awaited is None and backend():
        _awaited = _begin_to_await(number)
        return
    _awaited = None
    _at_exit()
    if callable(_before):
        _before(number, frame)
    elif _before != signal.SIG_IGN:  # pragma: no cover - the process ends here, and what was measured with it
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _begin_to_await(number: int) -> object:
    """Let the loop that runs here close all, and signal again; another signal meanwhile waits for nothing."""
    if backend() == "trio":
        import trio

        trio.lowlevel.current_trio_token().run_sync_soon(trio.lowlevel.spawn_system_task, _await_all, number)
        return trio
    import asyncio

    loop, tasks = asyncio.get_running_loop(), list[asyncio.Task[None]]()
    loop.call_soon_threadsafe(lambda: tasks.append(loop.create_task(_await_all(number), name="no-leaks-sigterm")))
    return tasks  # a loop itself does not keep its tasks alive


async def _await_all(number: int) -> None:
    for manager in list(_guarded):
        try:
            _tell(await manager.acleanup())
        except BaseException as error:
            logger.error("at exit: %s", error, exc_info=error)
    os.kill(os.getpid(), number)
