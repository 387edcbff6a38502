"""How a child process is let go of: asked to end, waited for, killed where it does not; a close alone would leave it running."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from multiprocessing.process import BaseProcess
    from subprocess import Popen

    Child: TypeAlias = Popen[bytes] | BaseProcess | Process

GRACE_S = 3.0
"""How long a child may take to end once it is asked to; then it is killed."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.001, 0.05


def is_child(thing: object) -> bool:
    """Whether a thing is a child process, of subprocess, multiprocessing or asyncio: those have no `close` that ends one."""
    if not hasattr(thing, "pid") or hasattr(thing, "aclose"):
        return False
    has_status = hasattr(thing, "returncode") or hasattr(thing, "exitcode")
    return has_status and all(callable(getattr(thing, name, None)) for name in ("terminate", "kill"))


def end(child: Child) -> None:
    """End a child from plain code, and take its status; of asyncio's own, the loop does that."""
    try:
        for pause_s in _steps(child):
            time.sleep(pause_s)
    finally:
        _bury(child)


async def aend(child: Child) -> None:
    """End a child, and let others work meanwhile."""
    import anyio

    try:
        for pause_s in _steps(child):
            await anyio.sleep(pause_s)
    finally:
        _bury(child)


def _steps(child: Child) -> Iterator[float]:
    """Yield how long to wait between the looks; end once the child has ended, or was killed."""
    if not _is_running(child):
        return
    child.terminate()
    pause_s, waited_s = FIRST_PAUSE_S, 0.0
    while waited_s < GRACE_S and _is_running(child):
        yield pause_s
        waited_s, pause_s = waited_s + pause_s, min(pause_s * 2, LONGEST_PAUSE_S)


def _is_running(child: Child) -> bool:
    poll = getattr(child, "poll", None)
    if callable(poll):
        return poll() is None
    alive = getattr(child, "is_alive", None)
    return bool(alive()) if callable(alive) else cast("Process", child).returncode is None


def _bury(child: Child) -> None:
    """Kill what still runs, take its status, and close its pipes."""
    if _is_running(child):
        child.kill()
    wait = getattr(child, "join", None) or cast("Process", child).wait
    if not inspect.iscoroutinefunction(wait):
        wait()
    for pipe in (getattr(child, name, None) for name in ("stdin", "stdout", "stderr")):
        if pipe is not None and hasattr(pipe, "fileno"):  # asyncio's close with the process
            pipe.close()
