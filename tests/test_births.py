"""Births: the record, and with it the ledger, that a thing belongs to."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from support import Watch, alone

from no_leaks import births, ledger, older
from no_leaks.ledger import Ledger, Record
from no_leaks.model import Owner

Make = Callable[..., Watch]


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """No ledger of a run around these tests is in sight."""
    with alone():
        yield


@pytest.fixture
def book() -> Ledger:
    """A ledger that is asked first."""
    return ledger.open_ledger(Owner("function"))


@pytest.fixture
def wider() -> Ledger:
    """Another scope's ledger."""
    return ledger.open_ledger(Owner("session"))


def opened(path: object, flags: int | None = os.O_RDONLY) -> Record:
    """Make the record of an open."""
    return Record("open", (path, "r", flags, False), ())


def test_the_newest_record_is_found(book: Ledger) -> None:
    """An older open of the same path was closed, or is another descriptor."""
    old, new = opened("/a"), opened("/a")
    book.records += [old, new]
    assert births.of_file("/a", None, book) == (book, new)


def test_the_ledger_asked_for_comes_first(book: Ledger, wider: Ledger) -> None:
    """A newer record of another scope explains only what this one's cannot."""
    own, other = opened("/a"), opened("/a")
    book.records.append(own)
    wider.records.append(other)
    assert births.of_file("/a", None, book) == (book, own)
    assert births.of_file("/a", None, wider) == (wider, other)


def test_a_tombstone_still_explains(book: Ledger, wider: Ledger) -> None:
    """An earlier test's file that is seen late is that test's."""
    wider.records.append(opened("/a"))
    ledger.end_ledger(wider)
    found = births.of_file("/a", None, book)
    assert found is not None
    assert found.ledger is wider


def test_nothing_is_found_where_nothing_was_written(book: Ledger) -> None:
    """A C extension's descriptor has no birth."""
    assert births.of_file("/a", None, book) is None
    assert births.of_socket(3, book) is None
    assert births.of_opened_descriptor(3, book) is None
    assert births.of_mapping(3, "/a", book) is None
    assert births.of_child(1, None, book) is None
    assert births.of_child(1, 1.0, book) is None
    assert births.of_thread(threading.main_thread(), book) is None


def test_access_tells_two_opens_apart(book: Ledger) -> None:
    """Where the flags are unknown, any access will do."""
    reading, writing = opened("/a", os.O_RDONLY), opened("/a", os.O_WRONLY | os.O_CREAT)
    book.records += [reading, writing]
    assert births.of_file("/a", os.O_RDONLY, book) == (book, reading)
    assert births.of_file("/a", os.O_WRONLY, book) == (book, writing)
    book.records.append(opened("/a", None))
    assert births.of_file("/a", os.O_RDWR, book) == (book, book.records[-1])


def test_a_number_is_no_path_and_true_is_no_number(book: Ledger) -> None:
    """`open(3)` wraps a descriptor; a bool equals a number and is none."""
    book.records += [opened(3), opened(True)]
    assert births.of_opened_descriptor(3, book) == (book, book.records[0])
    assert births.of_opened_descriptor(1, book) is None
    assert births.of_file("3", None, book) is None


def test_a_record_with_few_facts_is_no_reason_to_fail(book: Ledger) -> None:
    """SQLite's event carries the path alone."""
    book.records.append(Record("sqlite3.connect", ("/a.db",), ()))
    assert births.of_file("/a.db", os.O_RDWR, book) is not None


@pytest.mark.parametrize("suffix", ["-wal", "-journal", "-shm"])
def test_a_databases_side_files_are_the_databases(book: Ledger, suffix: str) -> None:
    """SQLite opens them in C, beside the database."""
    book.records.append(Record("sqlite3.connect", ("/nowhere/a.db",), ()))
    assert births.of_file(f"/nowhere/a.db{suffix}", None, book) is not None


def test_a_removed_file_keeps_its_birth(book: Ledger) -> None:
    """The system marks its link."""
    book.records.append(opened("/a"))
    assert births.of_file("/a (deleted)", None, book) is not None


def test_a_socket_is_known_after_its_death_by_the_number_it_had(book: Ledger) -> None:
    """Looked at while it lived, it is remembered."""
    sock = socket.socket()
    number = sock.fileno()
    record = Record("socket.__new__", (), (), weakref.ref(sock))
    book.records.append(record)
    assert births.of_socket(number, book) == (book, record)
    sock.close()
    del sock
    assert births.descriptor_of(record) == number


def test_a_number_that_leads_elsewhere_by_now_is_another_sockets(book: Ledger, wider: Ledger) -> None:
    """An earlier test's socket was looked at, closed and forgotten: its number is soon given again."""
    first = socket.socket()
    number = first.fileno()
    wider.records.append(Record("socket.__new__", (), (), weakref.ref(first)))
    assert births.of_socket(number, book) is not None
    first.close()
    del first
    with socket.socket() as second:
        assert second.fileno() == number
        assert births.of_socket(number, book) is None


def test_what_came_after_the_look_was_not_made_before_it(book: Ledger, wider: Ledger) -> None:
    """Paths and numbers are used again: an older record of another scope explains nothing new; a database's may."""
    old = (
        opened("/a"),
        opened(5),
        Record("mmap.__new__", (3, "/a"), ()),
        Record("os.descriptor", ("eventfd", ((7, 0, 1),)), ()),
    )
    wider.records += old
    since_s = max(record.born_s for record in old) + 1.0
    for late, found in ((0.0, True), (since_s, False)):
        assert (births.of_file("/a", None, book, late) is not None) is found
        assert (births.of_opened_descriptor(5, book, late) is not None) is found
        assert (births.of_mapping(4, "/a", book, late) is not None) is found
        assert (births.of_bare((7, 0, 1), book, late) is not None) is found
    assert births.of_file("/a", None, wider, since_s) is not None
    wider.records.append(Record("sqlite3.connect", ("/db",), ()))
    assert births.of_file("/db-wal", None, book, since_s) is not None


def test_an_object_without_a_number_has_none() -> None:
    """A broken or closed object owns no descriptor."""

    class Broken:
        def fileno(self) -> int:
            raise OSError("no number")

    broken, plain = Broken(), type("Plain", (), {})()
    assert births.descriptor_of(Record("socket.__new__", (), (), weakref.ref(broken))) is None
    assert births.descriptor_of(Record("socket.__new__", (), (), weakref.ref(plain))) is None
    assert births.descriptor_of(Record("socket.__new__", (), ())) is None


def test_a_descriptor_is_older_if_it_was_the_same_before(book: Ledger) -> None:
    """Number, device and inode; a closed one is nothing any more."""
    with open(os.devnull) as file:
        status = os.fstat(file.fileno())
        assert not older.is_older(file.fileno(), book)
        book.older = frozenset({(file.fileno(), status.st_dev, status.st_ino)})
        assert older.is_older(file.fileno(), book)
        number = file.fileno()
    assert not older.is_older(number, book)


def test_a_path_may_be_held_since_before(book: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a descriptor that is still the same; a number is no path, and elsewhere than on Linux nobody can tell."""
    path = tmp_path / "log"
    with open(path, "w") as file:
        status = os.fstat(file.fileno())
        book.older = frozenset({(file.fileno(), status.st_dev, status.st_ino), (999999, 0, 0)})
        assert older.is_held_since_before(str(path), book)
        assert older.is_held_since_before(os.fsencode(path), book)
        assert not older.is_held_since_before(str(tmp_path), book)
        assert not older.is_held_since_before(file.fileno(), book)
        monkeypatch.setattr(births.env, "LINUX", False)
        assert not older.is_held_since_before(str(path), book)


def test_a_child_is_known_by_the_object_that_knows_its_pid(book: Ledger, wider: Ledger) -> None:
    """Exact where there is an object, whoever's it is."""
    child = SimpleNamespace(pid=42)
    holder = type("Popen", (), {"pid": 42})()
    record = Record("subprocess.Popen", ("x", ["x"]), (), weakref.ref(holder))
    wider.records.append(record)
    book.records.append(Record("os.fork", (), ()))
    assert births.of_child(child.pid, 1.0, book) == (wider, record)


def test_the_pid_of_a_child_that_was_waited_for_is_not_its_own(book: Ledger, wider: Ledger) -> None:
    """The system gives it again."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    wider.records.append(Record("subprocess.Popen", ("x", ["x"]), (), weakref.ref(ended)))
    assert births.of_child(ended.pid, None, book) == (wider, wider.records[0])
    ended.wait()
    assert births.of_child(ended.pid, None, book) is None


def test_a_bare_child_is_known_by_the_time_of_its_birth(book: Ledger, wider: Ledger) -> None:
    """A fork leaves no object: the nearest in time is meant."""
    early, late = Record("os.fork", (), ()), Record("os.posix_spawn", (), ())
    early.born_s, late.born_s = 10.0, 20.0
    book.records.append(early)
    wider.records.append(late)
    assert births.of_child(42, 10.4, book) == (book, early)
    assert births.of_child(42, 19.6, book) == (wider, late)
    assert births.of_child(42, 15.0, book) is None
    assert births.of_child(42, None, book) is None


def test_a_descriptor_is_found_whatever_it_is(book: Ledger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By its object, by the number that it was wrapped from, or by its path."""
    with open(tmp_path / "x", "w") as file, socket.socket() as sock:
        by_path, by_object = opened(str(tmp_path / "x")), Record("socket.__new__", (), (), weakref.ref(sock))
        book.records += [by_path, by_object]
        assert births.of_descriptor(sock.fileno(), book) == (book, by_object)
        assert births.of_descriptor(file.fileno(), book) == (book, by_path)
        book.records.append(opened(file.fileno()))
        assert births.of_descriptor(file.fileno(), book) == (book, book.records[-1])
        book.records.clear()
        assert births.of_descriptor(sock.fileno(), book) is None
        assert births.of_descriptor(999999, book) is None
        monkeypatch.setattr(births.env, "LINUX", False)
        assert births.of_descriptor(file.fileno(), book) is None


def test_a_bare_descriptor_is_known_by_its_whole_identity(book: Ledger) -> None:
    """Numbers are given again and again."""
    book.records.append(Record("os.descriptor", ("os.pipe", ((3, 0, 77), (4, 0, 78))), ()))
    assert births.of_bare((4, 0, 78), book) == (book, book.records[0])
    assert births.of_bare((4, 0, 79), book) is None


def test_a_thread_is_known_by_itself(book: Ledger) -> None:
    """Names repeat, objects do not."""
    thread, other = threading.Thread(name="x"), threading.Thread(name="x")
    book.records.append(Record("threading.Thread.start", ("x",), (), weakref.ref(thread)))
    assert births.of_thread(thread, book) == (book, book.records[0])
    assert births.of_thread(other, book) is None


def test_a_file_that_mkstemp_opened_is_found_by_its_path(watch: Make) -> None:
    """The library opens it a frame below the user's call."""
    watching = watch("files")
    fd, path = tempfile.mkstemp()
    os.close(fd)
    os.unlink(path)
    assert births.of_file(path, None, watching.ledger) is not None


def test_a_closed_descriptor_is_not_open() -> None:
    """Its number may be free, or given again."""
    fd = os.open(os.sep, os.O_RDONLY)
    assert births.is_open(fd)
    os.close(fd)
    assert not births.is_open(fd)
