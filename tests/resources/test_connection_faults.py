"""Connections under fault injection: cancelled at every await, with real servers, nothing is left."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from injection import WAYS, Main, cancel_everywhere
from servers import Echo

from no_leaks.resources import (
    ResourceManager,
    secure_connection_context,
    secure_tcp_context,
    secure_tls_context,
    secure_unix_context,
)

Make = Callable[[Echo, ResourceManager], Main]


def tcp(echo: Echo, manager: ResourceManager) -> Main:
    """Speak over TCP."""

    async def main() -> None:
        async with secure_tcp_context("127.0.0.1", echo.tcp, manager=manager) as stream:
            await stream.send(b"hello")
            await stream.receive()

    return main


def tls(echo: Echo, manager: ResourceManager) -> Main:
    """Speak over TLS."""
    context = echo.trusted()

    async def main() -> None:
        async with secure_tls_context("127.0.0.1", echo.tls, ssl_context=context, manager=manager) as stream:
            await stream.send(b"hello")
            await stream.receive()

    return main


def unix(echo: Echo, manager: ResourceManager) -> Main:
    """Speak over a Unix socket."""

    async def main() -> None:
        async with secure_unix_context(echo.unix, manager=manager) as stream:
            await stream.send(b"hello")
            await stream.receive()

    return main


def in_thread(echo: Echo, manager: ResourceManager) -> Main:
    """Connect a plain socket in a thread, and check it."""

    async def check(sock: socket.socket) -> bool:
        await anyio.sleep(0)
        return sock.fileno() >= 0

    async def main() -> None:
        async with secure_connection_context(
            lambda: socket.create_connection(("127.0.0.1", echo.tcp)),
            in_thread=True,
            health_check=check,
            manager=manager,
        ):
            await anyio.sleep(0)

    return main


def scope(echo: Echo, manager: ResourceManager) -> Main:
    """Leave connections to a manager's scope."""

    async def main() -> None:
        async with manager.scope("left"):
            for _ in range(3):
                manager.register(await anyio.connect_tcp("127.0.0.1", echo.tcp), kind="connections")

    return main


CASES: dict[str, Make] = {"tcp": tcp, "tls": tls, "unix": unix, "in a thread": in_thread}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES)
def test_a_connection_cancelled_at_every_step_leaves_nothing(case: str, way: str, echo: Echo, tmp_path: Path) -> None:
    """Connecting, checking, speaking, closing."""
    manager = ResourceManager()

    def check() -> None:
        assert manager.active() == ()

    assert cancel_everywhere(way, CASES[case](echo, manager), tmp_path, check) >= 3


@pytest.mark.parametrize("way", [way for way in WAYS if way.startswith("asyncio")])
def test_asyncios_own_streams_cancelled_at_every_step_leave_nothing(way: str, echo: Echo, tmp_path: Path) -> None:
    """By open_connection."""

    async def main() -> None:
        async with secure_connection_context(lambda: asyncio.open_connection("127.0.0.1", echo.tcp)) as (
            reader,
            writer,
        ):
            writer.write(b"hello")
            await reader.readexactly(5)

    assert cancel_everywhere(way, main, tmp_path) >= 3


@pytest.mark.parametrize("way", [way for way in WAYS if way.startswith("asyncio")])
def test_a_database_cancelled_at_every_step_leaves_nothing(way: str, tmp_path: Path) -> None:
    """SQLite by aiosqlite: a thread of its own, that ends with the connection."""
    aiosqlite = pytest.importorskip("aiosqlite")

    async def main() -> None:
        async with secure_connection_context(lambda: aiosqlite.connect(tmp_path / "data.sqlite")) as database:
            await database.execute("create table if not exists t (x)")
            await database.execute("insert into t values (1)")

    assert cancel_everywhere(way, main, tmp_path) >= 3


@pytest.mark.parametrize("way", [way for way in WAYS if way.startswith("asyncio")])
def test_a_redis_client_cancelled_at_every_step_leaves_nothing(way: str, redis_socket: str, tmp_path: Path) -> None:
    """The client and its pool."""
    redis = pytest.importorskip("redis.asyncio")

    async def main() -> None:
        connect = lambda: redis.Redis(unix_socket_path=redis_socket)  # noqa: E731
        async with secure_connection_context(connect, health_check=lambda client: client.ping()) as client:
            await client.set("key", "value")
            assert await client.get("key") == b"value"

    assert cancel_everywhere(way, main, tmp_path) >= 3
