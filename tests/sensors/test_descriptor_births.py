"""Bare descriptors: their makers are wrapped, their records found by identity, and taken back when nobody listens."""

from __future__ import annotations

import os
import selectors
import socket
from collections.abc import Callable, Iterator

import pytest
from support import Watch, another_ledger, here, site_of

from no_leaks import births, faults, ledger
from no_leaks.model import Owner
from no_leaks.sensors import descriptors

Make = Callable[..., Watch]


def test_a_selector_knows_where_it_was_made(watch: Make) -> None:
    """No function of os makes an epoll object, so the selector's own birth is taken."""
    watching = watch("fds")
    selector, line = selectors.DefaultSelector(), here()
    sighting = watching.only()
    selector.close()
    assert site_of(sighting, __file__) == line


def test_a_selector_that_is_made_next_to_a_loop_is_not_the_loops(watch: Make) -> None:
    """A loop of uvloop makes none for itself: the next one is the test's."""
    uvloop = pytest.importorskip("uvloop")
    watching = watch("tasks", "fds")
    loop = uvloop.new_event_loop()
    selector, line = selectors.DefaultSelector(), here()
    (sighting,) = (found.sighting for found in watching.left() if found.sighting.kind == "fds")
    selector.close()
    loop.close()
    assert site_of(sighting, __file__) == line


def test_a_number_that_is_given_again_is_not_explained_by_its_first_owner(watch: Make) -> None:
    """A pipe that was closed left a record: what has its number now is another thing."""
    watching = watch("fds", "pipes")
    for end in os.pipe():
        os.close(end)
    folder = os.open(os.sep, os.O_RDONLY)
    status = os.fstat(folder)
    birth = births.of_bare((folder, status.st_dev, status.st_ino), watching.scope.ledger)
    os.close(folder)
    assert birth is None


def test_a_pipe_of_another_ledger_is_not_this_scopes(watch: Make) -> None:
    """A wider fixture's pipe is explained by its own ledger."""
    watching = watch("pipes")
    with another_ledger():
        ends = os.pipe()
    left = watching.left()
    for end in ends:
        os.close(end)
    assert left == ()


@pytest.fixture
def records(no_outer_session: None) -> Iterator[list[ledger.Record]]:
    """What is written while everything is wrapped and nobody is at work."""
    descriptors.install()
    book = ledger.open_ledger(Owner("function"))
    yield book.records
    descriptors.remove()


def test_nobody_at_work_writes_no_record(records: list[ledger.Record]) -> None:
    """Without a ledger the wrapper is the function itself, and nothing more."""
    ends = os.pipe()
    for end in ends:
        os.close(end)
    selectors.DefaultSelector().close()
    assert records == []


def test_a_fault_of_ours_does_not_reach_the_caller(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipe is made, and the fault is noted once."""
    watch("pipes")
    monkeypatch.setattr(descriptors.os, "fstat", lambda fd: 1 / 0)
    ends = os.pipe()
    monkeypatch.undo()
    for end in ends:
        os.close(end)
    assert "bare descriptors" in faults.noted()
    faults.clear()


def test_a_fault_of_ours_does_not_keep_a_socket_from_being_detached(
    watch: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number is given away as ever, and the fault is noted once."""
    watch("sockets")
    sock = socket.socket()
    monkeypatch.setattr(descriptors.os, "fstat", lambda fd: 1 / 0)
    fd = sock.detach()
    monkeypatch.undo()
    os.close(fd)
    assert "detached sockets" in faults.noted()
    faults.clear()


def test_a_socket_from_before_the_session_is_detached_without_a_record(watch: Make) -> None:
    """Nobody saw it made, so nobody's it is; nor is one that was closed."""
    sock = socket.socket()
    watching = watch("sockets")
    os.close(sock.detach())
    assert sock.detach() == -1
    assert list(watching.ledger.of(descriptors.EVENT)) == []


def test_nobody_at_work_writes_no_record_of_a_detached_socket(records: list[ledger.Record]) -> None:
    """Without a ledger the wrapper is the method itself, and nothing more."""
    os.close(socket.socket().detach())
    assert records == []


def test_a_socket_that_was_closed_behind_its_back_is_no_fault(watch: Make) -> None:
    """Its object does not know; there is nothing to hand on."""
    watching = watch("sockets")
    sock = socket.socket()
    os.close(sock.fileno())
    assert sock.detach() >= 0
    assert list(watching.ledger.of(descriptors.EVENT)) == []
    assert "detached sockets" not in faults.noted()
