"""Numbers are given again at once: what is open under one is not what was closed under it before, nor made where that was."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import socket
import sqlite3
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support import Watch, another_ledger, here, site_of

from no_leaks import ledger

Make = Callable[..., Watch]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """What is dropped here on purpose says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


@pytest.fixture
def watching(watch: Make) -> Watch:
    """A scope that is asked for all handles, losses and loops."""
    return watch("files", "sockets", "pipes", "fds", "unclosed", "tasks")


def drop_a_socket() -> int:
    """Drop a socket unclosed; return its number."""
    return socket.socket().fileno()


def test_a_socket_that_is_left_where_one_was_dropped(watching: Watch) -> None:
    """Both are told, each with its line."""
    fd, line = drop_a_socket(), here()
    with socket.socket() as left:
        assert left.fileno() == fd
        found = [one.sighting for one in watching.left()]
    assert sorted(one.kind for one in found) == ["sockets", "unclosed"]
    assert {one.resource.id for one in found} == {f"fd {fd}"}
    assert site_of(next(one for one in found if one.kind == "sockets"), __file__) == line + 1


def test_what_c_code_left_where_a_socket_was_dropped_has_no_site(watching: Watch) -> None:
    """That of the socket is not its own."""
    fd = drop_a_socket()
    with select.epoll() as left:
        assert left.fileno() == fd
        found = {one.sighting.kind: one.sighting for one in watching.left()}
    assert set(found) == {"fds", "unclosed"}
    assert found["fds"].stack == ()


def test_a_socket_that_is_left_where_a_loops_was_is_told(watching: Watch) -> None:
    """A loop that was dropped explains the descriptors that went with it, and none that has come since."""
    asyncio.DefaultEventLoopPolicy().new_event_loop()
    gc.collect()
    (loop,) = (loss for loss in watching.ledger.losses if loss.kind == "tasks")
    left = [socket.socket() for _ in loop.covers_fds]
    assert {one.fileno() for one in left} == set(loop.covers_fds)
    found = {one.sighting.resource.id for one in watching.left() if one.sighting.kind == "sockets"}
    for one in left:
        one.close()
    assert found == {f"fd {fd}" for fd in loop.covers_fds}


def test_a_socket_that_was_dropped_where_a_loops_is_now_is_told(watching: Watch) -> None:
    """A loop that is open explains what is open."""
    fd = drop_a_socket()
    loop = asyncio.DefaultEventLoopPolicy().new_event_loop()
    found = [one.sighting for one in watching.left()]
    loop.close()
    assert fd in next(one for one in found if one.kind == "tasks").covers_fds
    assert sorted(one.kind for one in found) == ["tasks", "unclosed"]


def test_a_loop_that_is_open_where_one_was_dropped(watching: Watch) -> None:
    """Each explains its own descriptors: two findings."""
    policy = asyncio.DefaultEventLoopPolicy()
    policy.new_event_loop()
    gc.collect()
    kept = policy.new_event_loop()
    found = [one.sighting for one in watching.left()]
    kept.close()
    assert [(one.kind, one.resource.type) for one in found] == [("tasks", "event loop")] * 2


def test_what_is_left_under_a_number_that_was_wrapped_before_has_no_site(watching: Watch) -> None:
    """A file of the number was closed; what C code opened since is not what it wrapped."""
    unseen: Any = os.pipe.__wrapped__  # type: ignore[attr-defined] # as C code makes it
    reading, writing = unseen()
    with open(reading, "rb"), open(writing, "wb"):
        pass
    again = unseen()
    found = [one.sighting for one in watching.left()]
    for fd in again:
        os.close(fd)
    assert again == (reading, writing)
    assert [(one.kind, one.stack) for one in found] == [("pipes", ())] * 2


def test_what_a_test_left_under_a_number_that_a_fixture_wrapped_is_the_tests(watching: Watch) -> None:
    """A wider fixture's server had the number for a moment meanwhile."""
    unseen: Any = os.pipe.__wrapped__  # type: ignore[attr-defined] # as C code makes it
    with another_ledger():
        reading, writing = unseen()
        with open(reading, "rb"), open(writing, "wb"):
            pass
    again = unseen()
    found = [one.sighting.resource.id for one in watching.left()]
    for fd in again:
        os.close(fd)
    assert found == [f"fd {fd}" for fd in again]


def open_and_close(count: int) -> set[int]:
    """Open so many databases and close them; return where they were."""
    bases = [sqlite3.connect(":memory:") for _ in range(count)]
    places = set(map(id, bases))
    while bases:
        bases.pop().close()
    gc.collect()
    return places


def drop_in(places: set[int], count: int) -> bool:
    """Open so many databases, and drop one that stands in one of these places; whether one does."""
    bases = [sqlite3.connect(":memory:") for _ in range(count)]
    there = [base for base in bases if id(base) in places][:1]
    for base in bases:
        if base not in there:
            base.close()
    return bool(there)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="sqlite3 warns from 3.13 on")
@pytest.mark.parametrize("checked", [True, False])
def test_a_database_that_falls_where_a_tests_own_was_is_not_the_tests(watching: Watch, checked: bool) -> None:
    """It is known by its address alone, and is the last that was made there: a wider fixture's, or nobody's."""
    with another_ledger() as wider:
        with ledger.at_work(watching.ledger):
            places = open_and_close(30)
        with ledger.at_work(wider if checked else None):
            came = any(drop_in(places, 30) for _ in range(20))
        with ledger.at_work(watching.ledger):
            gc.collect()
        assert len(wider.losses) == (checked and came)
    assert watching.ledger.losses == []
    if not came:
        pytest.skip("no address was given a second time")
