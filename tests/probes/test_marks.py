"""Marks: an epoll is told from the next one under its number; what the mark would mean something to is left alone."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator

import pytest

from no_leaks import env
from no_leaks.ledger import Ledger
from no_leaks.model import Owner
from no_leaks.probes import marks
from no_leaks.probes.descriptors import DescriptorProbe

pytestmark = pytest.mark.skipif(not env.LINUX, reason="Linux only")
LINK = "anon_inode:[eventpoll]"


@pytest.fixture
def epoll() -> Iterator[int]:
    """Give the number of an epoll."""
    with select.epoll() as opened:
        yield opened.fileno()


def test_a_mark_is_put_on_and_taken_off(epoll: int) -> None:
    """Once is enough: what has the flag already is not ours to mark."""
    assert (marks.put(epoll, LINK), marks.is_on(epoll), marks.put(epoll, LINK)) == (True, True, False)
    marks.take_off(epoll)
    assert not marks.is_on(epoll)


def test_another_under_the_number_has_none() -> None:
    """The flag is that of what was opened, and goes with it."""
    first = select.epoll()
    number = first.fileno()
    marks.put(number, LINK)
    first.close()
    with select.epoll() as second:
        assert (second.fileno(), marks.is_on(number)) == (number, False)


def test_a_file_is_not_marked() -> None:
    """It would be appended to from now on."""
    with open(os.devnull, "rb") as file:
        assert not marks.put(file.fileno(), os.devnull)
        assert not marks.is_on(file.fileno())


def test_what_the_system_refuses_to_mark_is_not(epoll: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that refuses the flag leaves the question as it was."""
    import fcntl

    ask = fcntl.fcntl

    def refuse(fd: int, command: int, value: int = 0) -> object:
        if command == fcntl.F_SETFL:
            raise PermissionError
        return ask(fd, command, value)

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    assert not marks.put(epoll, LINK)


def test_what_is_closed_by_now_is_neither_marked_nor_made_again() -> None:
    """Nothing is there that could have been."""
    probe = DescriptorProbe()
    with select.epoll() as epoll:
        status = os.fstat(epoll.fileno())
        ident = (epoll.fileno(), status.st_dev, status.st_ino)
        probe.mark(ident)
    probe.mark(ident)
    assert not probe.made_again(ident, Ledger(Owner("function")))
    probe.unmark(ident)
