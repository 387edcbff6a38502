"""What each kind sees and what it cannot: the one table that `no-leaks doctor` prints and the documentation quotes."""

from __future__ import annotations

from dataclasses import dataclass

from .. import customs
from ..model import Kind


@dataclass(frozen=True, slots=True)
class Limit:
    """One kind in two sentences: what is seen, and what is not."""

    sees: str
    blind: str


LIMITS: dict[Kind, Limit] = {
    "files": Limit(
        "every descriptor of a regular file, whoever opened it",
        "what a C extension opened is seen, but without the line that created it; Windows shows no descriptors",
    ),
    "sockets": Limit(
        "every descriptor of a socket, accepted ones and pairs included",
        "sockets that C code opened (database drivers, uvloop) have no creation site; Windows shows none",
    ),
    "pipes": Limit(
        "both ends of a pipe, and named pipes",
        "nothing in Python tells of os.pipe(), so its site is known only where a sensor or a file object saw it",
    ),
    "fds": Limit(
        "every other descriptor: folders, epoll, eventfd, timers, terminals, memory files",
        "descriptors made by C code, os.dup() or os.dup2() may have no creation site; a bare select.epoll() under the "
        "number of one that the test has closed is taken for that one",
    ),
    "processes": Limit(
        "direct children, running ones and zombies",
        "grandchildren, and children that were detached (double fork), are no longer ours; only Linux so far",
    ),
    "threads": Limit(
        "threading.Thread, executors that were never shut down, and raw threads",
        "threads started by C code that never run Python are unseen; up to Python 3.11 a raw thread has a site only if "
        "`_thread.start_new_thread` was called by that name",
    ),
    "tasks": Limit(
        "asyncio tasks, timers, event loops, async generators, coroutines never awaited; trio's generators and system tasks",
        "uvloop's timers cannot be seen; a task of a loop in another process belongs to that process",
    ),
    "temp": Limit(
        "what is made by tempfile, or below the temporary folder by open() and os.mkdir(), and still exists",
        "files that C code or a child process made; relative paths; pytest's own tmp_path is left in peace",
    ),
    "managed": Limit("what a ResourceManager still holds", "what was never given to a manager"),
    "unclosed": Limit(
        "what the garbage collector had to close: files, sockets, transports, loops",
        "classes that close in silence, without a ResourceWarning; C objects have no creation site",
    ),
    "memory": Limit(
        "objects, containers and native heap that grow on each repetition of a test that is suspected",
        "what grows by a few strings or numbers a test, unless the test is marked; tests for which the budget has no time; "
        "what another kind has found something in; blocks and wider fixtures; memory that C code maps by itself",
    ),
    "cycles": Limit(
        "garbage that only the cycle collector could free, and that keeps an object of a user's or a library's class",
        "circles through what is older than the test; what goes with a class or module that the test defines; what a wider "
        "fixture hands out; objects that the collector does not track; builds of Python without the interpreter's lock",
    ),
    "state": Limit(
        "working directory, environment, signal and log handlers, warning filters, sys.path, umask, patched attributes",
        "changes inside an object or a C library; attributes of modules that a test imports for the first time",
    ),
    "blocking": Limit(
        "an event loop held up for longer than the threshold, and by which line",
        "which line it was, while C code holds the interpreter's lock from beginning to end",
    ),
}


def of(kind: Kind) -> Limit:
    """Return the sentences of a kind, also of one that others have added."""
    known = LIMITS.get(kind)
    if known is not None:
        return known
    custom = customs.get(kind)
    said = (type(custom).__doc__ or "").strip().partition("\n")[0] if custom is not None else ""
    return Limit(said or "what its own code says is open", "what that code does not know of")
