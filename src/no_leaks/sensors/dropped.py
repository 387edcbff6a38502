"""What was dropped unclosed: the text of a `ResourceWarning` becomes a loss in the ledger that the thing was born under."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable
from types import FrameType

from .. import births, ledger, older, origin
from ..model import Collection, Frame, Resource, Sighting
from . import collected, dropped_forms, finalized, strays

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


_DROPPED = "it was closed by its finalizer when the last reference went"


def write(text: str, frame: FrameType | None, collection: Collection = "") -> None:
    """Turn one warning into a loss; inert outside of all scopes.

    A collection also brings up what is older than the scope: then a record that only has the same path is no proof.
    It comes when it likes, also in a thread without a scope or while our own code is at work: then the record decides.
    """
    at_work = ledger.current()
    book = at_work or ledger.innermost()
    if book is None:
        return
    form = dropped_forms.of(text)
    birth, identity = _birth(text, form, book), _identity(text)
    if birth is None or (collection and _may_be_older(birth.record, book)):
        holding = finalized.holding_of(frame, book)
        birth = holding.birth
        identity = identity or (f"fd {holding.fd}" if holding.fd is not None else "")
    proof = "the garbage collector closed it" if collection else _DROPPED
    seen = collected.as_seen(identity, birth, book) if collection == "automatic" else None
    sighting = (
        seen._replace(proof=proof)
        if seen is not None
        else Sighting(
            kind=form.seen if collection == "automatic" else form.kind,
            resource=Resource(form.type, identity, _detail(text)),
            summary=form.summary,
            fix=form.fix,
            stack=birth.record.stack if birth is not None else (),
            now=() if collection else _users(origin.frames_now(frame)),
            proof=proof,
        )
    )
    if birth is not None:
        birth.ledger.losses.append(sighting)
        if birth.record in birth.ledger.records:
            birth.ledger.records.remove(birth.record)  # what it told of is gone: the next of its kind has its own
    elif at_work is not None and _is_younger(identity, book):
        book.losses.append(sighting)
    elif at_work is not None or collection:
        keep(sighting, book, frame, collection)


def _users(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """Where it was dropped, if the user's own code is there to be seen: an event loop's frames tell nobody anything."""
    return frames if any(frame.in_app for frame in frames) else ()


def keep(sighting: Sighting, book: ledger.Ledger, frame: FrameType | None, collection: Collection = "") -> None:
    """Charge a loss without a record to the scope at work, unless something older may have been collected here."""
    if collection or _by_runner(frame):
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


def _birth(text: str, form: dropped_forms.Form, book: ledger.Ledger) -> births.Birth | None:
    """Find the record that the warning's text speaks of: by descriptor, path or pid."""
    numbers = _NAMES.sub("", text)
    fd, pid, name, folder = _FD.search(numbers), _PID.search(numbers), _NAME.search(text), _FOLDER.search(text)
    if fd is not None:
        return births.of_socket(int(fd[1]), book)
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
        known = births.of_opened_descriptor(name, book)
        # An anonymous temporary file has its number for a name; the system still shows its folder.
        return known or (None if older.is_older(name, book) else births.of_descriptor(name, book))
    text = os.fsdecode(name) if isinstance(name, bytes) else str(name)
    return births.of_name(name, book) or births.of_file(os.path.realpath(text), None, book)


def _is_younger(identity: str, book: ledger.Ledger) -> bool:
    """Whether it has a descriptor that was not open when the scope began: then it is the scope's, record or not."""
    number = identity.removeprefix("fd ")
    return (
        bool(book.older)
        and number.isdecimal()
        and births.is_open(int(number))
        and not older.is_older(int(number), book)
    )


def _may_be_older(record: ledger.Record, book: ledger.Ledger) -> bool:
    """Whether something of the same path, from before the scope, can be meant just as well."""
    if record.event == "os.scandir":
        return not older.has_all_older(book)  # closed before it warns: only what is left open tells that it is younger
    if record.event != "open" or not older.is_held_since_before(record.facts[0], book):
        return False
    return record.fd is None or older.is_older(record.fd, book) or not births.is_there(record)


def _database(text: str, book: ledger.Ledger) -> births.Birth | None:
    """Python 3.13 warns of a database when the collector comes, long after its path can be told: its address can."""
    address = _ADDRESS.search(text)
    number = int(address[0].rpartition("x")[2], 16) if address is not None else 0
    return births.of_database(number, book)


def _only(candidates: Iterable[births.Birth]) -> births.Birth | None:
    """Where the warning names nothing: take the newest if all that can be meant were made in one place."""
    found = list(candidates)
    return found[0] if len({birth.record.stack for birth in found}) == 1 else None
