"""How each kind of `ResourceWarning` reads: what to call the thing, and what its user should have done."""

from __future__ import annotations

from typing import NamedTuple

from ..model import Kind


class Form(NamedTuple):
    """How one kind of warning reads: what to call the thing, and what its user should have done."""

    start: str
    type: str
    summary: str
    fix: str
    kind: Kind = "unclosed"
    seen: Kind = "unclosed"
    """Its kind where an automatic collection closed it, and a look would have found it open."""


FORMS = (
    Form("unclosed file", "file", "a file was opened and dropped unclosed", "with open(...) as f: ...", seen="files"),
    Form(
        "unclosed <ssl.",
        "TLS socket",
        "a TLS socket was opened and dropped unclosed",
        "close it on every path, also after a failed handshake: with closing(sock): ...",
    ),
    Form(
        "unclosed <socket",
        "socket",
        "a socket was opened and dropped unclosed",
        "with socket.socket(...) as sock: ..., or sock.close()",
    ),
    Form(
        "unclosed <StreamWriter",
        "stream",
        "a stream was opened and dropped unclosed",
        "writer.close(); await writer.wait_closed()",
    ),
    Form(
        "unclosed transport",
        "transport",
        "an asyncio transport was dropped unclosed",
        "writer.close(); await writer.wait_closed()",
    ),
    Form(
        "unclosed event loop",
        "event loop",
        "an event loop was created and dropped unclosed",
        "loop.close(), or let asyncio.run(...) own the loop",
    ),
    Form(
        "unclosed database",
        "database",
        "an SQLite connection was opened and dropped unclosed",
        "with contextlib.closing(sqlite3.connect(...)) as db: ...",
    ),
    Form(
        "unclosed scandir",
        "directory",
        "a directory scan was begun and dropped unfinished",
        "with os.scandir(path) as entries: ...",
        seen="fds",
    ),
    Form(
        "subprocess",
        "process",
        "a child process was started and dropped while it ran",
        "process.wait(), or with subprocess.Popen(...) as process: ...",
    ),
    Form(
        "Implicitly cleaning up",
        "temporary folder",
        "a temporary folder was made and left for the garbage collector to remove",
        "with tempfile.TemporaryDirectory() as folder: ...",
    ),
    Form(
        "Async generator",
        "async generator",
        "an async generator was begun and dropped before its end",
        "async with contextlib.aclosing(agen): ...",
        kind="tasks",
        seen="tasks",
    ),
)
OTHER = Form(
    "", "object", "an object that holds a resource was dropped unclosed", "close it before the last reference goes"
)


def of(text: str) -> Form:
    """Return the form of a warning by its first words."""
    return next((form for form in FORMS if text.startswith(form.start)), OTHER)
