"""The descriptor table: what is open is seen, by identity, and belongs to the scope that opened it."""

from __future__ import annotations

import os
import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support import ON_PURPOSE, Watch, allowance, another_ledger, here, site_of

from no_leaks import judge
from no_leaks.handles import kind_of
from no_leaks.ledger import Ledger
from no_leaks.model import Ident, Owner, Verdict
from no_leaks.names import HANDLES
from no_leaks.probes import descriptors
from no_leaks.probes.descriptors import DescriptorProbe
from no_leaks.probes.panel import Panel
from no_leaks.probes.protocol import Unavailable

Make = Callable[..., Watch]


@pytest.fixture
def book(no_outer_session: None) -> Ledger:
    """A ledger that knows of nothing."""
    return Ledger(Owner("function"))


def test_an_open_file_is_seen_where_it_was_opened(watch: Make) -> None:
    """The sighting names the kind and the test's own line."""
    watching = watch("files")
    file, line = open(os.devnull), here()
    sighting = watching.only()
    file.close()
    assert (sighting.kind, site_of(sighting, __file__)) == ("files", line)


def test_a_closed_file_is_forgotten(watch: Make) -> None:
    """What is closed by the scope's end is nothing to speak of."""
    watching = watch("files")
    open(os.devnull).close()
    assert watching.scope.is_clean()


def test_an_allowed_file_is_no_leak(watch: Make) -> None:
    """An allowance of the kind turns the verdict and gives the user's reason."""
    watching = watch("files")
    with open(os.devnull):
        sighting = watching.only()
    assert judge.verdict(sighting, allowance("files")) == (Verdict.ALLOWED, ON_PURPOSE)


@pytest.mark.parametrize("folder", [None, "/nowhere/at/all"])
def test_without_a_readable_folder_the_probe_says_why(folder: str | None) -> None:
    """A platform without the folder, or a sandbox that hides it, is a reason in words."""
    with pytest.raises(Unavailable, match=r"no folder that lists|/nowhere/at/all cannot be read: No such file"):
        DescriptorProbe(folder)


def test_the_panel_says_that_handles_are_unavailable(monkeypatch: pytest.MonkeyPatch, clean_faults: None) -> None:
    """All four kinds that the table serves are named with the reason."""
    monkeypatch.setattr(DescriptorProbe.__init__, "__defaults__", (None,))
    panel = Panel(HANDLES)
    assert set(panel.unavailable) == set(HANDLES)
    assert set(panel.probes) == {"losses", "watched"}


def test_another_file_at_the_same_number_is_born_and_the_old_one_gone(watch: Make, tmp_path: Path) -> None:
    """Identity is not the number: an equal count hides nothing."""
    first = os.open(tmp_path, os.O_RDONLY)
    watching = watch("files", "fds")
    os.close(first)
    second = os.open(os.devnull, os.O_RDONLY)
    found = watching.left()
    os.close(second)
    assert first == second
    assert [one.sighting.resource.id for one in found] == [f"fd {second}"]
    assert [ident[0] for _, ident in watching.scope.foreign] == [first]


@pytest.mark.parametrize("make", [lambda: open(os.devnull), socket.socket], ids=["file", "socket"])
def test_a_descriptor_of_another_ledger_is_not_this_scopes(watch: Make, make: Callable[[], Any]) -> None:
    """What a wider fixture opened meanwhile is described to nobody here."""
    watching = watch(*HANDLES)
    with another_ledger():
        thing = make()
    with thing:
        assert len(watching.born()) == 1
        assert watching.left() == ()


def test_what_is_closed_by_now_is_described_as_none(watch: Make) -> None:
    """Between a look and a description it may be closed."""
    watching = watch("files")
    with open(os.devnull):
        spot = watching.spot()
    panel = watching.session.panel
    assert panel.describe(*spot, watching.ledger) is None
    assert panel.release(*spot, watching.ledger) == ""
    assert panel.thing(*spot, watching.ledger) is None


def test_another_thing_at_the_number_is_described_as_none(book: Ledger, tmp_path: Path) -> None:
    """A number that points elsewhere by now is not the thing that was seen."""
    probe = DescriptorProbe()
    with open(os.devnull) as file:
        _, device, inode = next(ident for ident in probe.take(book) if ident[0] == file.fileno())
        assert isinstance(inode, int)
        assert probe.describe((file.fileno(), device, inode + 1), book) is None


def test_a_descriptor_that_closes_during_the_look_is_left_out(monkeypatch: pytest.MonkeyPatch, book: Ledger) -> None:
    """The listing names a number whose fstat fails: no error, no identity."""
    probe = DescriptorProbe()
    monkeypatch.setattr(descriptors.os, "listdir", lambda folder: ["0", "999999"])
    assert probe.take(book) == frozenset()


def test_a_released_file_is_closed_through_its_object(watch: Make) -> None:
    """The object itself knows that it is closed, so that nobody closes the number a second time."""
    watching = watch("files")
    file = open(os.devnull)
    assert watching.thing() is file
    assert watching.release() == "closed"
    assert file.closed


def test_a_bare_descriptor_is_left_alone(watch: Make) -> None:
    """Nobody owns the number: whoever opened it may still close it, and by then it could be another's."""
    watching = watch("files")
    fd = os.open(os.devnull, os.O_RDONLY)
    assert watching.release() == ""
    assert watching.thing() is None
    os.close(fd)


def test_an_open_descriptor_is_found_by_the_thread_that_opened_it(watch: Make) -> None:
    """A file that a thread of the test opened is the test's, and its site is the thread's own line."""
    watching = watch("files")
    made: list[Any] = []

    def work() -> None:
        made.append((open(os.devnull), here()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    ((file, line),) = made
    sighting = watching.only()
    file.close()
    assert site_of(sighting, __file__) == line


def test_what_was_open_before_is_recalled_in_words_once(watch: Make, tmp_path: Path) -> None:
    """The warning about a foreign close names the path; a second question finds nothing."""
    probe, ident = closed_meanwhile(watch, tmp_path / "log")
    assert probe.recall(ident) == f"fd {ident[0]} ({tmp_path}/log)"
    assert probe.recall(ident) is None


def closed_meanwhile(watch: Make, path: Path | str) -> tuple[DescriptorProbe, Ident]:
    """Close a file in a scope that did not open it; return the probe, which was told of it, and its identity."""
    with open(path, "a") as file:
        watching = watch("files")
        probe = watching.session.panel.probes["descriptors"]
        assert isinstance(probe, DescriptorProbe)
        probe.remember(watching.scope.before["descriptors"])
        number = file.fileno()
    assert not watching.scope.is_clean()
    watching.left()
    ((_, ident),) = watching.scope.foreign
    assert ident[0] == number
    return probe, ident


def test_what_is_gone_already_cannot_be_remembered(book: Ledger) -> None:
    """A descriptor that closes before it is read is passed over."""
    probe = DescriptorProbe()
    probe.remember(frozenset({(999999, 0, 0)}))
    assert probe.recall((999999, 0, 0)) is None


def test_without_links_the_kind_stands_for_the_path(monkeypatch: pytest.MonkeyPatch, book: Ledger) -> None:
    """Where the system shows no links (macOS), what was open is remembered by its kind."""
    probe = DescriptorProbe()
    monkeypatch.setattr(descriptors.env, "LINUX", False)
    with socket.socket() as sock:
        ident = next(ident for ident in probe.take(book) if ident[0] == sock.fileno())
        probe.remember(frozenset({ident}))
        assert probe.recall(ident) == f"fd {sock.fileno()} (sockets)"


def test_without_links_a_file_is_described_without_its_path(monkeypatch: pytest.MonkeyPatch, book: Ledger) -> None:
    """The kind comes from the mode, so that the leak is seen all the same."""
    probe = DescriptorProbe()
    monkeypatch.setattr(descriptors.env, "LINUX", False)
    with open(os.devnull) as file:
        ident = next(ident for ident in probe.take(book) if ident[0] == file.fileno())
        sighting = probe.describe(ident, book)
    assert sighting is not None
    assert sighting.resource.detail == "(path unknown), open for reading"


@pytest.mark.parametrize(
    ("mode", "link", "kind"),
    [
        (0o140000, "socket:[7]", "sockets"),
        (0o010000, "pipe:[7]", "pipes"),
        (0o100000, "/tmp/x", "files"),
        (0o100000, "/memfd:x (deleted)", "fds"),
        (0o060000, "/dev/sda", "files"),
        (0o020000, "/dev/null", "files"),
        (0o020000, "/dev/pts/3", "fds"),
        (0o040000, "/tmp", "fds"),
        (0, "anon_inode:[eventpoll]", "fds"),
    ],
)
def test_the_system_decides_the_kind(mode: int, link: str, kind: str) -> None:
    """The type bits sort; memory files and terminals are no files to their users."""
    assert kind_of(link, mode) == kind


def test_the_null_device_is_missed_by_nobody(watch: Make) -> None:
    """`dictConfig` closes pytest's handler on it, in whatever test configures logging."""
    probe, ident = closed_meanwhile(watch, os.devnull)
    assert probe.recall(ident) is None


@pytest.mark.skipif(not hasattr(selectors, "EpollSelector"), reason="epoll is Linux's")
def test_an_epoll_under_the_number_of_an_older_one_is_not_that_one(watch: Make) -> None:
    """All of them share one inode, so that number, device and inode are the same."""
    older = selectors.EpollSelector()
    number = older.fileno()
    watching = watch("fds")
    older.close()
    with closing(selectors.EpollSelector()) as younger:
        assert younger.fileno() == number
        sighting = watching.only()
        assert (sighting.resource.id, site_of(sighting, __file__)) == (f"fd {number}", here() - 3)
        assert watching.left()[0].spot is not None


@pytest.mark.skipif(not hasattr(selectors, "EpollSelector"), reason="epoll is Linux's")
def test_an_epoll_that_was_closed_again_is_no_leak(watch: Make) -> None:
    """Neither the older one, which is gone, nor its follower."""
    older = selectors.EpollSelector()
    watching = watch("fds")
    older.close()
    selectors.EpollSelector().close()
    assert watching.left() == ()
