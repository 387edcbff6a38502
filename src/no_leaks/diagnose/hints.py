"""Hints: the remedy as code, refined by where the resource was made; a table of rules, the first that fits wins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .. import origin
from ..model import Frame, Kind, Sighting
from ..names import HANDLES

OPEN: tuple[Kind, ...] = (*HANDLES, "unclosed")
CHILD: tuple[Kind, ...] = ("processes", "pipes", "unclosed")


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern of creation and its remedy: a library frame (file and functions), or the user's line of code."""

    name: str
    kinds: tuple[Kind, ...]
    fix: str
    file: str = ""
    """End of the path of a library file whose frame must be among the creation frames; empty for any."""
    functions: tuple[str, ...] = ()
    """Functions of that file, without their class; empty for any."""
    source: str = ""
    """Pattern searched in the user's innermost line; it serves where library frames do not tell, or were not seen."""


RULES: tuple[Rule, ...] = (
    Rule(
        "process pool",
        ("threads", "processes", "pipes", "fds"),
        "with ProcessPoolExecutor() as pool: ..., or pool.shutdown()",
        "concurrent/futures/process.py",
    ),
    Rule(
        "default executor",
        ("threads",),
        "await loop.shutdown_default_executor(), or let asyncio.run(...) own the loop",
        source=r"run_in_executor\(\s*None|to_thread\(",
    ),
    Rule(
        "thread pool",
        ("threads",),
        "with ThreadPoolExecutor() as pool: ..., or pool.shutdown()",
        "concurrent/futures/thread.py",
    ),
    Rule(
        "pool",
        ("threads", "processes", "pipes", "fds"),
        "with multiprocessing.Pool() as pool: ..., or pool.close() and pool.join()",
        "multiprocessing/pool.py",
    ),
    Rule(
        "manager",
        ("threads", "processes", "pipes", "sockets"),
        "with multiprocessing.Manager() as manager: ..., or manager.shutdown()",
        "multiprocessing/managers.py",
    ),
    Rule(
        "process",
        ("processes",),
        "process.join() in a finally block, or process.terminate() and process.join()",
        "multiprocessing/process.py",
        ("start",),
    ),
    Rule(
        "process that ended",
        ("pipes",),
        "process.join() and process.close(), and let nothing hold on to the Process object: its pipes close with it",
        "multiprocessing/process.py",
        ("start",),
    ),
    Rule(
        "asyncio child", CHILD, "await process.wait() on every path; after process.kill() too", "asyncio/subprocess.py"
    ),
    Rule(
        "child with pipes",
        CHILD,
        "with subprocess.Popen(...) as process: ..., or process.communicate(), which reads, closes and waits",
        "subprocess.py",
        source=r"\bPIPE\b",
    ),
    Rule(
        "child",
        ("processes",),
        "with subprocess.Popen(...) as process: ..., or process.terminate() and process.wait() in a finally block",
        "subprocess.py",
    ),
    Rule(
        "aiohttp session",
        (*OPEN, "tasks"),
        "async with aiohttp.ClientSession() as session: ..., or await session.close()",
        "aiohttp/client.py",
    ),
    Rule(
        "aiohttp session",
        (*OPEN, "tasks"),
        "async with aiohttp.ClientSession() as session: ..., or await session.close()",
        source=r"\bClientSession\(",
    ),
    Rule(
        "httpx client",
        OPEN,
        "with httpx.Client() as client: ..., or async with httpx.AsyncClient() as client: ...",
        "httpx/_client.py",
    ),
    Rule(
        "requests session",
        OPEN,
        "with requests.Session() as session: ..., and read or close each response",
        "requests/sessions.py",
    ),
    Rule(
        "urllib3 pool",
        OPEN,
        "with urllib3.PoolManager() as http: ..., and response.release_conn() or response.close()",
        "urllib3/connectionpool.py",
    ),
    Rule("urlopen", OPEN, "with urllib.request.urlopen(...) as response: ...", "urllib/request.py"),
    Rule(
        "http connection",
        OPEN,
        "with contextlib.closing(http.client.HTTPConnection(...)) as connection: ...",
        "http/client.py",
    ),
    Rule("mail connection", OPEN, "with smtplib.SMTP(...) as server: ..., or server.quit()", "smtplib.py"),
    Rule("ftp connection", OPEN, "with ftplib.FTP(...) as ftp: ..., or ftp.quit()", "ftplib.py"),
    Rule(
        "serving thread",
        ("threads",),
        "server.shutdown() and server.server_close(), then thread.join()",
        source=r"target\s*=\s*[\w.]*serve_forever",
    ),
    Rule(
        "socket server",
        OPEN,
        "with socketserver.TCPServer(...) as server: ..., or server.shutdown() and server.server_close()",
        "socketserver.py",
    ),
    Rule(
        "asyncio server",
        OPEN,
        "async with await asyncio.start_server(...) as server: ..., or server.close() and await server.wait_closed()",
        source=r"\b(start_(unix_)?server|create_(unix_)?server)\(",
    ),
    Rule(
        "asyncio stream",
        OPEN,
        "writer.close() and await writer.wait_closed() in a finally block",
        "asyncio/streams.py",
        ("open_connection", "open_unix_connection"),
    ),
    Rule(
        "asyncio stream",
        OPEN,
        "writer.close() and await writer.wait_closed() in a finally block",
        source=r"\bopen_(unix_)?connection\(",
    ),
    Rule(
        "logging file",
        OPEN,
        "handler.close() after logger.removeHandler(handler), in a finally block",
        "logging/__init__.py",
    ),
    Rule("dbm or shelve", OPEN, "with shelve.open(...) as shelf: ...", "shelve.py"),
    Rule(
        "sqlite",
        OPEN,
        "with contextlib.closing(sqlite3.connect(...)) as db: ...  (`with db` alone only ends the transaction)",
        source=r"\bsqlite3\.connect\(",
    ),
    Rule("archive", OPEN, "with zipfile.ZipFile(...) as archive: ...", "zipfile.py"),
    Rule("archive", OPEN, "with zipfile.ZipFile(...) as archive: ...", "zipfile/__init__.py"),
    Rule("archive", OPEN, "with tarfile.open(...) as archive: ...", "tarfile.py"),
    Rule(
        "kept temporary file",
        ("temp", "files"),
        "os.unlink(f.name) in a finally block, or leave out delete=False, or use pytest's tmp_path",
        "tempfile.py",
        ("NamedTemporaryFile",),
        r"delete\s*=\s*False",
    ),
    Rule(
        "bare temporary file",
        ("temp", "files", "fds"),
        "os.close(fd) and os.unlink(path) in a finally block, or with tempfile.NamedTemporaryFile() as f: ...",
        "tempfile.py",
        ("mkstemp",),
    ),
    Rule(
        "bare temporary folder",
        ("temp",),
        "with tempfile.TemporaryDirectory() as folder: ... instead of mkdtemp(), or pytest's tmp_path",
        source=r"\bmkdtemp\(",
    ),
    Rule("timer thread", ("threads",), "timer.cancel() and timer.join() in a finally block", source=r"\bTimer\("),
    Rule(
        "task without reference",
        ("tasks",),
        "keep it and await it: task = asyncio.create_task(...); await task, or use asyncio.TaskGroup",
        source=r"^(asyncio\.|(self\.)?_?loop\.)?(create_task|ensure_future)\(",
    ),
    Rule(
        "timer",
        ("tasks",),
        "handle = loop.call_later(...), and handle.cancel() when it is no longer wanted",
        source=r"\bcall_(later|at)\(",
    ),
    Rule(
        "event loop",
        ("tasks", "fds", "sockets", "unclosed"),
        "loop.close() in a finally block, or let asyncio.run(...) own the loop",
        source=r"\bnew_event_loop\(",
    ),
)


def best(sighting: Sighting, frames: Sequence[Frame], root: str) -> str:
    """Return the remedy of the first rule that fits the creation frames, or else the probe's own."""
    line = _line(frames, root)
    return next((rule.fix for rule in RULES if fits(rule, sighting.kind, frames, line)), sighting.fix)


def fits(rule: Rule, kind: Kind, frames: Sequence[Frame], line: str) -> bool:
    """Whether a rule covers a kind made by these frames, at this line of the user's code."""
    if kind not in rule.kinds or (rule.source and not re.search(rule.source, line)):
        return False
    return not rule.file or any(_is_at(rule, frame) for frame in frames)


def _is_at(rule: Rule, frame: Frame) -> bool:
    if frame.in_app or not f"/{frame.file}".endswith(f"/{rule.file}"):
        return False
    return not rule.functions or frame.function.rpartition(".")[2] in rule.functions


def _line(frames: Sequence[Frame], root: str) -> str:
    mine = next((frame for frame in frames if frame.in_app), None)
    return origin.source_line(mine, root) if mine is not None else ""
