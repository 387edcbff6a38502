"""Both ends of a connection in one process: who left the client open is told, and not the fixture whose server it asked."""

from __future__ import annotations

import socket

import pytest
from runs import Runs

from no_leaks import ends, env

SERVER = """
import socketserver

class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        while self.request.recv(1):
            self.request.sendall(b"x")

class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

@pytest.fixture(scope=SCOPE)
def server():
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()

def ask(address):
    client = socket.create_connection(address)
    client.sendall(b"x")
    assert client.recv(1) == b"x"
    return client
"""


@pytest.mark.parametrize("scope", ["module", "session"])
def test_a_client_that_a_test_leaves_is_the_tests(check: Runs, scope: str) -> None:
    """What the server has accepted, and the thread that waits for more, are open because of it."""
    done = check.child(
        SERVER.replace("SCOPE", repr(scope))
        + "def test_x(server): KEPT.append(ask(server.server_address))\ndef test_y(server): pass"
    )
    assert (done.counts, done.leaks) == ({"failed": 1, "passed": 1}, [("test_x", "sockets")])


def test_a_client_that_is_made_once_leaves_the_server_in_peace(check: Runs) -> None:
    """As a pool of connections does, which keeps one for the next request."""
    done = check.child(
        SERVER.replace("SCOPE", repr("session"))
        + "def test_x(server):\n    if not KEPT: KEPT.append(ask(server.server_address))\ndef test_y(server): pass"
    )
    assert done.counts == {"passed": 2}
    assert [leak["verdict"] for leak in done.document["leaks"]] == ["once"]


def test_a_fixture_that_leaves_both_ends_answers_for_both(check: Runs) -> None:
    """Its own client is no excuse."""
    done = check.child(
        "@pytest.fixture(scope='session')\ndef both():\n"
        "    listening = socket.create_server(('127.0.0.1', 0))\n"
        "    KEPT.append(socket.create_connection(listening.getsockname()))\n"
        "    KEPT.append(listening.accept()[0])\n"
        "    listening.close()\n"
        "def test_x(both): pass\n"
    )
    assert done.counts == {"passed": 1, "errors": 1}
    assert sorted(leak["summary"] for leak in done.document["leaks"]) == [
        "a TCP socket was accepted and never closed",
        "a TCP socket was opened and never closed",
    ]


def test_what_a_test_accepts_is_the_tests_whoever_asked(check: Runs) -> None:
    """A test answers for its own server, also where the client is a fixture's."""
    done = check.child(
        """
@pytest.fixture(scope="session")
def client():
    with socket.socket() as client:
        yield client

def test_x(client):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client.connect(listening.getsockname())
        KEPT.append(listening.accept()[0])
""",
        "--no-leaks-confirm=never",
    )
    assert done.leaks == [("test_x", "sockets")]


def test_the_other_end_is_found_while_it_is_open_and_where_descriptors_are_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else the server's end counts as left open, as any."""
    listening = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listening.getsockname())
    with listening, client, listening.accept()[0] as accepted:
        assert ends.other_end(accepted.fileno()) == client.fileno()
        assert ends.other_end(listening.fileno()) is None
        with monkeypatch.context() as patched:
            patched.setattr(env, "FD_FOLDER", None)
            assert ends.other_end(accepted.fileno()) is None
        client.close()
        assert ends.other_end(accepted.fileno()) is None


@pytest.mark.skipif(not env.LINUX, reason="abstract addresses are Linux's")
def test_a_unix_socket_without_an_address_tells_no_ends(check: Runs) -> None:
    """Its client cannot be found, so that the server's end is the fixture's."""
    done = check.child("""
@pytest.fixture(scope="session")
def server():
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"\\0no-leaks-{os.getpid()}")
        listening.listen()
        listening.setblocking(False)
        yield listening
        KEPT.append(listening.accept()[0])

def test_x(server):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(server.getsockname())
""")
    assert done.counts == {"passed": 1, "errors": 1}
