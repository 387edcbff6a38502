"""A leak in a reference cycle is the same leak whether the collector came by itself or the settling called it."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sqlite3
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from support import Watch, site_of

from no_leaks import births
from no_leaks.ledger import Ledger, Record
from no_leaks.model import Owner
from no_leaks.sensors import collected

Make = Callable[..., Watch]

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
KINDS = ("files", "sockets", "pipes", "fds", "tasks", "unclosed")


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep the collector away, from a clean start on."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def eager() -> Iterator[None]:
    """Let the collector come by itself, early."""
    before = gc.get_threshold()
    gc.set_threshold(5, 1000, 1000)
    gc.enable()
    try:
        yield
    finally:
        gc.disable()
        gc.set_threshold(*before)


def collections() -> int:
    """Return how often the collector came."""
    return sum(generation["collections"] for generation in gc.get_stats())


def automatic_collection() -> None:
    """Allocate until the collector has come by itself, twice."""
    with eager():
        until, kept = collections() + 2, list[object]()
        while collections() < until:
            kept.append([])


def keep_itself(thing: object) -> None:
    """Put a thing into a cycle that only the collector can take apart."""
    cycle: list[object] = [thing]
    cycle.append(cycle)


def tls() -> None:
    """Wrap a socket whose peer is gone."""
    left, right = socket.socketpair()
    with right, left:
        keep_itself(ssl.create_default_context().wrap_socket(left, server_hostname="x", do_handshake_on_connect=False))


def pipe() -> None:
    """Wrap both ends."""
    for end, mode in zip(os.pipe(), ("r", "w"), strict=True):
        keep_itself(os.fdopen(end, mode))


def sockets() -> None:
    """One closed, two dropped: the number alone does not tell which is which."""
    socket.socket().close()
    keep_itself(socket.create_server(("127.0.0.1", 0)))
    keep_itself(socket.socket(socket.AF_UNIX))


def spooled() -> None:
    """Written beyond its limit, it is a file."""
    file = tempfile.SpooledTemporaryFile(max_size=1)
    file.write(b"rolls over")
    keep_itself(file)


def loop() -> None:
    """An event loop that was never run."""
    keep_itself(asyncio.new_event_loop())


def scan() -> None:
    """Begun, and not read to its end."""
    entries = os.scandir("/")
    next(entries)
    keep_itself(entries)


@pytest.mark.parametrize(
    "make",
    [
        lambda: keep_itself(open(__file__)),
        lambda: keep_itself(open(__file__, "rb", buffering=0)),
        lambda: keep_itself(open(os.open(__file__, os.O_RDONLY))),
        lambda: keep_itself(tempfile.TemporaryFile()),
        lambda: keep_itself(tempfile.NamedTemporaryFile()),
        spooled,
        sockets,
        lambda: keep_itself(socket.socketpair()),
        tls,
        pipe,
        loop,
    ],
    ids=["file", "raw", "wrapped", "anonymous", "named", "spooled", "sockets", "pair", "tls", "pipe", "loop"],
)
def test_what_an_automatic_collection_closed_reads_as_what_a_look_would_have_found(
    watch: Make, make: Callable[[], None]
) -> None:
    """Kind, words and creation site; only the numbers and the age differ."""
    told: list[list[tuple[object, ...]]] = []
    for by_itself in (False, True):
        with no_collection():
            watching = watch(*KINDS)
            make()
            if by_itself:
                automatic_collection()
                assert watching.ledger.losses
            found = [one.sighting for one in watching.left()]
            told.append(
                sorted(
                    (seen.kind, seen.resource.type, seen.summary, seen.fix, site_of(seen, __file__)) for seen in found
                )
            )
            watching.scope.end()
    assert told[0] == told[1] != []
    assert all(kind != "unclosed" and site is not None for kind, *_, site in told[0])


@pytest.mark.skipif(sys.version_info < (3, 13), reason="sqlite3 warns from 3.13 on")
@pytest.mark.parametrize(("name", "kind"), [("base", "files"), (":memory:", "unclosed"), ("", "unclosed")])
def test_a_database_on_disk_is_a_file(watch: Make, tmp_path: Path, name: str, kind: str) -> None:
    """One in memory has no descriptor: nothing but the collector could tell of it."""
    with no_collection():
        watching = watch(*KINDS)
        base = sqlite3.connect(tmp_path / name if name == "base" else name)
        keep_itself(base)
        del base
        automatic_collection()
        (loss,) = watching.ledger.losses
        assert (loss.kind, site_of(loss, __file__) is not None) == (kind, True)


@pytest.mark.parametrize("older", [False, True])
def test_an_unfinished_scan_is_the_scopes_if_no_older_one_can_be_meant(watch: Make, older: bool) -> None:
    """It is closed before it warns, and the warning names nothing: what is left open tells."""
    with no_collection():
        if older:
            scan()
        watching = watch(*KINDS)
        if older:
            with os.scandir("/") as entries:
                next(entries)
        else:
            scan()
        automatic_collection()
        assert [loss.kind for loss in watching.ledger.losses] == ([] if older else ["fds"])


def test_an_anonymous_file_from_before_is_not_blamed_on_its_younger_twin(watch: Make) -> None:
    """Both lie in the temporary folder, and neither has a name."""
    with no_collection():
        keep_itself(tempfile.TemporaryFile())
        watching = watch(*KINDS)
        with tempfile.TemporaryFile():
            automatic_collection()
        assert watching.ledger.losses == []


def test_a_collection_that_the_program_asks_for_is_no_accident(watch: Make) -> None:
    """`gc.collect()` stands in the test: what it closes is `unclosed`, each time."""
    watching = watch(*KINDS)
    keep_itself(socket.socket())
    gc.collect()
    assert [loss.kind for loss in watching.ledger.losses] == ["unclosed"]


def test_of_two_descriptors_of_one_path_neither_is_described(watch: Make, tmp_path: Path) -> None:
    """The file's kind and site are certain; its number and position are not."""
    with no_collection():
        watching = watch(*KINDS)
        with open(tmp_path / "a", "w"):
            keep_itself(open(tmp_path / "a"))
            automatic_collection()
            (loss,) = watching.ledger.losses
    assert (loss.kind, loss.resource.id, site_of(loss, __file__) is not None) == ("files", "", True)


def test_a_descriptor_that_is_closed_by_now_is_not_described() -> None:
    """A finalizer of the program's own may have come first."""
    book = Ledger(Owner("function"))
    with closing(socket.socket()) as sock:
        number = sock.fileno()
    assert collected.as_seen(f"fd {number}", None, book) is None
    gone = births.Birth(book, Record("open", ("/no/such/file", "r", 0), ()))
    assert collected.as_seen("", gone, book) is None
    assert collected.as_seen("", None, book) is None


def test_a_finished_connection_without_its_beginning_stands_for_itself() -> None:
    """The record of the path may have been pruned."""
    book = Ledger(Owner("function"))
    address = births.Birth(book, Record("sqlite3.connect/handle", (7,), ()))
    assert collected.as_seen("", address, book) is None
