"""Child processes: a manager ends them, takes their status and closes their pipes."""

from __future__ import annotations

import asyncio
import multiprocessing
import subprocess
import sys
import time

import pytest
from backends import on_both, run

from no_leaks.resources import ResourceManager, processes

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


@pytest.fixture
def manager() -> ResourceManager:
    """A manager of the test's own."""
    return ResourceManager()


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """Start a child, and wait until it is up."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    return child


@pytest.mark.parametrize(("command", "status"), [(SLEEP, -15), (STUBBORN, -9)])
def test_a_child_is_ended_and_waited_for(
    manager: ResourceManager, command: list[str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does not listen is killed; no zombie and no pipe stays."""
    monkeypatch.setattr(processes, "GRACE_S", 10.0 if command is SLEEP else 0.01)
    child = start(command)

    with manager.scope("work"):
        manager.register(child, kind="processes")

    assert child.returncode == status
    assert child.stdout is not None
    assert child.stdout.closed


@on_both
def test_a_child_is_ended_in_a_loop(manager: ResourceManager, backend: str) -> None:
    """Others may work meanwhile."""
    child = start(SLEEP)

    async def main() -> None:
        await manager.register(child, kind="processes").aclose()

    run(backend, main)
    assert child.returncode == -15


def test_a_child_that_has_ended_is_taken(manager: ResourceManager) -> None:
    """Its status says how."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()

    manager.register(child, kind="processes").close()

    assert (child.returncode, manager.metrics().cleaned) == (0, 1)


def test_a_deadline_kills(manager: ResourceManager) -> None:
    """The alarm breaks off the patience."""
    child = start(STUBBORN)
    manager.register(child, kind="processes")

    with pytest.raises(Exception, match="cleaning up all resources"):
        manager.cleanup(deadline_s=0.01)

    assert child.returncode == -9


def test_a_child_of_multiprocessing_is_ended(manager: ResourceManager) -> None:
    """Whose own `close` refuses one that runs."""
    child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,))
    child.start()

    manager.register(child, kind="processes").close()

    assert child.exitcode == -15
    child.close()


def test_a_child_of_asyncio_is_ended(manager: ResourceManager) -> None:
    """Its loop takes the status and closes the pipes."""

    async def main() -> int | None:
        child = await asyncio.create_subprocess_exec(*SLEEP, stdout=subprocess.PIPE)
        assert child.stdout is not None
        await child.stdout.readline()
        await manager.register(child, kind="processes").aclose()
        return child.returncode

    assert asyncio.run(main()) == -15
