"""Other descriptors: each is called what the system calls it, and the remedy fits."""

from __future__ import annotations

import os
import select
import selectors
from collections.abc import Callable
from pathlib import Path

import pytest
from support import ON_PURPOSE, Watch, allowance, another_ledger, here, site_of

from no_leaks import judge
from no_leaks.model import Verdict
from no_leaks.probes import fds
from no_leaks.probes.descriptors import DescriptorProbe
from no_leaks.probes.panel import Panel

Make = Callable[..., Watch]


def test_an_epoll_is_seen_by_name(watch: Make) -> None:
    """A selector that is never closed keeps its epoll."""
    watching = watch("fds")
    with select.epoll():
        sighting = watching.only()
    assert sighting.summary == "an epoll descriptor was opened and never closed"
    assert sighting.fix.startswith("selector.close()")


def test_a_closed_epoll_is_forgotten(watch: Make) -> None:
    """Opened and closed leaves no difference."""
    watching = watch("fds")
    selectors.EpollSelector().close()
    assert watching.scope.is_clean()


def test_an_allowed_descriptor_is_no_leak(watch: Make) -> None:
    """An allowance of the kind turns the verdict."""
    watching = watch("fds")
    with select.epoll():
        sighting = watching.only()
    assert judge.verdict(sighting, allowance("fds")) == (Verdict.ALLOWED, ON_PURPOSE)


def test_descriptors_are_unavailable_without_their_folder(monkeypatch: pytest.MonkeyPatch, clean_faults: None) -> None:
    """The kind is served by the descriptor table, and the reason is the table's."""
    monkeypatch.setattr(DescriptorProbe.__init__, "__defaults__", (None,))
    assert list(Panel(("fds",)).unavailable) == ["fds"]


def test_an_open_folder_is_seen_where_it_was_opened(watch: Make, tmp_path: Path) -> None:
    """A folder is opened like a file, so that its site is known."""
    watching = watch("fds")
    fd, line = os.open(tmp_path, os.O_RDONLY), here()
    sighting = watching.only()
    os.close(fd)
    assert (sighting.resource.type, sighting.resource.detail) == ("directory", str(tmp_path))
    assert sighting.fix.startswith("os.close(fd)")
    assert site_of(sighting, __file__) == line


def test_an_unfinished_scan_is_seen_where_it_was_begun(watch: Make, tmp_path: Path) -> None:
    """`os.scandir` keeps its folder open until it is exhausted or closed."""
    (tmp_path / "a").touch()
    watching = watch("fds")
    entries, line = os.scandir(tmp_path), here()
    with entries:
        sighting = watching.only()
    assert "os.scandir" in sighting.fix
    assert site_of(sighting, __file__) == line


def test_both_ends_of_a_terminal_are_seen(watch: Make) -> None:
    """A pty is two character devices, which are no files to their user."""
    watching = watch("fds")
    ends = os.openpty()
    found = watching.left()
    for end in ends:
        os.close(end)
    assert [one.sighting.resource.type for one in found] == ["terminal", "terminal"]


def test_a_memory_file_is_called_one(watch: Make) -> None:
    """A memfd has no path that anybody could open."""
    watching = watch("fds")
    fd = os.memfd_create("scratch")
    sighting = watching.only()
    os.close(fd)
    assert sighting.resource.type == "memory file"


def test_a_folder_of_another_ledger_is_not_this_scopes(watch: Make, tmp_path: Path) -> None:
    """A wider fixture opened it: it is described to nobody here."""
    watching = watch("fds")
    with another_ledger():
        fd = os.open(tmp_path, os.O_RDONLY)
    found = watching.left()
    os.close(fd)
    assert found == ()


def test_an_epoll_is_held_by_its_selector_and_left_open(watch: Make) -> None:
    """The selector is named as its holder, but never closed: a loop that runs on it would spin."""
    watching = watch("fds")
    with selectors.EpollSelector() as selector:
        assert watching.thing() is selector
        assert watching.release() == ""
        assert selector.fileno() >= 0


def test_a_released_terminal_is_closed_through_its_object(watch: Make) -> None:
    """The file that wraps one end knows that it is closed; the bare other end is left."""
    watching = watch("fds")
    ends = os.openpty()
    file = os.fdopen(ends[0], "rb", buffering=0)
    done = [watching.session.panel.release(*spot, watching.ledger) for spot in watching.born()]
    os.close(ends[1])
    assert done == ["closed", ""]
    assert file.closed


def test_the_number_of_an_earlier_tests_descriptor_explains_nothing(watch: Make) -> None:
    """All epolls share an inode, and numbers are given again: the earlier test is not its maker."""
    watching = watch("fds", "files")
    session = watching.session
    fd = os.eventfd(0) if hasattr(os, "eventfd") else os.open(os.devnull, os.O_RDONLY)
    with open(fd, "rb", buffering=0):
        pass
    assert session.close(watching.scope) == ()
    following = session.open(watching.scope.owner, watching.settings)
    with select.epoll() as poll:
        assert poll.fileno() == fd
        (leak,) = session.close(following)
    assert leak.resource.type == "epoll"


def test_a_vanished_folder_is_described_as_none(watch: Make, tmp_path: Path) -> None:
    """Closed between the look and the description."""
    watching = watch("fds")
    fd = os.open(tmp_path, os.O_RDONLY)
    spot = watching.spot()
    os.close(fd)
    assert watching.session.panel.describe(*spot, watching.ledger) is None


@pytest.mark.parametrize(
    ("link", "type_", "article"),
    [
        ("anon_inode:[eventfd]", "eventfd", "an"),
        ("anon_inode:[timerfd]", "timerfd", "a"),
        ("anon_inode:inotify", "inotify", "an"),
        ("anon_inode:[pidfd]", "pidfd", "a"),
        ("anon_inode:[io_uring]", "io_uring", "an"),
        ("", "unknown", "an"),
    ],
)
def test_an_anonymous_descriptor_is_called_by_its_link(link: str, type_: str, article: str) -> None:
    """Known ones get their remedy, unknown ones keep the system's word."""
    sighting = fds.describe(9, link, 0, None)
    assert sighting.resource.type == type_
    assert sighting.summary == f"{article} {type_} descriptor was opened and never closed"
