"""Hints: which remedy is proposed for what."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from no_leaks.diagnose import hints
from no_leaks.model import Frame, Resource, Sighting

FIX = "the probe's own"


def sighting(kind: str) -> Sighting:
    return Sighting(kind, Resource("thing", "fd 3"), "a thing was opened and never closed", FIX)


def best(kind: str, tmp_path: Path, line: str = "make()", *library: tuple[str, str]) -> str:
    (tmp_path / "shop.py").write_text(line + "\n")
    frames = [Frame("shop.py", 1, "make", True), *(Frame(file, 1, function, False) for file, function in library)]
    return hints.best(sighting(kind), frames, str(tmp_path))


@pytest.mark.parametrize(
    ("kind", "line", "file", "function", "expected"),
    [
        ("threads", "pool.submit(f)", "concurrent/futures/thread.py", "ThreadPoolExecutor.submit", "with ThreadPoolExecutor()"),
        ("processes", "pool.submit(f)", "concurrent/futures/process.py", "submit", "with ProcessPoolExecutor()"),
        ("threads", "await loop.run_in_executor(None, f)", "concurrent/futures/thread.py", "submit", "shutdown_default_executor"),
        ("pipes", "Popen(a, stdout=PIPE)", "subprocess.py", "Popen.__init__", "process.communicate()"),
        ("processes", "Popen(a)", "subprocess.py", "Popen.__init__", "process.terminate()"),
        ("processes", "p.start()", "multiprocessing/process.py", "BaseProcess.start", "process.join()"),
        ("pipes", "p.start()", "multiprocessing/process.py", "BaseProcess.start", "process.close()"),
        ("threads", "pool = Pool()", "multiprocessing/pool.py", "Pool.__init__", "with multiprocessing.Pool()"),
        ("sockets", "await s.get(url)", "aiohttp/client.py", "ClientSession._request", "async with aiohttp.ClientSession()"),
        ("sockets", "urlopen(url)", "urllib/request.py", "urlopen", "with urllib.request.urlopen"),
        ("sockets", "TCPServer(a, H)", "socketserver.py", "TCPServer.__init__", "server.server_close()"),
        ("files", "logging.FileHandler(p)", "logging/__init__.py", "FileHandler._open", "handler.close()"),
        ("temp", "NamedTemporaryFile(delete=False)", "tempfile.py", "NamedTemporaryFile", "os.unlink(f.name)"),
        ("temp", "mkstemp()", "tempfile.py", "mkstemp", "os.close(fd)"),
    ],
)  # fmt: skip
def test_the_library_that_made_it_gives_the_hint(
    kind: str, line: str, file: str, function: str, expected: str, tmp_path: Path
) -> None:
    """The frames between the user's line and the resource say what has to be closed."""
    assert expected in best(kind, tmp_path, line, (file, function))


@pytest.mark.parametrize(
    ("kind", "line", "expected"),
    [
        ("tasks", "asyncio.create_task(work())", "asyncio.TaskGroup"),
        ("tasks", "loop.call_later(5, f)", "handle.cancel()"),
        ("tasks", "loop = asyncio.new_event_loop()", "loop.close()"),
        ("files", "db = sqlite3.connect(path)", "contextlib.closing(sqlite3.connect"),
        ("temp", "folder = tempfile.mkdtemp()", "tempfile.TemporaryDirectory()"),
        ("sockets", "reader, writer = await asyncio.open_connection(h, p)", "writer.wait_closed()"),
        ("sockets", "server = await asyncio.start_server(f)", "server.wait_closed()"),
        ("threads", "Thread(target=server.serve_forever).start()", "server.shutdown()"),
        ("threads", "threading.Timer(5, f).start()", "timer.cancel()"),
    ],
)
def test_the_users_line_gives_the_hint(kind: str, line: str, expected: str, tmp_path: Path) -> None:
    """Where no library frame tells, the line that made it does."""
    assert expected in best(kind, tmp_path, line)


def test_a_task_that_is_kept_keeps_the_probes_fix(tmp_path: Path) -> None:
    """The rule for tasks without a reference reads the line from its start."""
    assert best("tasks", tmp_path, "self.task = asyncio.create_task(work())") == FIX


def test_another_kind_keeps_the_probes_fix(tmp_path: Path) -> None:
    """A rule speaks only of the kinds it knows."""
    assert best("files", tmp_path, "pool.submit(f)", ("concurrent/futures/thread.py", "submit")) == FIX


def test_the_users_own_file_is_not_mistaken_for_the_library() -> None:
    """A file of the user's may have a library's name."""
    frames = [Frame("subprocess.py", 1, "Popen", True)]
    assert hints.best(sighting("processes"), frames, "") == FIX


def test_another_function_of_the_library_keeps_the_probes_fix(tmp_path: Path) -> None:
    """`mkstemp` is not what TemporaryFile calls."""
    assert best("temp", tmp_path, "f()", ("tempfile.py", "TemporaryFile")) == FIX


def test_no_frames_keep_the_probes_fix() -> None:
    """Nothing is known of what native code made."""
    assert hints.best(sighting("threads"), (), "") == FIX


FOREIGN = ("aiohttp/", "httpx/", "requests/", "urllib3/", "zipfile")
OWN = sorted({rule.file for rule in hints.RULES if rule.file and not rule.file.startswith(FOREIGN)})


@pytest.mark.parametrize("file", OWN)
def test_library_files_of_the_table_exist(file: str) -> None:
    """A rule that names a file of Python's own names one that is there."""
    assert (Path(os.__file__).parent / file).is_file()
