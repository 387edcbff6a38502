"""The one audit hook: it writes births into the ledger at work, and sends every other event away in its first line.

An audit hook cannot be removed, so it is added once per process and is inert while its table is empty. Where it was
built, a compiled one stands before it and lets nothing through but what the table names (from 3.11).
Interpreters: CPython 3.10 to 3.14. `_thread.start_new_thread` is audited from 3.12 on only (see sensors/threads.py).
"""

from __future__ import annotations

import atexit
import os
import sys
import tempfile
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeAlias

from .. import births, env, faults, ledger, origin, speedups
from . import socketpairs

Args: TypeAlias = tuple[Any, ...]  # what an event carries is the interpreter's affair
Handler: TypeAlias = Callable[[Args, FrameType], None]

MOST_RECORDS = 4096
"""A ledger longer than this is pruned: a test that opens a million files must not hold a million records."""
KEPT_RECORDS = 1024

PLAIN = (
    "os.fork",
    "os.forkpty",
    "os.mkdir",
    "os.posix_spawn",
    "os.scandir",
    "sqlite3.connect",
    "tempfile.mkstemp",
    "tempfile.mkdtemp",
)
"""Events whose arguments are facts already: paths, modes, numbers."""

_dup: Callable[[int], int] = os.dup
"""As it is before a sensor of ours wraps it."""
_active: dict[str, Handler] = {}
_compiled = speedups.load()[0]
_added = False
"""Whether the hook is the interpreter's own caller's, and no compiled one stands before it."""
_temp = ""


def _hook(event: str, args: Args, lookup: Callable[[str], Handler | None] = _active.get) -> None:
    handler = lookup(event)
    if handler is not None:
        try:
            handler(args, origin.frame_up(1))
        except Exception as error:
            _active.pop(event, None)
            faults.note(f"audit hook ({event})", error)


def install(extra: dict[str, Callable[[Args], None]] | None = None) -> None:
    """Begin to listen; `extra` maps more event names to callables that get the event's arguments."""
    global _added, _temp
    _temp = tempfile.gettempdir() + os.sep
    for event in PLAIN:
        _active[event] = _plain(event)
    _active["open"] = _open
    _active["mmap.__new__"] = _mapped
    _active["socket.__new__"] = _socket
    _active["subprocess.Popen"] = _popen
    _active[births.DATABASE] = _database
    for event, call in (extra or {}).items():
        _active[event] = _calling(call)
    if not _is_filtered() and not _added:
        sys.addaudithook(_hook)
        _added = True
    atexit.unregister(remove)
    atexit.register(remove)  # the interpreter takes modules apart before the compiled hook


def _is_filtered() -> bool:
    """Tell the compiled hook what the table names; False where there is none."""
    return _compiled is not None and not _added and _compiled.listen(_hook, tuple(_active))


def listen(*events: str) -> None:
    """Keep the births of further events, whose arguments are plain facts."""
    for event in events:
        _active.setdefault(event, _plain(event))
    _is_filtered()


def remove() -> None:
    """Fall silent: the hook stays, its table is empty."""
    _active.clear()
    _is_filtered()


def _plain(event: str) -> Handler:
    def handle(args: Args, frame: FrameType) -> None:
        book = ledger.current()
        if book is not None:
            _write(book, ledger.Record(event, args, origin.capture(frame)))

    return handle


def _calling(call: Callable[[Args], None]) -> Handler:
    return lambda args, frame: call(args)


def _open(args: Args, frame: FrameType) -> None:
    """Keep path, mode and flags; below the temporary folder also whether the file was there before."""
    book = ledger.current()
    if book is not None:
        path, _, flags = args
        existed = flags & os.O_CREAT and isinstance(path, str) and path.startswith(_temp) and os.path.lexists(path)
        record = ledger.Record("open", (*args, bool(existed)), origin.capture(frame))
        if isinstance(path, int):
            record.inode = births.inode_of(path)
        else:
            record.fd = next_descriptor()
        _write(book, record)


def next_descriptor() -> int | None:
    """Return the number that the next open will get, the lowest free one; it tells two opens of one path apart (0.5 us)."""
    try:
        fd = _dup(0)
    except OSError:
        return None
    os.close(fd)
    return fd


def _mapped(args: Args, frame: FrameType) -> None:
    """Keep the path of what is mapped: the mapping holds on to a duplicate of the descriptor."""
    book = ledger.current()
    if book is not None and args[0] >= 0 and env.LINUX:
        try:
            path = os.readlink(f"/proc/self/fd/{args[0]}")
        except OSError:
            return  # not open: the user's own call is about to say so
        _write(book, ledger.Record("mmap.__new__", (args[0], path), origin.capture(frame)))


def _socket(args: Args, frame: FrameType) -> None:
    """Keep a weak reference to the socket itself: accept, socketpair and TLS wrapping all pass here."""
    book = ledger.current()
    if book is not None:
        # A bare _socket.socket takes no weak reference; its descriptor is explained by the stack alone.
        ref = weakref.ref(args[0]) if hasattr(args[0], "__weakref__") else None
        record = ledger.Record("socket.__new__", args[1:], socketpairs.stack_of(book, frame), ref)
        births.note_socket(record)
        _write(book, record)


def _popen(args: Args, frame: FrameType) -> None:
    """Keep a weak reference to the Popen object: the event comes from its own method, before there is a pid."""
    book = ledger.current()
    if book is not None:
        owner = frame.f_locals.get("self")
        ref = weakref.ref(owner) if owner is not None else None
        _write(book, ledger.Record("subprocess.Popen", args[:2], origin.capture(frame), ref))


def _database(args: Args, frame: FrameType) -> None:
    """Keep the address of a connection that has just been made: it takes no weak reference (from 3.11)."""
    book = ledger.current()
    if book is not None:
        begun = next(book.of("sqlite3.connect"), None)
        stack = begun.stack if begun is not None else origin.capture(frame)
        _write(book, ledger.Record(births.DATABASE, (id(args[0]),), stack))
    else:
        births.forget_database(id(args[0]))


def _write(book: ledger.Ledger, record: ledger.Record) -> None:
    submitted = ledger.SUBMITTED.get()
    if submitted:
        record.stack += submitted
    book.records.append(record)
    if len(book.records) > MOST_RECORDS:
        prune(book)


def prune(book: ledger.Ledger) -> None:
    """Drop the oldest records, except those whose object is still alive."""
    old, new = book.records[:-KEPT_RECORDS], book.records[-KEPT_RECORDS:]
    alive = [record for record in old if record.ref is not None and record.ref() is not None]
    book.records[:] = alive[-KEPT_RECORDS:] + new
