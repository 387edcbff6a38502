"""Child processes: running ones and zombies, whoever started them, and nobody else's."""

from __future__ import annotations

import multiprocessing
import multiprocessing.process
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.resource_tracker import ensure_running

import pytest
from support import ON_PURPOSE, Watch, allowance, another_ledger, here, site_of

from no_leaks import judge, rules
from no_leaks.ledger import Ledger
from no_leaks.model import Owner, Verdict
from no_leaks.probes import processes
from no_leaks.probes.panel import Panel
from no_leaks.probes.processes import ProcessProbe
from no_leaks.probes.protocol import Unavailable

Make = Callable[..., Watch]
WAITING = ["/bin/cat"]
ENDING = ["/bin/true"]


@contextmanager
def reaped(child: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """End a child and its pipes, come what may."""
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def waiting() -> subprocess.Popen[bytes]:
    """Start a child that waits for its input to end."""
    return subprocess.Popen(WAITING, stdin=subprocess.PIPE)


def zombie() -> subprocess.Popen[bytes]:
    """Start a child and see it end, without reaping it."""
    child = subprocess.Popen(ENDING)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    return child


def test_a_running_child_is_seen_where_it_was_started(watch: Make) -> None:
    """Pid, command, state and the test's own line."""
    watching = watch("processes")
    child, line = subprocess.Popen(WAITING, stdin=subprocess.PIPE), here()
    with reaped(child):
        sighting = watching.only()
    assert (sighting.resource.type, sighting.resource.id) == ("child process", f"pid {child.pid}")
    assert sighting.resource.detail.startswith("/bin/cat")
    assert sighting.summary == "a child process was started and is still running"
    assert site_of(sighting, __file__) == line


def test_a_child_that_nobody_reaped_is_a_zombie(watch: Make) -> None:
    """It has ended, and its number stays taken."""
    watching = watch("processes")
    with reaped(zombie()):
        sighting = watching.only()
    assert sighting.resource.type == "zombie"
    assert sighting.resource.detail == "/bin/true, zombie: it ended and was never reaped"
    assert sighting.fix == "process.wait() on every path"


def test_a_child_that_was_waited_for_is_forgotten(watch: Make) -> None:
    """Started and reaped leaves no difference."""
    watching = watch("processes")
    subprocess.run(ENDING, check=True)
    assert watching.scope.is_clean()


def test_an_allowed_child_is_no_leak(watch: Make) -> None:
    """An allowance of the kind turns the verdict."""
    watching = watch("processes")
    with reaped(zombie()):
        sighting = watching.only()
    assert judge.verdict(sighting, allowance("processes")) == (Verdict.ALLOWED, ON_PURPOSE)


def test_without_waitid_the_probe_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no such call."""
    monkeypatch.delattr(os, "waitid")
    with pytest.raises(Unavailable, match=r"no waitid\(2\)"):
        ProcessProbe()


def test_without_proc_the_panel_says_so(monkeypatch: pytest.MonkeyPatch, clean_faults: None) -> None:
    """Where there is no /proc, the kind is named with the reason."""
    monkeypatch.setattr(processes.env, "LINUX", False)
    assert Panel(("processes",)).unavailable == {
        "processes": "child processes are read from /proc, which only Linux has"
    }


def test_a_forked_child_is_seen_where_it_was_forked(watch: Make) -> None:
    """A bare fork has no object: it is known by the time of its birth."""
    watching = watch("processes")
    pid, line = os.posix_spawn("/bin/true", ["/bin/true"], {}), here()
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    sighting = watching.only()
    os.waitpid(pid, 0)
    assert site_of(sighting, __file__) == line
    assert sighting.resource.detail.startswith("/bin/true, zombie")


def test_a_child_without_a_birth_is_described_by_its_name(no_outer_session: None) -> None:
    """Started by C code, a zombie has no command line: the system's short name stands for it."""
    pid = os.posix_spawn("/bin/true", ["/bin/true"], {})
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    probe, book = ProcessProbe(), Ledger(Owner("function"))
    (ident,) = (ident for ident in probe.take(book) if ident[0] == pid)
    sighting = probe.describe(ident, book)
    os.waitpid(pid, 0)
    assert sighting is not None
    assert sighting.resource.detail == "true, zombie: it ended and was never reaped"
    assert (sighting.stack, sighting.age_s) == ((), None)


def test_a_command_given_as_text_is_shown_as_text(watch: Make) -> None:
    """`shell=True` takes one string; a zombie's own command line is gone."""
    watching = watch("processes")
    child = subprocess.Popen("exit 0", shell=True)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    with reaped(child):
        sighting = watching.only()
    assert "exit 0" in sighting.resource.detail


def test_a_child_of_another_ledger_is_not_this_scopes(watch: Make) -> None:
    """What a wider fixture started meanwhile is described to nobody here."""
    watching = watch("processes")
    with another_ledger():
        child = waiting()
    with reaped(child):
        assert len(watching.born()) == 1
        assert watching.left() == ()


def test_a_vanished_child_is_described_as_none(watch: Make) -> None:
    """Reaped between the look and the description."""
    watching = watch("processes")
    with reaped(zombie()):
        spot = watching.spot()
    panel = watching.session.panel
    assert panel.describe(*spot, watching.ledger) is None
    assert panel.release(*spot, watching.ledger) == ""


def test_another_process_with_the_same_pid_is_described_as_none(watch: Make) -> None:
    """The start time is part of the identity, so that a reused pid is never killed."""
    watching = watch("processes")
    with reaped(waiting()):
        name, (pid, started) = watching.spot()
        assert isinstance(started, int)
        other = (pid, started + 1)
        assert watching.session.panel.describe(name, other, watching.ledger) is None
        assert watching.session.panel.release(name, other, watching.ledger) == ""


def test_infrastructure_of_multiprocessing_is_excused(watch: Make) -> None:
    """The resource tracker lives as long as the interpreter: named by rule, by its command line."""
    watching = watch("processes")
    command = [sys.executable, "-c", "input()", "from multiprocessing.resource_tracker import main"]
    with reaped(subprocess.Popen(command, stdin=subprocess.PIPE)):
        assert watching.left() == ()
    assert rules.excused(rules.COMMANDS, " ".join(command))


def test_a_released_child_is_killed_and_reaped_through_its_object(watch: Make) -> None:
    """The Popen object knows the exit code, so that the user's own wait() answers."""
    watching = watch("processes")
    with reaped(waiting()) as child:
        assert watching.thing() is child
        assert watching.release() == "killed"
        assert child.returncode == -signal.SIGKILL


def test_a_released_zombie_is_reaped(watch: Make) -> None:
    """There is nothing to kill any more."""
    watching = watch("processes")
    with reaped(zombie()) as child:
        assert watching.release() == "reaped"
        assert child.returncode == 0


def test_a_child_without_an_object_is_killed_and_reaped(watch: Make) -> None:
    """A bare child's pid cannot be another's before it is reaped."""
    watching = watch("processes")
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", "import signal; signal.pause()"], {})
    assert watching.thing() is None
    assert watching.release() == "killed"
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)


def test_a_child_that_may_not_be_killed_is_left(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A permission error while letting go is no fault, and nothing is claimed."""

    def refuse(self: object) -> None:
        raise PermissionError("not permitted")

    watching = watch("processes")
    with reaped(waiting()), monkeypatch.context() as patch:
        patch.setattr(subprocess.Popen, "kill", refuse)
        assert watching.release() == ""
    assert watching.session.panel.unavailable == {}


def test_a_process_that_may_not_be_read_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some systems hide /proc of others (hidepid)."""

    def refuse(*args: object, **kwargs: object) -> object:
        raise PermissionError("hidden")

    monkeypatch.setattr(processes, "open", refuse, raising=False)
    assert processes.read(os.getpid()) is None


def test_a_thread_that_ends_during_the_look_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder is gone by the time that its children are read."""
    listed = os.listdir("/proc/self/task")
    monkeypatch.setattr(os, "listdir", lambda folder: ["0", *listed])
    child = zombie()
    with reaped(child):
        assert child.pid in processes.children()


@pytest.fixture(autouse=True)
def tracker() -> None:
    """What multiprocessing starts once and keeps is there before a test hides the session that would know it."""
    ensure_running()


@pytest.fixture
def worker() -> Iterator[multiprocessing.process.BaseProcess]:
    """A process of multiprocessing's that was not started yet and waits once it is."""
    process = multiprocessing.get_context("spawn").Process(target=signal.pause, daemon=True)
    yield process
    process.kill()
    process.join()
    process.close()


def test_a_spawned_worker_is_seen_where_it_was_started(
    watch: Make, worker: multiprocessing.process.BaseProcess
) -> None:
    """No audit event tells of it: the call that starts it is wrapped."""
    watching = watch("processes")
    line = here() + 1
    worker.start()
    sighting = watching.only()
    assert sighting.resource.id == f"pid {worker.pid}"
    assert site_of(sighting, __file__) == line


def test_a_worker_of_another_ledger_is_not_this_scopes(
    watch: Make, worker: multiprocessing.process.BaseProcess
) -> None:
    """A wider fixture's pool may start one at any time."""
    watching = watch("processes")
    with another_ledger():
        worker.start()
    assert watching.left() == ()


def test_a_released_worker_is_killed_and_reaped_through_its_object(
    watch: Make, worker: multiprocessing.process.BaseProcess
) -> None:
    """Its Process object knows that it ended."""
    watching = watch("processes")
    worker.start()
    assert watching.thing() is worker
    assert watching.release() == "killed"
    assert worker.exitcode == -signal.SIGKILL


def test_the_pipes_of_a_worker_are_told_with_it(watch: Make, worker: multiprocessing.process.BaseProcess) -> None:
    """They close with its Process object: one leak, one finding."""
    watching = watch("processes", "pipes")
    worker.start()
    assert watching.only().resource.id == f"pid {worker.pid}"
