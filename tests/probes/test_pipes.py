"""Pipes: each end for itself, by number and by side, and a FIFO by its path."""

from __future__ import annotations

import os
import posix
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.resource_tracker import ResourceTracker
from pathlib import Path

import pytest
from support import ON_PURPOSE, Watch, allowance, another_ledger, here, site_of

from no_leaks import judge
from no_leaks.model import Verdict
from no_leaks.probes.descriptors import DescriptorProbe
from no_leaks.probes.panel import Panel

Make = Callable[..., Watch]

LOCKS = [(b"*", True, "signal lock of libuv"), (b"**", True, ""), (b"", True, ""), (b"*", False, "")]
"""What lies in a pipe, whether uvloop is loaded, and the excuse."""


def test_both_ends_of_a_pipe_are_seen(watch: Make) -> None:
    """Nothing tells of `os.pipe`: the table alone sees both ends, and says which is which."""
    watching = watch("pipes")
    ends = os.pipe()
    found = [one.sighting for one in watching.left()]
    for end in ends:
        os.close(end)
    assert [sighting.resource.id for sighting in found] == [f"fd {end}" for end in ends]
    assert [sighting.summary.partition(" of")[0] for sighting in found] == ["the read end", "the write end"]


def test_a_closed_pipe_is_forgotten(watch: Make) -> None:
    """Both ends closed leaves no difference."""
    watching = watch("pipes")
    for end in os.pipe():
        os.close(end)
    assert watching.scope.is_clean()


def test_one_closed_end_leaves_the_other(watch: Make) -> None:
    """The common mistake: the reader is closed and the writer forgotten."""
    watching = watch("pipes")
    reading, writing = os.pipe()
    os.close(reading)
    sighting = watching.only()
    os.close(writing)
    assert sighting.resource.detail.startswith("write end of pipe:[")


def test_an_allowed_pipe_is_no_leak(watch: Make) -> None:
    """An allowance of the kind turns the verdict of both ends."""
    watching = watch("pipes")
    ends = os.pipe()
    found = watching.left()
    for end in ends:
        os.close(end)
    verdicts = {judge.verdict(one.sighting, allowance("pipes")) for one in found}
    assert verdicts == {(Verdict.ALLOWED, ON_PURPOSE)}


def test_pipes_are_unavailable_where_descriptors_are(monkeypatch: pytest.MonkeyPatch, clean_faults: None) -> None:
    """The kind is served by the descriptor table, and the reason is the table's."""
    monkeypatch.setattr(DescriptorProbe.__init__, "__defaults__", (None,))
    assert list(Panel(("pipes",)).unavailable) == ["pipes"]


def test_a_wrapped_end_knows_where_the_pipe_was_made(watch: Make) -> None:
    """`os.pipe` is wrapped while a session checks; wrapping an end in a file comes second."""
    watching = watch("pipes")
    (reading, writing), line = os.pipe(), here()
    file = os.fdopen(reading)
    os.close(writing)
    with file:
        sighting = watching.only()
    assert site_of(sighting, __file__) == line
    assert sighting.age_s is not None


def test_a_pipe_of_c_code_is_known_where_an_end_was_wrapped(watch: Make) -> None:
    """Nothing told of its making: the file around it is the nearest there is to a birth."""
    watching = watch("pipes")
    reading, writing = posix.pipe()
    file, line = os.fdopen(reading), here()
    posix.close(writing)
    with file:
        sighting = watching.only()
    assert site_of(sighting, __file__) == line


def test_a_wrapped_end_of_another_ledger_is_not_this_scopes(watch: Make) -> None:
    """A wider fixture wrapped it: it is described to nobody here."""
    watching = watch("pipes")
    with another_ledger():
        reading, writing = os.pipe()
        file = os.fdopen(reading)
    os.close(writing)
    with file:
        assert watching.left() == ()


def test_a_fifo_is_shown_by_its_path_and_site(watch: Make, tmp_path: Path) -> None:
    """A named pipe is opened like a file, so that its site is known."""
    path = tmp_path / "queue"
    os.mkfifo(path)
    watching = watch("pipes")
    fd, line = os.open(path, os.O_RDWR), here()
    sighting = watching.only()
    os.close(fd)
    assert sighting.resource.type == "FIFO"
    assert sighting.resource.detail.endswith(f"of {path}")
    assert site_of(sighting, __file__) == line


def test_a_childs_pipe_is_not_closed_by_force(watch: Make) -> None:
    """A writer's buffer may wait for a reader for ever: it is left alone, a reader is closed."""
    command = [sys.executable, "-c", "input()"]
    watching = watch("pipes")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        done = [watching.session.panel.release(*spot, watching.ledger) for spot in watching.born()]
        assert child.stdin is not None
        assert child.stdout is not None
        assert sorted(done) == ["", "closed"]
        assert (child.stdin.closed, child.stdout.closed) == (False, True)
        child.kill()


def test_a_vanished_end_is_described_as_none(watch: Make) -> None:
    """Closed between the look and the description."""
    watching = watch("pipes")
    reading, writing = os.pipe()
    os.close(writing)
    spot = watching.spot()
    os.close(reading)
    assert watching.session.panel.describe(*spot, watching.ledger) is None


def test_the_lifeline_of_the_resource_tracker_is_no_leak(watch: Make) -> None:
    """multiprocessing keeps it open for as long as the interpreter lives; the test's own pipe beside it is told."""
    watching = watch("pipes")
    tracker = ResourceTracker()
    tracker.ensure_running()
    ends = os.pipe()
    found = watching.left()
    for end in ends:
        os.close(end)
    tracker._stop()  # type: ignore[attr-defined] # the way its own tests end it
    assert [one.sighting.resource.id for one in found] == [f"fd {end}" for end in ends]


def test_what_the_first_loop_of_uvloop_makes_for_good_is_no_leak() -> None:
    """libuv locks its signals with a pipe, which it makes once for each process: hence one of its own."""
    pytest.importorskip("uvloop")
    program = "import no_leaks, uvloop\nwith no_leaks.no_leaks(): uvloop.new_event_loop().close()"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(("waiting", "loaded", "excuse"), LOCKS)
def test_only_libuvs_lock_is_excused(
    watch: Make, monkeypatch: pytest.MonkeyPatch, waiting: bytes, loaded: bool, excuse: str
) -> None:
    """One byte, the lock, always waits in it; without uvloop there is no libuv."""
    monkeypatch.delitem(sys.modules, "uvloop", raising=False)
    if loaded:
        monkeypatch.setitem(sys.modules, "uvloop", sys)
    watching = watch("pipes")
    reading, writing = posix.pipe()
    posix.write(writing, waiting)
    posix.close(writing)
    sighting = watching.describe()
    posix.close(reading)
    assert sighting is not None
    assert sighting.excuse == excuse
