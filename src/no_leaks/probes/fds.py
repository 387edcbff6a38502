"""Other descriptors: epoll, eventfd, timers, terminals, directories, memory files: whatever is no file, socket or pipe."""

from __future__ import annotations

import stat
import time

from ..handles import TERMINALS
from ..ledger import Record
from ..model import Resource, Sighting
from ..sensors import uvloops

_ANONYMOUS = {
    "eventpoll": ("epoll", "selector.close(), or epoll.close()"),
    "eventfd": ("eventfd", "os.close(fd) in a finally block"),
    "timerfd": ("timerfd", "os.close(fd) in a finally block"),
    "inotify": ("inotify", "stop and join the watcher that opened it"),
    "signalfd": ("signalfd", "os.close(fd) in a finally block"),
    "pidfd": ("pidfd", "os.close(fd) in a finally block"),
}


def describe(fd: int, link: str, mode: int, record: Record | None) -> Sighting:
    """Describe a descriptor by what the system calls it; the epoll of a loop of uvloop stands for the loop."""
    what, fix = _what(link, mode, record)
    article = "an" if what[0] in "aeiou" else "a"
    seen = Sighting(
        kind="fds",
        resource=Resource(what, f"fd {fd}", link),
        summary=f"{article} {what} descriptor was opened and never closed",
        fix=fix,
        stack=record.stack if record is not None else (),
        age_s=time.monotonic() - record.born_s if record is not None else None,
    )
    own = uvloops.own_of(record) if record is not None else ()
    return _as_loop(seen, own) if own[:1] == (fd,) else seen


def _as_loop(epoll: Sighting, own: tuple[int, ...]) -> Sighting:
    """Dropped, a loop of uvloop leaves all of its descriptors open, and Python warns of none: it is one leak."""
    return epoll._replace(
        resource=epoll.resource._replace(type="event loop"),
        summary="an event loop of uvloop was created and never closed",
        fix="loop.close(), or uvloop.run(...)",
        covers_fds=own[1:],
    )


def _what(link: str, mode: int, record: Record | None) -> tuple[str, str]:
    if stat.S_ISDIR(mode):
        scan = record is not None and record.event == "os.scandir"
        return "directory", "with os.scandir(path) as entries: ..." if scan else "os.close(fd) in a finally block"
    if link.startswith(TERMINALS):
        return "terminal", "os.close(fd) for both ends of the pty in a finally block"
    if link.startswith("/memfd:"):
        return "memory file", "os.close(fd) in a finally block"
    name = link.removeprefix("anon_inode:").strip("[]")
    for known, answer in _ANONYMOUS.items():
        if known in name:
            return answer
    return name or "unknown", "close it in a finally block"
