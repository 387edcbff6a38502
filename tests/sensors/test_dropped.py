"""What was dropped unclosed: a warning's text becomes a loss in the ledger that the thing was born under."""

from __future__ import annotations

import _thread
import asyncio
import contextvars
import gc
import os
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support import Watch, another_ledger, here, site_of

from no_leaks import births, ledger, origin
from no_leaks.ledger import Ledger, Record
from no_leaks.model import Owner, Sighting
from no_leaks.sensors import dropped, strays, warnings_

Make = Callable[..., Watch]

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.usefixtures("no_outer_session")]


def lost(watching: Watch) -> Sighting:
    """Return the one loss that was written."""
    (sighting,) = watching.ledger.losses
    return sighting


def keep_itself(thing: object) -> None:
    """Put a thing into a cycle that only the collector can take apart."""
    cycle: list[object] = [thing]
    cycle.append(cycle)


def collected(thing: Callable[[], object]) -> None:
    """Make a thing, put it into a cycle, and let the automatic collection find it."""
    keep_itself(thing())
    gc.collect()


@pytest.mark.parametrize(
    ("make", "type_", "identity"),
    [
        (lambda: open(os.devnull), "file", False),
        (lambda: open(os.fsencode(os.devnull), "rb"), "file", False),
        (lambda: socket.socket(socket.AF_INET), "socket", True),
        (lambda: socket.create_server(("127.0.0.1", 0)), "socket", True),
        (lambda: tempfile.TemporaryDirectory(prefix="no-leaks-"), "temporary folder", False),
    ],
    ids=["file", "bytes", "socket", "server", "folder"],
)
@pytest.mark.parametrize("collect", [False, True], ids=["at once", "by the collector"])
def test_a_dropped_thing_is_charged_to_the_line_that_made_it(
    watch: Make, make: Callable[[], object], type_: str, identity: bool, collect: bool
) -> None:
    """Whether the last reference went or the collector came."""
    watching = watch("unclosed")
    (collected if collect else (lambda call: call() and None))(make)
    sighting = lost(watching)
    assert sighting.resource.type == type_
    assert bool(sighting.resource.id) is identity
    assert site_of(sighting, __file__) == make.__code__.co_firstlineno
    assert sighting.proof.startswith("the garbage collector" if collect else "it was closed by its finalizer")


def test_a_wrapped_descriptor_is_found_by_its_number(watch: Make) -> None:
    """`open(fd)` gives the file the number for a name."""
    fd = os.open(os.devnull, os.O_RDONLY)
    watching = watch("unclosed")
    line = here() + 1
    open(fd)
    assert site_of(lost(watching), __file__) == line


def test_a_path_with_quotes_is_found(watch: Make, tmp_path: Path) -> None:
    """The warning shows the name as Python writes it."""
    watching = watch("unclosed")
    line = here() + 1
    open(tmp_path / 'it\'s "quoted" \n\\ here', "w")
    assert site_of(lost(watching), __file__) == line


def test_of_two_opens_of_one_path_the_dropped_one_is_named(watch: Make, tmp_path: Path) -> None:
    """The other one was closed: its number leads nowhere."""
    watching = watch("unclosed")
    line = here() + 1
    dropped_one = open(tmp_path / "same", "a")
    open(tmp_path / "same", "a").close()
    del dropped_one
    assert site_of(lost(watching), __file__) == line


def test_a_running_child_is_found_by_its_pid(watch: Make) -> None:
    """The Popen object is dying: the pid is what remains."""
    watching = watch("unclosed")
    child = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE)
    pid, stdin = child.pid, child.stdin
    del child
    assert stdin is not None
    sighting = lost(watching)
    stdin.close()
    os.waitpid(pid, 0)
    subprocess._cleanup()
    assert (sighting.resource.type, sighting.resource.id) == ("process", f"pid {pid}")
    assert site_of(sighting, __file__) is not None


def test_an_unfinished_scan_is_the_only_one_that_can_be_meant(watch: Make, tmp_path: Path) -> None:
    """The warning gives no path."""
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    watching = watch("unclosed")
    line = here() + 1
    next(os.scandir(tmp_path))
    sighting = lost(watching)
    assert sighting.resource.type == "directory"
    assert site_of(sighting, __file__) == line


def test_a_tls_socket_is_called_one(watch: Make) -> None:
    """A handshake that fails leaves it to its user to close."""
    context = ssl.create_default_context()
    left, right = socket.socketpair()
    watching = watch("unclosed")
    with right, left:
        context.wrap_socket(left, server_hostname="x", do_handshake_on_connect=False)
        assert lost(watching).resource.type == "TLS socket"


def test_an_event_loop_is_called_one(watch: Make) -> None:
    """Its own warning names it; its socket pair goes with it."""
    watching = watch("unclosed")
    loop: Any = asyncio.new_event_loop()
    del loop
    gc.collect()
    types = [loss.resource.type for loss in (*watching.ledger.losses, *strays.kept)]
    assert "event loop" in types


@pytest.mark.skipif(sys.version_info < (3, 13), reason="sqlite3 warns from 3.13 on")
def test_a_database_is_called_one(watch: Make, tmp_path: Path) -> None:
    """Older interpreters close it without a word; it is in a cycle of its own, so that the collector has to come."""
    watching = watch("unclosed", "files")
    base, line = sqlite3.connect(tmp_path / "db"), here()
    del base
    (found,) = watching.left()
    assert (found.sighting.resource.type, site_of(found.sighting, __file__)) == ("database", line)
    assert found.sighting.proof


def test_a_file_that_another_ledger_opened_is_that_ledgers_loss(watch: Make) -> None:
    """A wider fixture's file that falls while this test runs."""
    watching = watch("unclosed")
    with another_ledger() as wider:
        file = open(os.devnull)
    del file
    assert watching.ledger.losses == []
    assert [loss.resource.type for loss in wider.losses] == ["file"]


def test_outside_a_scope_nothing_is_written(watch: Make) -> None:
    """The filter hears it, and no ledger is at work."""
    watching = watch("unclosed")
    with ledger.at_work(None):
        open(os.devnull)
    assert watching.ledger.losses == []
    assert list(strays.kept) == []


@pytest.mark.parametrize("collect", [gc.collect, warnings_.collect], ids=["asked", "ours"])
def test_what_a_collection_finds_while_our_own_code_is_at_work_is_its_scopes(
    watch: Make, collect: Callable[[], int]
) -> None:
    """It once came while a probe read a file, and the leak was not seen at all: the record says whose it is."""
    watching = watch("sockets", "unclosed")
    keep_itself(socket.socket())
    with ledger.at_work(None):
        collect()
    assert lost(watching).stack


def test_what_a_collection_finds_in_a_thread_of_nobody_is_its_scopes(watch: Make) -> None:
    """A thread that nobody saw start has no ledger, and the collector comes in whatever thread it likes."""
    watching = watch("sockets", "unclosed")
    keep_itself(socket.socket())
    done = _thread.allocate_lock()
    done.acquire()

    def work() -> None:
        gc.collect()
        done.release()

    context = contextvars.Context()
    _thread.start_new_thread(context.run, (work,))
    assert done.acquire(timeout=30)
    assert lost(watching).stack


def test_what_an_automatic_collection_finds_without_a_record_is_nobodys(watch: Make) -> None:
    """An earlier test's garbage falls on whoever happens to run: it is kept apart."""
    gc.disable()  # it is not to fall before the scope is open
    try:
        keep_itself(open(os.devnull))
        watching = watch("unclosed")
        gc.collect()
    finally:
        gc.enable()
    assert watching.ledger.losses == []
    assert [stray.resource.type for stray in strays.kept] == ["file"]


@pytest.mark.parametrize(
    "make",
    [
        socket.socket,
        lambda: open(os.devnull),
        lambda: os.fdopen(os.open(os.devnull, os.O_RDONLY)),
        lambda: os.scandir("/"),
        lambda: sqlite3.connect(":memory:"),
    ],
    ids=["socket", "file", "wrapped", "scan", "database"],
)
@pytest.mark.parametrize("collect", [gc.collect, warnings_.collect], ids=["asked", "ours"])
def test_a_scope_that_closes_its_own_is_not_charged_with_an_older_twin(
    watch: Make, make: Callable[[], Any], collect: Callable[[], int]
) -> None:
    """Garbage of unchecked code that falls while a scope runs which did the same, and did it well."""
    gc.collect()
    gc.disable()
    try:
        keep_itself(make())
        watching = watch("files", "sockets", "fds", "unclosed")
        with closing(make()):
            pass
        collect()
    finally:
        gc.enable()
    assert watching.ledger.losses == []


@pytest.mark.parametrize("collect", [gc.collect, warnings_.collect], ids=["asked", "ours"])
def test_a_scope_that_drops_its_own_is_charged_beside_an_older_twin(watch: Make, collect: Callable[[], int]) -> None:
    """The number that the scope's open got still leads to its path."""
    gc.collect()
    gc.disable()
    try:
        with open(os.devnull):
            watching = watch("files", "unclosed")
            keep_itself(open(os.devnull))
            collect()
    finally:
        gc.enable()
    assert [loss.resource.type for loss in watching.ledger.losses] == ["file"]


def test_a_database_of_the_scope_is_told_from_an_older_one(watch: Make) -> None:
    """Its address is on record (the interpreter tells of it from 3.11 on, and warns from 3.13 on)."""
    book = Ledger(Owner("function"))
    book.records.append(Record("sqlite3.connect/handle", (0x7F00AA,), origin.capture_here(0)))
    with ledger.at_work(book):
        dropped.write("unclosed database in <sqlite3.Connection object at 0x7f00bb>", None, "asked")
        dropped.write("unclosed database in <sqlite3.Connection object at 0x7f00AA>", None, "asked")
        dropped.write("unclosed database in <no address>", None, "asked")
    assert [bool(loss.stack) for loss in book.losses] == [True]
    assert len(strays.kept) == 2


def test_what_falls_in_the_scope_without_a_record_is_the_scopes(watch: Make) -> None:
    """It was opened before anybody listened, and its last reference went here."""
    file = open(os.devnull)
    watching = watch("unclosed")
    del file
    assert lost(watching).stack == ()
    assert lost(watching).now[0].line == here() - 2


def test_a_dead_socket_is_known_if_only_one_can_be_meant(watch: Make) -> None:
    """A cycle's weak references are cleared before its finalizers run."""
    watching = watch("unclosed")
    with closing(socket.socket()) as alive:
        collected(socket.socket)
        assert site_of(lost(watching), __file__) is not None
        assert alive.fileno() >= 0


def test_of_two_dead_sockets_neither_is_blamed_on_the_others_line(watch: Make) -> None:
    """A guess would be wrong half of the time."""
    book = Ledger(Owner("function"))
    dead = [socket.socket(), socket.socket()]
    places = [origin.capture_here(0), origin.capture_here(0)]
    book.records += [
        Record("socket.__new__", (), place, weakref.ref(sock)) for sock, place in zip(dead, places, strict=True)
    ]
    for sock in dead:
        sock.close()
    dead.clear()
    del sock
    with ledger.at_work(book):
        dropped.write("unclosed <socket.socket fd=999>", None)
    (loss,) = book.losses
    assert loss.stack == ()


def test_a_record_that_was_pruned_meanwhile_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may have made the ledger shorter."""
    book = Ledger(Owner("function"))
    monkeypatch.setattr(dropped, "_birth", lambda *args: births.Birth(book, Record("open", ("x",), ())))
    with ledger.at_work(book):
        dropped.write("unclosed file <x>", None, "asked")
    assert len(book.losses) == 1


@pytest.mark.parametrize("name", ["fd=3.txt", "pid=7", "subprocess 9 is running", "name=4"])
def test_a_number_in_a_name_is_no_descriptor(watch: Make, tmp_path: Path, name: str) -> None:
    """Names are the user's."""
    watching = watch("unclosed")
    line = here() + 1
    open(tmp_path / name, "w")
    assert lost(watching).resource.id == ""
    assert site_of(lost(watching), __file__) == line


def test_our_own_collection_finds_what_the_scope_made(watch: Make) -> None:
    """It is a finding like any other, and says that the collector had to do it."""
    watching = watch("unclosed")
    keep_itself(open(os.devnull))
    warnings_.collect()
    assert lost(watching).proof == "the garbage collector closed it"


def test_a_collected_socket_is_the_scopes_if_its_descriptor_is_younger(watch: Make) -> None:
    """Two sockets were made, and no record can be told for the dead one: its number was not open before."""
    watching = watch("sockets", "unclosed")
    socket.create_server(("127.0.0.1", 0)).close()
    keep_itself(socket.socket())
    gc.collect()
    assert [loss.resource.type for loss in watching.ledger.losses] == ["socket"]
    assert list(strays.kept) == []


def test_a_younger_thing_without_a_record_is_the_scopes(watch: Make) -> None:
    """Made where nobody listened, under a number that was free when the scope began."""
    watching = watch("sockets", "unclosed")
    with ledger.at_work(None):
        sock = socket.socket()
    del sock
    assert lost(watching).stack == ()
