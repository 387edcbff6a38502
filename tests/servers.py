"""Real servers for the tests of connections, in a process of their own, so that their ends of connections are not ours."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Echo:
    """Where echo servers listen: TCP, TLS (with the authority to trust), Unix, and one that never answers a handshake."""

    tcp: int
    tls: int
    unix: str
    silent: int
    authority: str

    def trusted(self) -> ssl.SSLContext:
        """Return how a client speaks TLS that trusts the authority, and verifies the server."""
        context = ssl.create_default_context()
        context.load_verify_locations(self.authority)
        return context


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1000):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def _serve(folder: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/server.pem")
    servers = [
        await asyncio.start_server(_echo, "127.0.0.1", 0),
        await asyncio.start_server(_echo, "127.0.0.1", 0, ssl=context),
        await asyncio.start_server(_silent, "127.0.0.1", 0),
    ]
    await asyncio.start_unix_server(_echo, f"{folder}/echo.sock")
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


@contextmanager
def echo(folder: Path) -> Iterator[Echo]:
    """Run the echo servers."""
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        str(folder / "server.pem")
    )
    command = [sys.executable, __file__, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        tcp, tls, silent = map(int, server.stdout.readline().split())
        yield Echo(tcp, tls, str(folder / "echo.sock"), silent, str(folder / "authority.pem"))
        server.communicate("")


@contextmanager
def redis(folder: Path) -> Iterator[str | None]:
    """Run a Redis server, if there is one, and give its Unix socket."""
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    path = folder / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if "eady to accept connections" in line:
                break
        yield str(path)
        server.terminate()


def free_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
