"""Connections, pools and files whose system calls fail, one after the other: nothing is left, on either library."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from backends import on_both
from servers import Echo
from syscalls import fail_each_call, of_files, of_sockets

from no_leaks import env
from no_leaks.resources import (
    ResourceManager,
    ResourcePool,
    SyncResourcePool,
    secure_connection_context,
    secure_file_context,
    secure_tcp_context,
    secure_tls_context,
    secure_unix_context,
)
from no_leaks.resources.connection_context import AsyncConnectionContext

pytestmark = [
    pytest.mark.allow_leaks(
        "unclosed",
        reason="where an option or the last close fails, asyncio, trio, anyio and ssl drop the socket unclosed",
    ),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

in_threads = pytest.mark.parametrize(
    "backend",
    ["asyncio", pytest.param("trio", marks=pytest.mark.skipif(not env.PY312, reason="trio's threads are older"))],
)
Context = Callable[[Echo, ResourceManager], "AsyncConnectionContext[anyio.abc.ByteStream, socket.socket]"]

CONTEXTS: dict[str, Context] = {
    "tcp": lambda echo, manager: secure_tcp_context("127.0.0.1", echo.tcp, manager=manager),
    "tls": lambda echo, manager: secure_tls_context("127.0.0.1", echo.tls, ssl_context=echo.trusted(), manager=manager),
    "unix": lambda echo, manager: secure_unix_context(echo.unix, manager=manager),
}


def nothing_is_tracked(manager: ResourceManager) -> Callable[[], None]:
    """Return a check that a manager holds nothing and saw nothing dropped."""

    def check() -> None:
        assert manager.active() == ()
        assert manager.metrics().leaked == 0

    return check


@on_both
@pytest.mark.parametrize("case", CONTEXTS)
def test_each_call_of_an_async_connection_may_fail(
    case: str, backend: str, echo: Echo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connecting, handshake, sending, receiving, closing."""
    manager = ResourceManager()

    async def main() -> None:
        async with CONTEXTS[case](echo, manager) as stream:
            await stream.send(b"hello")
            await stream.receive()

    calls = fail_each_call(
        lambda: anyio.run(main, backend=backend), tmp_path, monkeypatch, of_sockets, nothing_is_tracked(manager)
    )
    assert {"socket", "connect", "send"} <= set(calls)
    assert {"recv", "recv_into"} & set(calls)


@pytest.mark.parametrize("case", CONTEXTS)
def test_each_call_of_a_plain_connection_may_fail(
    case: str, echo: Echo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same under `with`."""
    manager = ResourceManager()

    def main() -> None:
        with CONTEXTS[case](echo, manager) as sock:
            sock.sendall(b"hello")
            assert sock.recv(5)

    calls = fail_each_call(main, tmp_path, monkeypatch, of_sockets, nothing_is_tracked(manager))
    assert {"socket", "connect", "close"} <= set(calls)
    assert {"do_handshake", "write", "read"} <= set(calls) or {"sendall", "recv"} <= set(calls)


def test_each_call_of_asyncios_own_streams_may_fail(
    echo: Echo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By open_connection."""
    manager = ResourceManager()

    async def main() -> None:
        connect = lambda: asyncio.open_connection("127.0.0.1", echo.tcp)  # noqa: E731
        async with secure_connection_context(connect, manager=manager) as (reader, writer):
            writer.write(b"hello")
            await reader.read(5)

    calls = fail_each_call(lambda: anyio.run(main), tmp_path, monkeypatch, of_sockets, nothing_is_tracked(manager))
    assert {"socket", "connect", "send", "recv"} <= set(calls)


@in_threads
def test_each_call_of_a_connection_made_in_a_thread_may_fail(
    backend: str, echo: Echo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread's calls count, too."""
    manager = ResourceManager()

    async def main() -> None:
        async with secure_connection_context(
            lambda: socket.create_connection(("127.0.0.1", echo.tcp)), in_thread=True, manager=manager
        ):
            await anyio.sleep(0)

    calls = fail_each_call(
        lambda: anyio.run(main, backend=backend), tmp_path, monkeypatch, of_sockets, nothing_is_tracked(manager)
    )
    assert {"socket", "connect", "close"} <= set(calls)


@on_both
def test_each_call_of_a_pool_may_fail(
    backend: str, echo: Echo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Borrowing, using, giving back, closing: no place is lost."""
    manager = ResourceManager()

    async def use(pool: ResourcePool[anyio.abc.SocketStream]) -> None:
        async with pool.acquire() as stream:
            await stream.send(b"hello")
            await stream.receive()

    async def main() -> None:
        connect = lambda: anyio.connect_tcp("127.0.0.1", echo.tcp)  # noqa: E731
        async with ResourcePool(connect, max_size=2, manager=manager) as pool:
            try:
                async with anyio.create_task_group() as group:
                    for _ in range(3):
                        group.start_soon(use, pool)
            finally:
                stats = pool.stats()
                assert (stats.waiting, stats.size - stats.idle) == (0, 0)

    calls = fail_each_call(
        lambda: anyio.run(main, backend=backend), tmp_path, monkeypatch, of_sockets, nothing_is_tracked(manager)
    )
    assert {"connect", "send"} <= set(calls)


def test_each_call_of_a_plain_pool_may_fail(echo: Echo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for threads' pools."""
    manager = ResourceManager()

    def main() -> None:
        connect = lambda: socket.create_connection(("127.0.0.1", echo.tcp))  # noqa: E731
        with SyncResourcePool(connect, max_size=1, manager=manager) as pool:
            try:
                for _ in range(2):
                    with pool.acquire() as sock:
                        sock.sendall(b"hello")
                        sock.recv(5)
            finally:
                assert pool.stats().size == pool.stats().idle

    calls = fail_each_call(main, tmp_path, monkeypatch, of_sockets, nothing_is_tracked(manager))
    assert {"connect", "sendall", "recv", "close"} <= set(calls)


@pytest.mark.parametrize("atomic", [False, True], ids=["plain", "atomic"])
def test_each_call_of_a_file_may_fail(atomic: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading, writing, seeking, closing: the old content stays where the file is atomic."""
    manager = ResourceManager()
    path = tmp_path / "data.txt"

    def main() -> None:
        path.write_text("old\n")
        with secure_file_context(path, "w", atomic=atomic, manager=manager) as file:
            file.write("new\n")
            file.writelines(["newer\n"])
            file.flush()
        with secure_file_context(path, manager=manager) as file:
            assert file.readline() == "new\n"
            file.seek(0)
            assert file.readlines() == ["new\n", "newer\n"]
            assert file.read() == ""

    def check() -> None:
        nothing_is_tracked(manager)()
        assert not atomic or path.read_text() in ("old\n", "new\nnewer\n")

    calls = fail_each_call(main, tmp_path, monkeypatch, of_files, check)
    assert {"read", "write", "seek"} <= set(calls)


@in_threads
def test_each_call_of_an_async_file_may_fail(backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the threads that do the work."""
    manager = ResourceManager()
    path = tmp_path / "data.txt"

    async def main() -> None:
        async with secure_file_context(path, "w+", manager=manager) as file:
            await file.write("new\n")
            await file.seek(0)
            assert await file.read() == "new\n"

    calls = fail_each_call(
        lambda: anyio.run(main, backend=backend), tmp_path, monkeypatch, of_files, nothing_is_tracked(manager)
    )
    assert {"read", "write", "seek"} <= set(calls)
