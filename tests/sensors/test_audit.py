"""The audit hook: births go into the ledger at work, everything else passes, and nothing it does reaches the user."""

from __future__ import annotations

import _socket
import asyncio
import gc
import mmap
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support import Watch, alone, here

from no_leaks import env, faults, ledger, speedups
from no_leaks.ledger import Ledger, Record
from no_leaks.model import Owner
from no_leaks.sensors import audit

Make = Callable[..., Watch]


@pytest.fixture
def book(clean_faults: None) -> Iterator[Ledger]:
    """A ledger at work, and the hook listening to nothing else."""
    with alone():
        audit.install()
        book = ledger.open_ledger(Owner("function"))
        with ledger.at_work(book):
            yield book
        audit.remove()


def last(book: Ledger, event: str) -> Record:
    """Return the newest record of an event."""
    return next(book.of(event))


def line_of(record: Record) -> int | None:
    """Return the line of this file at which a record was made."""
    from no_leaks import origin

    return next((origin.line_of(code, lasti) for code, lasti in record.stack if code.co_filename == __file__), None)


def test_an_open_is_written_with_path_mode_flags_and_line(book: Ledger) -> None:
    """And whether the file was there before, where that can make it a temporary one."""
    with open(os.devnull, "rb"):
        line = here() - 1
    record = last(book, "open")
    assert record.facts == (os.devnull, "r", os.O_RDONLY | os.O_CLOEXEC, False)
    assert line_of(record) == line


def test_an_open_below_the_temporary_folder_says_whether_the_file_was_there(book: Ledger, tmp_path: Path) -> None:
    """A log that is opened again is not made by this scope."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x")
        for _ in range(2):
            with open(path, "w"):
                pass
    newest, first = [record for record in book.of("open") if record.facts[0] == path]
    assert (first.facts[3], newest.facts[3]) == (False, True)


def test_a_socket_is_written_with_itself(book: Ledger) -> None:
    """Weakly: the record explains it and does not keep it."""
    sock, line = socket.socket(), here()
    record = last(book, "socket.__new__")
    assert record.ref is not None
    assert record.ref() is sock
    assert line_of(record) == line
    sock.close()
    del sock
    assert record.ref() is None


def test_an_accepted_socket_and_both_of_a_pair_pass_the_same_way(book: Ledger) -> None:
    """All of them are made by the same class."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        server.accept()[0].close()
    for end in socket.socketpair():
        end.close()
    assert len(list(book.of("socket.__new__"))) == 5


def test_a_bare_socket_takes_no_weak_reference(book: Ledger) -> None:
    """The C class underneath: its site is kept, its object cannot be."""
    _socket.socket().close()
    assert last(book, "socket.__new__").ref is None


def test_a_child_is_written_with_its_object(book: Ledger) -> None:
    """The event comes from the object's own method, before there is a pid."""
    with subprocess.Popen(["/bin/true"]) as child:
        record = last(book, "subprocess.Popen")
        assert record.ref is not None
        assert record.ref() is child
    assert record.facts == ("/bin/true", ["/bin/true"])


@pytest.mark.parametrize(
    ("event", "act"),
    [
        ("os.mkdir", lambda folder: os.mkdir(folder / "a")),
        ("os.scandir", lambda folder: os.scandir(folder).close()),
        ("sqlite3.connect", lambda folder: closing(sqlite3.connect(folder / "db")).__exit__(None, None, None)),
        ("tempfile.mkstemp", lambda folder: os.close(tempfile.mkstemp(dir=folder)[0])),
        ("tempfile.mkdtemp", lambda folder: tempfile.mkdtemp(dir=folder)),
        ("os.posix_spawn", lambda folder: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)),
    ],
)
def test_plain_events_are_written_as_they_come(
    book: Ledger, tmp_path: Path, event: str, act: Callable[[Path], object]
) -> None:
    """Their arguments are facts already."""
    act(tmp_path)
    record = last(book, event)
    assert record.facts
    assert line_of(record) is not None


def test_a_mapping_is_written_with_the_path(book: Ledger, tmp_path: Path) -> None:
    """An anonymous one has no descriptor, and one that fails has no mapping."""
    path = tmp_path / "x"
    path.write_bytes(b"x")
    with open(path, "rb") as file:
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ).close()
        assert last(book, "mmap.__new__").facts == (file.fileno(), os.path.realpath(path))
    mmap.mmap(-1, 10).close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        mmap.mmap(999999, 10)
    assert len(list(book.of("mmap.__new__"))) == 1


def test_where_nothing_is_checked_nothing_is_written(book: Ledger, tmp_path: Path) -> None:
    """Installed and without a ledger at work, every handler is inert."""
    book.records.clear()
    with ledger.at_work(None):
        with open(os.devnull) as file:
            for event in list(audit._active):
                audit._hook(event, (file, None, None, None))
        socket.socket().close()
        subprocess.run(["/bin/true"], check=True)
    assert book.records == []
    assert faults.noted() == {}


def test_after_its_removal_the_hook_is_silent(book: Ledger) -> None:
    """It cannot be taken out of the interpreter: its table is empty."""
    audit.remove()
    audit.remove()
    open(os.devnull).close()
    assert book.records == []


def test_the_hook_is_added_once_per_process(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second session listens through the same hook."""
    added: list[object] = []
    monkeypatch.setattr(sys, "addaudithook", added.append)
    monkeypatch.setattr(audit, "_compiled", None)
    monkeypatch.setattr(audit, "_added", False)
    audit.install()
    audit.install()
    assert added == [audit._hook]


@pytest.mark.skipif(speedups.load()[0] is None or not env.PY311, reason="the compiled hook is for 3.11 and later")
def test_the_compiled_hook_stands_before_ours(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told the names of the table, and calls for nothing else; what our hook raises never reaches the user."""
    heard: list[str] = []
    monkeypatch.setattr(audit, "_hook", lambda event, args: heard.append(event))
    audit.install({"no_leaks.test": lambda args: None})
    sys.audit("no_leaks.test", 1)
    sys.audit("no_leaks.test.other", 1)
    id(book)
    audit.remove()
    sys.audit("no_leaks.test", 2)
    assert [event for event in heard if event.startswith("no_leaks")] == ["no_leaks.test"]


@pytest.mark.skipif(speedups.load()[0] is None, reason="there is no compiled half here")
def test_the_compiled_half_takes_no_reference_that_it_was_not_given(book: Ledger) -> None:
    """Built with the headers of one Python, it runs on others: from 3.12 on these give no reference to True."""
    compiled, frame = speedups.load()[0], sys._getframe(1)
    assert compiled is not None

    def counts() -> list[int]:
        return [sys.getrefcount(thing) for thing in (True, False, None, frame, frame.f_code, audit._hook)]

    # Below 3.12 None is counted as well: garbage of earlier tests that is freed in between would be taken for ours.
    gc.collect()
    gc.disable()
    try:
        before = counts()
        for _ in range(500):
            compiled.listen(audit._hook, tuple(audit._active))
            compiled.walk(frame, 16, {})
            compiled.walk(None, 16, {})
            if env.PY311:  # before that the hook is Python's own, and leaves None behind where coverage traces it
                sys.audit("os.rmdir", "x")
        after = counts()
    finally:
        gc.enable()
    moved = [now - then for now, then in zip(after, before, strict=True)]
    assert all(abs(one) < 250 for one in moved), moved


@pytest.mark.skipif(speedups.load()[0] is None or not env.PY311, reason="the compiled hook is for 3.11 and later")
def test_a_debugger_does_not_step_into_the_compiled_hook(book: Ledger) -> None:
    """As it does not step into one that Python calls."""
    script = (
        "import sys\n"
        "from no_leaks import speedups\n"
        "compiled = speedups.load()[0]\n"
        "seen, calls = [], []\n"
        "compiled.listen(lambda event, args: calls.append(event), ('no_leaks.test',))\n"
        "sys.settrace(lambda frame, event, arg: seen.append(frame.f_code.co_name))\n"
        "sys.audit('no_leaks.test')\n"
        "sys.settrace(None)\n"
        "compiled.listen(print, ())\n"
        "print(calls, seen)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "['no_leaks.test'] []\n"


def test_a_handler_that_raises_is_switched_off_and_the_users_call_goes_on(book: Ledger, tmp_path: Path) -> None:
    """An exception in an audit hook would abort the user's operation: none leaves ours."""
    calls: list[str] = []

    def fail(args: tuple[Any, ...]) -> None:
        calls.append(args[0])
        raise ValueError("handler")

    audit.install({"os.mkdir": fail})
    os.mkdir(tmp_path / "a")
    os.mkdir(tmp_path / "b")
    audit._hook("os.mkdir", ("c",))
    assert (tmp_path / "b").is_dir()
    assert len(calls) == 1
    assert "ValueError: handler" in faults.noted()["audit hook (os.mkdir)"]


def test_an_event_without_a_handler_passes(book: Ledger) -> None:
    """Nearly every event does: even `id()` is audited."""
    audit._hook("builtins.id", (1,))
    assert book.records == []


def test_further_events_are_listened_to_once(book: Ledger) -> None:
    """A sensor that needs an event does not take it from another."""
    handler = audit._active["os.mkdir"]
    audit.listen("os.mkdir", "no_leaks.test")
    sys.audit("no_leaks.test", "fact")
    assert audit._active["os.mkdir"] is handler
    assert last(book, "no_leaks.test").facts == ("fact",)


def test_extra_events_are_called_with_their_arguments(book: Ledger) -> None:
    """What another sensor wants of the one hook."""
    heard: list[tuple[Any, ...]] = []
    audit.install({"no_leaks.extra": heard.append})
    sys.audit("no_leaks.extra", 1, 2)
    audit._hook("no_leaks.extra", (3,))
    assert heard == [(1, 2), (3,)]


def test_the_handlers_write_the_same_when_called_directly(book: Ledger, tmp_path: Path) -> None:
    """The interpreter does not trace a hook's body: here each handler runs in the open."""
    frame = sys._getframe()
    audit._active["open"]((str(tmp_path), "r", os.O_RDONLY), frame)
    with socket.socket() as sock, closing(_socket.socket()) as bare:
        book.records.clear()
        audit._active["socket.__new__"]((sock, 2, 1, 0), frame)
        audit._active["socket.__new__"]((bare, 2, 1, 0), frame)
    audit._active["subprocess.Popen"](("x", ["x"], None, None), frame)
    audit._active["os.fork"]((), frame)
    with open(os.devnull) as file:
        audit._active["mmap.__new__"]((file.fileno(), 1), frame)
    audit._active["mmap.__new__"]((-1, 1), frame)
    audit._active["mmap.__new__"]((999999, 1), frame)
    events = [record.event for record in book.records if record.facts[:1] != (os.devnull,)]
    assert events == ["socket.__new__", "socket.__new__", "subprocess.Popen", "os.fork", "mmap.__new__"]
    with ledger.at_work(None):
        for event in ("open", "socket.__new__", "subprocess.Popen", "mmap.__new__", "os.fork"):
            audit._active[event]((0, None, None), frame)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the interpreter tells of the connection from 3.11 on")
def test_a_connection_is_known_by_its_address_and_the_site_of_its_making(book: Ledger) -> None:
    """It takes no weak reference; both records share one stack."""
    with closing(sqlite3.connect(":memory:")) as base:
        record = last(book, "sqlite3.connect/handle")
        assert record.facts == (id(base),)
    assert record.stack is last(book, "sqlite3.connect").stack


def test_a_connection_without_a_beginning_has_the_site_of_its_event(book: Ledger) -> None:
    """Its record may have been pruned meanwhile; outside a scope there is none, and its address is nobody's."""
    frame = sys._getframe()
    audit._active["sqlite3.connect/handle"]((book,), frame)
    assert last(book, "sqlite3.connect/handle").facts == (id(book),)
    audit._active["sqlite3.connect"](("x",), frame)
    audit._active["sqlite3.connect/handle"]((frame,), frame)
    assert last(book, "sqlite3.connect/handle").stack is last(book, "sqlite3.connect").stack
    with ledger.at_work(None):
        audit._active["sqlite3.connect/handle"]((book,), frame)
    assert [record.facts for record in book.of("sqlite3.connect/handle")] == [(id(frame),)]


def test_a_popen_event_without_an_object_is_kept_without_one(book: Ledger) -> None:
    """Whatever raises the event from elsewhere."""

    class Child:
        def start(self) -> None:
            audit._active["subprocess.Popen"](("x", ["x"], None, None), sys._getframe())

    child = Child()
    child.start()
    record = last(book, "subprocess.Popen")
    assert record.ref is not None
    assert record.ref() is child


def test_a_long_ledger_is_pruned_and_keeps_what_is_alive(book: Ledger) -> None:
    """A test that opens a million files must not hold a million records."""
    with socket.socket() as kept:
        for number in range(audit.MOST_RECORDS + 10):
            audit._write(book, Record("open", (number,), ()))
        assert len(book.records) <= audit.MOST_RECORDS
        assert next(book.of("open")).facts == (audit.MOST_RECORDS + 9,)
        first = book.records[0]
        assert first.event == "socket.__new__"
        assert first.ref is not None
        assert first.ref() is kept


def test_pruning_keeps_the_newest_records(book: Ledger) -> None:
    """Of what is old and dead nothing stays."""
    book.records += [Record("open", (number,), ()) for number in range(audit.KEPT_RECORDS + 5)]
    audit.prune(book)
    assert [record.facts[0] for record in book.records] == list(range(5, audit.KEPT_RECORDS + 5))


def test_a_loops_own_pipe_has_the_stack_of_its_loop(watch: Make) -> None:
    """One walk up the stack serves the loop, its selector and both ends of its pipe."""
    watching = watch("tasks", "sockets", "fds")
    loop = asyncio.new_event_loop()
    records = watching.ledger.records
    loop.close()
    (made,) = [record for record in records if record.event == "event loop"]
    own = [record for record in records if record.event in ("socket.__new__", "os.descriptor")]
    assert len(own) == 3
    assert all(record.stack is made.stack for record in own)


def test_a_pair_of_sockets_has_its_own_stack(watch: Make) -> None:
    """Only a loop's pipe is made by the loop."""
    watching = watch("tasks", "sockets")
    pair, line = socket.socketpair(), here()
    for end in pair:
        end.close()
    assert [line_of(record) for record in watching.ledger.of("socket.__new__")] == [line, line]


def test_a_pipe_of_a_loop_that_was_not_seen_has_a_stack_of_its_own(watch: Make) -> None:
    """Without the kind "tasks" nothing tells of loops."""
    watching = watch("sockets")
    loop, line = asyncio.new_event_loop(), here()
    loop.close()
    assert [line_of(record) for record in watching.ledger.of("socket.__new__")] == [line, line]


def test_without_a_standard_input_the_next_number_is_not_known(
    book: Ledger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A daemon may have closed it."""

    def closed(fd: int) -> int:
        raise OSError("bad file descriptor")

    monkeypatch.setattr(audit, "_dup", closed)
    open(tmp_path / "a", "w").close()
    assert last(book, "open").fd is None


def test_both_ends_of_a_pair_share_one_walk_up_the_stack(watch: Make) -> None:
    """The second end's stack begins at its own line, and goes on with what the first end's walk has found."""
    watching = watch("sockets")
    for end in socket.socketpair():
        end.close()
    second, first = watching.ledger.of("socket.__new__")
    assert second.stack[2:] == first.stack[2:]
    assert [code.co_name for code, _ in second.stack[:2]] == ["__init__", "socketpair"]
    assert second.stack[1][1] > first.stack[1][1]


def test_a_first_end_without_a_second_lends_its_stack_to_nobody(watch: Make) -> None:
    """A call that failed half-way: the next one may have its frame at the same address, and begins at the same line."""
    watching = watch("sockets")

    def socketpair() -> None:
        socket.socket().close()

    first = here() + 1
    socketpair()
    socketpair()
    assert [line_of_caller(record) for record in watching.ledger.of("socket.__new__")] == [first + 1, first]


def line_of_caller(record: Record) -> int:
    """Return the line that called the function of this file that made a socket."""
    from no_leaks import origin

    return origin.line_of(*record.stack[2])
