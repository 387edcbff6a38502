"""The canary: a small leak of each kind, planted and looked for before the first test, so that no detector is silently blind."""

# Longer than 250 lines because each kind has a plant of its own.

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

from . import env, faults
from .diff import Look, diff
from .ledger import Ledger, at_work, end_ledger, open_ledger
from .model import Kind, Owner, Sighting
from .probes.panel import Panel
from .sensors import warnings_

TURNS = 5
TURN_S = 1e-6
MANY = 300
"""So often is looked whether a plant is gone, with a turn for others in between."""


class Result(NamedTuple):
    """Whether a planted leak of one kind was seen and, once let go, forgotten; `detail` says what was planted or why not."""

    seen: bool
    forgotten: bool
    detail: str

    @property
    def ok(self) -> bool:
        """Seen while there, forgotten once gone."""
        return self.seen and self.forgotten


@contextmanager
def _file() -> Generator[str]:
    with open(os.devnull, "rb"):
        yield "an open file"


@contextmanager
def _socket() -> Generator[str]:
    import socket

    with socket.socket():
        yield "an open TCP socket"


@contextmanager
def _pipe() -> Generator[str]:
    ends = os.pipe()
    try:
        yield "both ends of a pipe"
    finally:
        for end in ends:
            os.close(end)


@contextmanager
def _descriptor() -> Generator[str]:
    folder = os.open(os.sep, os.O_RDONLY)
    try:
        yield "an open folder"
    finally:
        os.close(folder)


@contextmanager
def _process() -> Generator[str]:
    import shutil

    command = shutil.which("true") or sys.executable
    pid = os.posix_spawn(command, [command, "-c", ""], os.environ)
    try:
        yield "a child process that is not waited for"
    finally:
        env.reap(pid)


@contextmanager
def _thread() -> Generator[str]:
    done = threading.Event()
    thread = threading.Thread(target=done.wait, name="no-leaks-canary", daemon=True)
    thread.start()
    try:
        yield "a thread that waits for an event"
    finally:
        done.set()
        thread.join()


@contextmanager
def _coroutine() -> Generator[str]:
    async def never() -> None: ...

    never()  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    yield "a coroutine that is never awaited"


@contextmanager
def _task() -> Generator[str]:
    import asyncio

    loop = asyncio.new_event_loop()
    try:
        task = loop.create_task(asyncio.sleep(3600), name="no-leaks-canary")
        yield "a pending asyncio task"
        task.cancel()
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    finally:
        loop.close()


@contextmanager
def _temp() -> Generator[str]:
    folder = tempfile.mkdtemp(prefix="no-leaks-canary-")
    try:
        yield "a temporary folder"
    finally:
        os.rmdir(folder)


@contextmanager
def _unclosed() -> Generator[str]:
    open(os.devnull, "rb")  # noqa: SIM115 - to be dropped unclosed is its purpose
    yield "a file that is dropped unclosed"


@contextmanager
def _state() -> Generator[str]:
    os.environ["NO_LEAKS_CANARY"] = "1"
    try:
        yield "an environment variable"
    finally:
        del os.environ["NO_LEAKS_CANARY"]


@contextmanager
def _managed() -> Generator[str]:
    from .resources.manager import ResourceManager

    manager, thing = ResourceManager(), threading.Event()
    handle = manager.register(thing, kind="canary")
    try:
        yield "a resource that its manager still holds"
    finally:
        handle.unregister()


@contextmanager
def _objects() -> Generator[str]:
    kept: list[object] = [[] for _ in range(MANY)]
    yield "a list that grew"
    kept.clear()


@contextmanager
def _cycle() -> Generator[str]:
    # Of a class that is nobody's: the interpreter's and our own are excused.
    thing: Any = type("Plant", (), {"__module__": "canary"})()
    thing.itself = thing
    del thing
    yield "an object that holds itself"


Plant = Callable[[], AbstractContextManager[str]]

PLANTS: dict[Kind, tuple[Plant, ...]] = {
    "files": (_file,),
    "sockets": (_socket,),
    "pipes": (_pipe,),
    "fds": (_descriptor,),
    "processes": (_process,),
    "threads": (_thread,),
    "tasks": (_coroutine, _task),
    "temp": (_temp,),
    "managed": (_managed,),
    "unclosed": (_unclosed,),
    "memory": (_objects,),
    "state": (_state,),
    "cycles": (_cycle,),
}
"""What is planted for each kind; a loss (un-awaited, unclosed, a cycle) is proven when it is told, and nothing is let go of."""

_TOLD = ("losses", "cycles")
_NEEDS: dict[Plant, str] = {_task: "asyncio", _managed: "no_leaks.resources.manager"}


def check(panel: Panel, kinds: Iterable[Kind]) -> dict[Kind, Result]:
    """Plant, look, let go, look again; kinds without a probe or a plant are left out. Sensors must be installed."""
    return {
        kind: _check(panel, kind)
        for kind in PLANTS
        if kind in set(kinds) and kind not in panel.unavailable and _plants(kind)
    }


def _check(panel: Panel, kind: Kind) -> Result:
    results = [_try(panel, kind, plant) for plant in _plants(kind)]
    return Result(
        all(result.seen for result in results),
        all(result.forgotten for result in results),
        ", ".join(result.detail for result in results),
    )


def _plants(kind: Kind) -> list[Plant]:
    """Return what can be planted: nothing is imported for it, since what nobody has imported cannot leak yet."""
    return [plant for plant in PLANTS[kind] if _NEEDS.get(plant, "sys") in sys.modules]


def _try(panel: Panel, kind: Kind, plant: Plant) -> Result:
    ledger = open_ledger(Owner("canary"))
    ledger.since_s = time.monotonic()
    names, last = panel.names(frozenset({kind})), panel.last(frozenset({kind}))
    try:
        with at_work(ledger), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings_.listen()
            panel.begin(last, ledger)
            names = (*names, *last)
            before = panel.look(names, ledger)
            with plant() as detail:
                born = diff(before, panel.look(names, ledger)).born
                seen = any(_is(kind, panel.describe(*spot, ledger)) for spot in born)
            return Result(seen, _is_forgotten(panel, kind, before, names, ledger), detail)
    except Exception as error:
        faults.note(f"canary {kind}", error)
        return Result(False, False, f"could not be planted: {faults.words(error)}")
    finally:
        ledger.records.clear()
        end_ledger(ledger)


def _is_forgotten(panel: Panel, kind: Kind, before: Look, names: tuple[str, ...], ledger: Ledger) -> bool:
    """Whether nothing is left of a plant; gevent closes a bare descriptor only a few turns of its hub later."""
    for _ in range(TURNS):
        left = diff(before, panel.look(names, ledger)).born
        if not any(_lasts(panel, kind, spot, ledger) for spot in left):
            return True
        time.sleep(TURN_S)
    return False


def _is(kind: Kind, sighting: Sighting | None) -> bool:
    return sighting is not None and sighting.kind == kind


def _lasts(panel: Panel, kind: Kind, spot: tuple[str, tuple[object, ...]], ledger: Ledger) -> bool:
    return spot[0] not in _TOLD and _is(kind, panel.describe(*spot, ledger))
