"""Connections over TCP, TLS and Unix sockets, made as they should be; async by anyio, plain ones by the socket module."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from .connection_context import AsyncConnectionContext
from .connection_options import ConnectionOptions
from .keywords import refuse_unknown
from .manager import ResourceManager

if TYPE_CHECKING:
    from anyio.abc import SocketStream
    from anyio.streams.tls import TLSStream
    from typing_extensions import Unpack

    from .connection_context import ConnectionKeywords

OWN = ("create", "create_plainly", "in_thread")
"""Options of a connection that are settled here."""


def secure_tcp_context(
    host: str, port: int, *, manager: ResourceManager | None = None, **options: Unpack[ConnectionKeywords]
) -> AsyncConnectionContext[SocketStream, socket.socket]:
    """Connect over TCP: a stream of anyio under `async with`, a socket under `with`; options as of `secure_connection_context`."""

    async def create() -> SocketStream:
        import anyio

        return await anyio.connect_tcp(host, port)

    refuse_unknown("secure_tcp_context", ConnectionOptions, options, *OWN)
    limit_s = options.get("connect_timeout_s", 10.0)
    options.setdefault("name", f"tcp://{host}:{port}")
    plain = ConnectionOptions(create, create_plainly=lambda: _dial((host, port), limit_s), **options)
    return AsyncConnectionContext(plain, manager)


def secure_tls_context(
    host: str,
    port: int,
    *,
    ssl_context: ssl.SSLContext | None = None,
    server_hostname: str | None = None,
    manager: ResourceManager | None = None,
    **options: Unpack[ConnectionKeywords],
) -> AsyncConnectionContext[TLSStream, ssl.SSLSocket]:
    """Connect over TLS, 1.2 at least, to a server whose certificate is verified for `server_hostname` (`host`).

    An `ssl_context` of your own decides both itself. Options as of `secure_connection_context`.
    """
    context = ssl_context or verifying_context()
    name = server_hostname or host

    async def create() -> TLSStream:
        import anyio

        return await anyio.connect_tcp(host, port, tls=True, ssl_context=context, tls_hostname=name)

    refuse_unknown("secure_tls_context", ConnectionOptions, options, *OWN)
    limit_s = options.get("connect_timeout_s", 10.0)
    options.setdefault("name", f"tls://{host}:{port}")
    options.setdefault("close", _hang_up)
    wrap = _wrapping(context, name)
    plain = ConnectionOptions(create, create_plainly=lambda: _dial((host, port), limit_s, wrap), **options)
    return AsyncConnectionContext(plain, manager)


def secure_unix_context(
    path: str | os.PathLike[str], *, manager: ResourceManager | None = None, **options: Unpack[ConnectionKeywords]
) -> AsyncConnectionContext[SocketStream, socket.socket]:
    """Connect to a Unix socket: a stream of anyio under `async with`, a socket under `with`."""
    address = os.fspath(path)

    async def create() -> SocketStream:
        import anyio

        return await anyio.connect_unix(address)

    refuse_unknown("secure_unix_context", ConnectionOptions, options, *OWN)
    limit_s = options.get("connect_timeout_s", 10.0)
    options.setdefault("name", f"unix:{address}")
    plain = ConnectionOptions(create, create_plainly=lambda: _dial(address, limit_s), **options)
    return AsyncConnectionContext(plain, manager)


def verifying_context() -> ssl.SSLContext:
    """Return how a client should speak TLS: the system's authorities, names checked, version 1.2 at least."""
    context = ssl.create_default_context()
    context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
    return context


Wrap = Callable[[socket.socket], socket.socket]


def _dial(address: tuple[str, int] | str, limit_s: float | None, wrap: Wrap | None = None) -> socket.socket:
    """Connect a socket; it waits for ever afterwards, as sockets do. What fails half-way is closed."""
    if isinstance(address, tuple):
        sock = socket.create_connection(address, timeout=limit_s)
    else:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(limit_s)
        if not isinstance(address, tuple):
            sock.connect(address)
        if wrap is not None:
            sock = wrap(sock)
        sock.settimeout(None)
    except BaseException:
        sock.close()
        raise
    return sock


def _wrapping(context: ssl.SSLContext, name: str) -> Wrap:
    return lambda sock: context.wrap_socket(sock, server_hostname=name)


def _hang_up(connection: TLSStream | ssl.SSLSocket) -> Awaitable[None] | None:
    """Close a TLS connection. We are through: a server that goes without TLS's own goodbye cuts nothing off."""
    if isinstance(connection, ssl.SSLSocket):
        connection.close()
        return None
    return _say_goodbye(connection)


async def _say_goodbye(stream: TLSStream) -> None:
    import anyio

    try:
        await stream.aclose()
    except (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, ssl.SSLError):
        pass  # the transport is closed: by the peer, or by anyio before it raised this
