"""Child processes: running ones that nobody waits for, and zombies that nobody reaped."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any, final

from .. import births, env, rules
from ..ledger import Ledger, Record, at_work
from ..model import Ident, Kind, Resource, Sighting, Snapshot
from .protocol import Unavailable

_STATES = {
    "Z": "zombie: it ended and was never reaped",
    "T": "stopped",
    "D": "running",
    "R": "running",
    "S": "running",
    "I": "running",
}
_WAIT_S = 2.0


@final
class ProcessProbe:
    """Sees the children of this process; one system call where there are none."""

    name = "processes"
    kinds: tuple[Kind, ...] = ("processes",)

    def __init__(self) -> None:
        if not hasattr(os, "waitid"):
            raise Unavailable("this platform has no waitid(2)")
        if not env.LINUX:
            raise Unavailable("child processes are read from /proc, which only Linux has")

    def take(self, ledger: Ledger) -> Snapshot:
        """Return (pid, start time) of every child, zombies included."""
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return frozenset()
        return frozenset((pid, status.started) for pid in children() if (status := read(pid)) is not None)

    def describe(self, ident: Ident, ledger: Ledger) -> Sighting | None:
        """Describe one child, or None where it is gone, is infrastructure, or was started under another ledger."""
        pid, started = ident
        assert isinstance(pid, int)
        status = read(pid)
        if status is None or status.started != started:
            return None
        if rules.excused(rules.COMMANDS, status.command):
            return None
        birth = births.of_child(pid, status.started / env.CLOCK_TICKS, ledger)
        if birth is not None and birth.ledger is not ledger:
            return None
        zombie = status.state == "Z"
        command = status.command or (_command(birth.record) if birth is not None else "") or status.name
        return Sighting(
            kind="processes",
            resource=Resource(
                "zombie" if zombie else "child process",
                f"pid {pid}",
                f"{command[:160]}, {_STATES.get(status.state, status.state)}",
            ),
            summary="a child process ended and was never waited for"
            if zombie
            else "a child process was started and is still running",
            fix="process.wait() on every path"
            if zombie
            else "with subprocess.Popen(...) as process: ..., or process.terminate() and process.wait() in a finally block",
            stack=birth.record.stack if birth is not None else (),
            age_s=time.monotonic() - birth.record.born_s if birth is not None else None,
            covers_fds=_pipes_of(_worker(pid)),
        )

    def release(self, ident: Ident, ledger: Ledger) -> str:
        """Kill and reap a direct child: its pid cannot be another's before it is reaped."""
        pid, started = ident
        assert isinstance(pid, int)
        status = read(pid)
        if status is None or status.started != started:
            return ""
        owner: Any = self.thing(ident, ledger)
        try:
            if owner is not None:
                owner.kill()
                (getattr(owner, "wait", None) or owner.join)(_WAIT_S)
            else:
                os.kill(pid, signal.SIGKILL)
                env.reap(pid)
        except Exception:
            return ""
        return "reaped" if status.state == "Z" else "killed"

    def thing(self, ident: Ident, ledger: Ledger) -> object | None:
        """Return the object that knows the child: subprocess's Popen, or multiprocessing's Process."""
        pid = ident[0]
        assert isinstance(pid, int)
        birth = births.of_child(pid, None, ledger)
        known = birth.record.ref() if birth is not None and birth.record.ref is not None else None
        return known or _worker(pid)


class Status:
    """One line of `/proc/PID/stat`: state letter, start time in clock ticks since boot, name; and the command line."""

    __slots__ = ("command", "name", "started", "state")

    def __init__(self, name: str, state: str, started: int, command: str) -> None:
        self.name, self.state, self.started, self.command = name, state, started, command


def read(pid: int) -> Status | None:
    """Read a process's status; None where it is gone or may not be read."""
    try:
        with at_work(None):  # what we open is no birth of the scope's
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                head, _, tail = file.read().rpartition(")")
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                command = file.read().replace("\0", " ").strip()
    except OSError:
        return None
    fields = tail.split()
    return Status(head.partition("(")[2], fields[0], int(fields[19]), command)


def children() -> list[int]:
    """Return the pids of all direct children, of whatever thread they were born."""
    found: list[int] = []
    for task in os.listdir("/proc/self/task"):
        try:
            with at_work(None), open(f"/proc/self/task/{task}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
        except OSError:
            continue  # the thread has ended meanwhile: its children are another's now
    return found


def _command(record: Record) -> str:
    """Return the command that a child was started with, as the program gave it: a zombie's own is gone."""
    args: Any = record.facts[1] if len(record.facts) > 1 else ""
    return " ".join(map(str, args)) if isinstance(args, (list, tuple)) else str(args)  # pyright: ignore[reportUnknownArgumentType]


def _worker(pid: int) -> Any:
    """Return multiprocessing's Process that has this pid (private: `multiprocessing.process._children`, 3.10 to 3.14)."""
    workers: set[Any] = getattr(sys.modules.get("multiprocessing.process"), "_children", set[Any]())
    return next((worker for worker in list(workers) if getattr(worker, "_popen", None) and worker.pid == pid), None)


def _pipes_of(worker: Any) -> tuple[int, ...]:
    """Return the pipes that a Process has to its child: they close with it (private: `Popen.finalizer`, `Finalize._args`)."""
    popen = getattr(worker, "_popen", None)
    ends = (getattr(popen, "sentinel", None), *getattr(getattr(popen, "finalizer", None), "_args", ()))
    return tuple(sorted({end for end in ends if isinstance(end, int)}))
