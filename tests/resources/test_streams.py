"""Helpers for TCP, TLS and Unix sockets, against real servers, under both libraries and by plain code."""

from __future__ import annotations

import socket
import ssl

import anyio
import pytest
from backends import on_both, run
from servers import Echo, free_port

from no_leaks.errors import DeadlineExceeded
from no_leaks.resources import secure_tcp_context, secure_tls_context, secure_unix_context
from no_leaks.resources.streams import verifying_context


@on_both
def test_tcp(echo: Echo, backend: str) -> None:
    """A stream of anyio."""

    async def main() -> bytes:
        async with secure_tcp_context("127.0.0.1", echo.tcp) as stream:
            await stream.send(b"hello")
            return await stream.receive()

    assert run(backend, main) == b"hello"


def test_tcp_by_plain_code(echo: Echo) -> None:
    """A socket, that waits for ever once it is connected."""
    with secure_tcp_context("127.0.0.1", echo.tcp) as sock:
        sock.sendall(b"hello")
        assert sock.recv(5) == b"hello"
        assert sock.gettimeout() is None
    assert sock.fileno() == -1


@on_both
def test_unix(echo: Echo, backend: str) -> None:
    """A stream of anyio."""

    async def main() -> bytes:
        async with secure_unix_context(echo.unix) as stream:
            await stream.send(b"hello")
            return await stream.receive()

    assert run(backend, main) == b"hello"


def test_unix_by_plain_code(echo: Echo) -> None:
    """A socket."""
    with secure_unix_context(echo.unix) as sock:
        sock.sendall(b"hello")
        assert sock.recv(5) == b"hello"


@on_both
def test_tls(echo: Echo, backend: str) -> None:
    """Version 1.2 at least, verified."""

    async def main() -> tuple[bytes, str]:
        async with secure_tls_context("127.0.0.1", echo.tls, ssl_context=echo.trusted()) as stream:
            await stream.send(b"hello")
            version = stream.extra(anyio.streams.tls.TLSAttribute.tls_version)
            return await stream.receive(), version

    data, version = run(backend, main)
    assert (data, version >= "TLSv1.2") == (b"hello", True)


def test_tls_by_plain_code(echo: Echo) -> None:
    """Under a name of its own."""
    with secure_tls_context("127.0.0.1", echo.tls, ssl_context=echo.trusted(), server_hostname="localhost") as sock:
        sock.sendall(b"hello")
        assert sock.recv(5) == b"hello"


@on_both
def test_an_unknown_authority_is_refused(echo: Echo, backend: str) -> None:
    """By default certificates are verified."""

    async def main() -> None:
        async with secure_tls_context("127.0.0.1", echo.tls):
            pass

    with pytest.raises(ssl.SSLCertVerificationError):
        run(backend, main)
    with pytest.raises(ssl.SSLCertVerificationError), secure_tls_context("127.0.0.1", echo.tls):
        pass


def test_another_servers_name_is_refused(echo: Echo) -> None:
    """The certificate is for whom we asked for, or for nobody."""
    with (
        pytest.raises(ssl.SSLCertVerificationError),
        secure_tls_context("127.0.0.1", echo.tls, ssl_context=echo.trusted(), server_hostname="example.org"),
    ):
        pass


@on_both
def test_a_server_that_goes_without_a_goodbye_is_no_error(echo: Echo, backend: str) -> None:
    """The transport is cut below TLS; we were through with it."""

    async def main() -> None:
        async with secure_tls_context("127.0.0.1", echo.tls, ssl_context=echo.trusted()) as stream:
            await anyio.aclose_forcefully(stream.transport_stream)

    run(backend, main)


def test_old_versions_are_not_spoken() -> None:
    """TLS 1.2 is the least."""
    context = verifying_context()

    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@on_both
def test_a_handshake_that_never_ends_is_given_up(echo: Echo, backend: str) -> None:
    """In time."""

    async def main() -> None:
        async with secure_tls_context("127.0.0.1", echo.silent, connect_timeout_s=0.05):
            pass

    with pytest.raises(DeadlineExceeded, match="connecting to tls://127.0.0.1"):
        run(backend, main)


def test_plain_code_gives_it_up_too(echo: Echo) -> None:
    """By the socket's own limit, if not by the alarm."""
    with pytest.raises(TimeoutError), secure_tls_context("127.0.0.1", echo.silent, connect_timeout_s=0.05):
        pass


@on_both
def test_nobody_listens(backend: str) -> None:
    """The system's error."""
    port = free_port()

    async def main() -> None:
        async with secure_tcp_context("127.0.0.1", port):
            pass

    with pytest.raises(OSError):
        run(backend, main)
    with pytest.raises(ConnectionRefusedError), secure_tcp_context("127.0.0.1", port):
        pass
    with pytest.raises(FileNotFoundError), secure_unix_context("/nonexistent/socket"):
        pass


def test_a_server_that_comes_later_is_waited_for() -> None:
    """With retries."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        context = secure_tcp_context("127.0.0.1", port, retries=9, backoff_s=0.001, name="later")
        with pytest.raises(ConnectionRefusedError), secure_tcp_context("127.0.0.1", port):
            pass
        server.listen()
        with context as sock:
            assert sock.getpeername()[1] == port
