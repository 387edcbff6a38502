"""What was dropped unclosed: the text of a `ResourceWarning` becomes a loss in the ledger that the thing was born under."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from types import FrameType

from .. import births, ledger, origin
from ..model import Frame, RawStack, Resource, Sighting
from . import finalized, strays

_FD = re.compile(r"\bfd=(\d+)")
_QUOTED = r"b?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
_NAME = re.compile(rf"\bname=({_QUOTED}|\d+)")
_NUMBER = re.compile(r"\bname=(\d+)")
_PID = re.compile(r"\bsubprocess (\d+)\b|\bpid=(\d+)")
_FOLDER = re.compile(rf"<TemporaryDirectory ({_QUOTED})>")
_NAMES = re.compile(_QUOTED)
"""Names are the user's: a number in one is no descriptor."""
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

BODY_FILES = ("python.py", "unittest.py", "fixtures.py", "doctest.py")
"""The runner's files that call the user's code: what falls from a returning test is dropped there."""


@dataclass(frozen=True, slots=True)
class _Form:
    """How one kind of warning reads: what to call the thing, and what its user should have done."""

    start: str
    type: str
    summary: str
    fix: str


_FORMS = (
    _Form("unclosed file", "file", "a file was opened and dropped unclosed", "with open(...) as f: ..."),
    _Form(
        "unclosed <ssl.",
        "TLS socket",
        "a TLS socket was opened and dropped unclosed",
        "close it on every path, also after a failed handshake: with closing(sock): ...",
    ),
    _Form(
        "unclosed <socket",
        "socket",
        "a socket was opened and dropped unclosed",
        "with socket.socket(...) as sock: ..., or sock.close()",
    ),
    _Form(
        "unclosed <StreamWriter",
        "stream",
        "a stream was opened and dropped unclosed",
        "writer.close(); await writer.wait_closed()",
    ),
    _Form(
        "unclosed transport",
        "transport",
        "an asyncio transport was dropped unclosed",
        "writer.close(); await writer.wait_closed()",
    ),
    _Form(
        "unclosed event loop",
        "event loop",
        "an event loop was created and dropped unclosed",
        "loop.close(), or let asyncio.run(...) own the loop",
    ),
    _Form(
        "unclosed database",
        "database",
        "an SQLite connection was opened and dropped unclosed",
        "with contextlib.closing(sqlite3.connect(...)) as db: ...",
    ),
    _Form(
        "unclosed scandir",
        "directory",
        "a directory scan was begun and dropped unfinished",
        "with os.scandir(path) as entries: ...",
    ),
    _Form(
        "subprocess",
        "process",
        "a child process was started and dropped while it ran",
        "process.wait(), or with subprocess.Popen(...) as process: ...",
    ),
    _Form(
        "Implicitly cleaning up",
        "temporary folder",
        "a temporary folder was made and left for the garbage collector to remove",
        "with tempfile.TemporaryDirectory() as folder: ...",
    ),
    _Form(
        "Async generator",
        "async generator",
        "an async generator was begun and dropped before its end",
        "async with contextlib.aclosing(agen): ...",
    ),
)
_OTHER = _Form(
    "", "object", "an object that holds a resource was dropped unclosed", "close it before the last reference goes"
)


def write(text: str, frame: FrameType | None, *, in_collection: bool, by_chance: bool = False) -> None:
    """Turn one warning into a loss; inert where no scope is at work.

    An automatic collection (`by_chance`) also brings up what is older than the scope: then a record that only has the
    same path is no proof.
    """
    book = ledger.current()
    if book is None:
        return
    form = next((form for form in _FORMS if text.startswith(form.start)), _OTHER)
    birth = _birth(text, form, book)
    if birth is not None and by_chance and _may_be_older(birth.record, book):
        birth = None
    identity = _identity(text)
    if birth is None:
        holding = finalized.holding_of(frame, book)
        birth = holding.birth
        identity = identity or (f"fd {holding.fd}" if holding.fd is not None else "")
    stack: RawStack = birth.record.stack if birth is not None else ()
    sighting = Sighting(
        kind="tasks" if form.type == "async generator" else "unclosed",
        resource=Resource(form.type, identity, _detail(text)),
        summary=form.summary,
        fix=form.fix,
        stack=stack,
        now=() if in_collection else _users(origin.frames_now(frame)),
        proof="the garbage collector closed it"
        if in_collection
        else "it was closed by its finalizer when the last reference went",
    )
    if birth is not None:
        birth.ledger.losses.append(sighting)
        if birth.record in birth.ledger.records:
            birth.ledger.records.remove(birth.record)  # what it told of is gone: the next of its kind has its own
    elif _is_younger(identity, book):
        book.losses.append(sighting)
    else:
        keep(sighting, book, frame, in_collection=in_collection)


def _users(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """Where it was dropped, if the user's own code is there to be seen: an event loop's frames tell nobody anything."""
    return frames if any(frame.in_app for frame in frames) else ()


def keep(sighting: Sighting, book: ledger.Ledger, frame: FrameType | None, *, in_collection: bool) -> None:
    """Charge a loss without a record to the scope at work, unless something older may have been collected here."""
    if in_collection or _by_runner(frame):
        strays.kept.append(sighting)
    else:
        book.losses.append(sighting)


def _by_runner(frame: FrameType | None) -> bool:
    """Whether the runner itself dropped it: the traceback of an earlier failure, say."""
    while frame is not None and frame.f_code.co_filename.endswith(("warnings.py", "_weakrefset.py")):
        frame = frame.f_back
    file = frame.f_code.co_filename if frame is not None else ""
    return origin.is_runner(file) and os.path.basename(file) not in BODY_FILES


def _identity(text: str) -> str:
    numbers = _NAMES.sub("", text)
    fd, pid = _FD.search(numbers) or _NUMBER.search(numbers), _PID.search(numbers)
    if fd is not None:
        return f"fd {fd[1]}"
    return f"pid {pid[1] or pid[2]}" if pid is not None else ""


def _detail(text: str) -> str:
    return _ADDRESS.sub("", " ".join(text.split()))[:200]


def _birth(text: str, form: _Form, book: ledger.Ledger) -> births.Birth | None:
    """Find the record that the warning's text speaks of: by descriptor, path or pid."""
    numbers = _NAMES.sub("", text)
    fd, pid, name, folder = _FD.search(numbers), _PID.search(numbers), _NAME.search(text), _FOLDER.search(text)
    if fd is not None:
        return births.of_socket(int(fd[1]), book) or _only_dead_socket(int(fd[1]), book)
    if folder is not None:
        path = str(ast.literal_eval(folder[1]))
        return births.find(book, lambda record: record.facts[0] == path, "tempfile.mkdtemp")
    if pid is not None:
        return births.of_child(int(pid[1] or pid[2]), None, book)
    if form.type == "directory":
        return _only(births.Birth(book, record) for record in book.of("os.scandir"))
    if form.type == "database":
        return _database(text, book)
    if name is not None and form.type == "file":
        return _file(ast.literal_eval(name[1]), book)
    return None


def _file(name: object, book: ledger.Ledger) -> births.Birth | None:
    if isinstance(name, int):
        return births.of_opened_descriptor(name, book)
    text = os.fsdecode(name) if isinstance(name, bytes) else str(name)
    exact = births.find(book, lambda record: record.facts[0] == name, "open")
    return exact or births.of_file(os.path.realpath(text), None, book)


def _is_younger(identity: str, book: ledger.Ledger) -> bool:
    """Whether it has a descriptor that was not open when the scope began: then it is the scope's, record or not."""
    number = identity.removeprefix("fd ")
    return (
        bool(book.older)
        and number.isdecimal()
        and births.is_open(int(number))
        and not births.is_older(int(number), book)
    )


def _may_be_older(record: ledger.Record, book: ledger.Ledger) -> bool:
    """Whether something of the same path, from before the scope, can be meant just as well."""
    if record.event == "os.scandir":
        return True  # it is closed before it warns: nothing tells its folder any more
    return record.event == "open" and births.is_held_since_before(record.facts[0], book)


def _database(text: str, book: ledger.Ledger) -> births.Birth | None:
    """Python 3.13 warns of a database when the collector comes, long after its path can be told: its address can."""
    address = _ADDRESS.search(text)
    number = int(address[0].rpartition("x")[2], 16) if address is not None else 0
    return births.find(book, lambda record: record.facts[0] == number, "sqlite3.connect/handle")


def _only_dead_socket(fd: int, book: ledger.Ledger) -> births.Birth | None:
    """A cycle's weak references are cleared before its finalizers run: take the record if only one can be meant."""
    if births.is_older(fd, book):
        return None
    return _only(
        birth
        for birth in (births.Birth(book, record) for record in book.of("socket.__new__"))
        if birth.record.fd is None and birth.record.ref is not None and birth.record.ref() is None
    )


def _only(candidates: Iterable[births.Birth]) -> births.Birth | None:
    """Where the warning names nothing: take the newest if all that can be meant were made in one place."""
    found = list(candidates)
    return found[0] if len({birth.record.stack for birth in found}) == 1 else None
