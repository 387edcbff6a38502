"""Sockets: what they are called, where they lead, who opened them and how they are let go."""

from __future__ import annotations

import gc
import multiprocessing
import os
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support import ON_PURPOSE, Watch, allowance, another_ledger, here, site_of

from no_leaks import judge
from no_leaks.ledger import Ledger
from no_leaks.model import Owner, Verdict
from no_leaks.probes import sockets
from no_leaks.probes.descriptors import DescriptorProbe
from no_leaks.probes.panel import Panel

Make = Callable[..., Watch]


def test_a_listening_socket_is_seen_where_it_was_opened(watch: Make) -> None:
    """Kind, endpoint, state and the test's own line, through the library's frames."""
    watching = watch("sockets")
    server, line = socket.create_server(("127.0.0.1", 0)), here()
    with server:
        sighting = watching.only()
        port = server.getsockname()[1]
    assert sighting.summary == "a TCP socket was opened and never closed"
    assert sighting.resource.detail == f"127.0.0.1:{port}, listening"
    assert "close the server" in sighting.fix
    assert site_of(sighting, __file__) == line


def test_a_closed_socket_is_forgotten(watch: Make) -> None:
    """Opened and closed leaves no difference."""
    watching = watch("sockets")
    socket.socket().close()
    assert watching.scope.is_clean()


def test_an_allowed_socket_is_no_leak(watch: Make) -> None:
    """An allowance of the kind turns the verdict."""
    watching = watch("sockets")
    with socket.socket():
        sighting = watching.only()
    assert judge.verdict(sighting, allowance("sockets")) == (Verdict.ALLOWED, ON_PURPOSE)


def test_sockets_are_unavailable_where_descriptors_are(monkeypatch: pytest.MonkeyPatch, clean_faults: None) -> None:
    """The kind is served by the descriptor table, and the reason is the table's."""
    monkeypatch.setattr(DescriptorProbe.__init__, "__defaults__", ("/nowhere",))
    assert Panel(("sockets",)).unavailable == {"sockets": "/nowhere cannot be read: No such file or directory"}


def test_an_accepted_socket_is_the_acceptors(watch: Make) -> None:
    """The other end is named, and the verb says that it came by accept."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        watching = watch("sockets")
        (accepted, _), line = server.accept(), here()
        with accepted:
            sighting = watching.only()
            ends = [f"127.0.0.1:{sock.getsockname()[1]}" for sock in (server, client)]
    assert sighting.summary == "a TCP socket was accepted and never closed"
    assert sighting.resource.detail == f"{' -> '.join(ends)}, established"
    assert site_of(sighting, __file__) == line


def test_a_connection_that_a_wider_servers_thread_accepts_is_the_servers(watch: Make) -> None:
    """A test that calls a session's server is not blamed for the connection that the server keeps."""
    watching = watch("sockets", "threads")
    kept: list[socket.socket] = []
    with another_ledger(), socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: kept.append(server.accept()[0]))
        thread.start()
        address = server.getsockname()
        watching.session.panel.look(watching.scope.names, watching.ledger)
        with closing(_connect(address, watching)):
            thread.join()
    assert watching.left() == ()
    kept[0].close()


def _connect(address: tuple[str, int], watching: Watch) -> socket.socket:
    from no_leaks.ledger import at_work

    with at_work(watching.ledger):
        return socket.create_connection(address)


@pytest.mark.parametrize(
    ("family", "kind", "type_", "detail"),
    [
        (socket.AF_INET, socket.SOCK_STREAM, "TCP socket", "0.0.0.0:0, not connected"),
        (socket.AF_INET, socket.SOCK_DGRAM, "UDP socket", "0.0.0.0:0"),
        (socket.AF_INET6, socket.SOCK_DGRAM, "UDP socket", "[::]:0"),
        (socket.AF_UNIX, socket.SOCK_STREAM, "Unix socket", ""),
    ],
)
def test_a_socket_is_called_by_family_and_type(
    watch: Make, family: socket.AddressFamily, kind: socket.SocketKind, type_: str, detail: str
) -> None:
    """What the system knows of it, without touching its object."""
    watching = watch("sockets")
    with socket.socket(family, kind):
        resource = watching.only().resource
    assert (resource.type, resource.detail) == (type_, detail)


def test_a_unix_socket_is_shown_by_its_path(watch: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path is the address, and a listening one says so."""
    monkeypatch.chdir(tmp_path)  # a socket's path is limited to about 100 characters
    watching = watch("sockets")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("door")
        server.listen()
        resource = watching.only().resource
    assert resource.detail == "door, listening"


def test_an_abstract_unix_socket_is_shown_with_an_at_sign(watch: Make) -> None:
    """Linux's abstract names begin with a zero byte, that nobody can read."""
    watching = watch("sockets")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0no-leaks-{os.getpid()}")
        resource = watching.only().resource
    assert resource.detail == f"@no-leaks-{os.getpid()}"


def test_both_ends_of_a_socketpair_are_seen(watch: Make) -> None:
    """Each end is a socket of its own, and each knows its site."""
    watching = watch("sockets")
    ends, line = socket.socketpair(), here()
    found = watching.left()
    for end in ends:
        end.close()
    assert [site_of(one.sighting, __file__) for one in found] == [line, line]


def test_a_socket_of_another_ledger_is_not_this_scopes(watch: Make) -> None:
    """A wider fixture's socket is described to nobody here."""
    watching = watch("sockets")
    with another_ledger():
        sock = socket.socket()
    with sock:
        assert watching.left() == ()


def test_a_detached_descriptor_is_seen_without_its_object(watch: Make) -> None:
    """`detach` takes the number from the object: the table still has it."""
    watching = watch("sockets")
    fd = socket.socket().detach()
    sighting = watching.only()
    os.close(fd)
    assert sighting.resource.id == f"fd {fd}"


def test_a_released_socket_is_closed_through_its_object(watch: Make) -> None:
    """The object knows that it is closed."""
    watching = watch("sockets")
    sock = socket.socket()
    assert watching.release() == "closed"
    assert sock.fileno() == -1


def test_a_vanished_socket_is_described_without_details() -> None:
    """Closed between the look and its description: the words fall back, and nothing raises."""
    sighting = sockets.describe(999999, "socket:[1]", 0o140000, None)
    assert (sighting.resource.type, sighting.resource.detail) == ("socket", "")


def test_looking_at_a_socket_writes_no_birth(watch: Make) -> None:
    """The duplicate that the probe makes for its questions is nobody's."""
    watching = watch("sockets")
    with socket.socket() as sock:
        before = len(watching.ledger.records)
        sockets.describe(sock.fileno(), "", 0, None)
    assert len(watching.ledger.records) == before


def test_a_netlink_socket_is_called_by_its_family() -> None:
    """A family that has no common name keeps the system's, and an address of any shape is shown."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as sock:
        sighting = sockets.describe(sock.fileno(), "", 0, None)
    assert sighting.resource.type == "AF_NETLINK socket"


def test_a_raw_type_of_the_internet_family_is_called_ip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither stream nor datagram: no protocol is claimed."""
    monkeypatch.setattr(sockets, "_TYPES", {})
    with socket.socket() as sock:
        assert sockets.describe(sock.fileno(), "", 0, None).resource.type == "IP socket"


class _Refusing(socket.socket):
    """A socket whose system refuses every question about options."""

    def getsockopt(self, *args: object) -> object:  # type: ignore[override]
        raise OSError("no such option")


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_a_state_that_cannot_be_asked_is_left_out(family: socket.AddressFamily) -> None:
    """A refused option is no state, never an error."""
    with _Refusing(family) as sock:
        assert sockets._state(sock) == ""  # pyright: ignore[reportPrivateUsage]  # no system refuses on demand


def test_a_ledger_without_records_explains_nothing(no_outer_session: None) -> None:
    """Without a birth there is neither site nor age."""
    with socket.socket() as sock:
        probe, book = DescriptorProbe(), Ledger(Owner("function"))
        ident = next(ident for ident in probe.take(book) if ident[0] == sock.fileno())
        sighting = probe.describe(ident, book)
    assert sighting is not None
    assert (sighting.stack, sighting.age_s) == ((), None)


def test_a_detached_socket_is_seen_where_it_was_made(watch: Make) -> None:
    """The object is gone and its descriptor lives on, in a Connection of multiprocessing's or as a bare number."""
    watching = watch("sockets")
    ends, line = multiprocessing.Pipe(), here()
    found = watching.left()
    for end in ends:
        end.close()
    assert [site_of(one.sighting, __file__) for one in found] == [line, line]


@pytest.mark.parametrize("collected", [False, True])
def test_a_descriptor_that_was_wrapped_anew_has_one_line_whenever_the_collector_comes(
    watch: Make, collected: bool
) -> None:
    """A repetition that named another line than the first run would take a leak for something made once."""
    watching = watch("sockets")
    first = socket.socket()
    if collected:
        gc.collect()
    second, line = socket.socket(fileno=first.detach()), here()
    del first
    fd = second.detach()
    del second
    sighting = watching.only()
    os.close(fd)
    assert site_of(sighting, __file__) == line


def test_a_socket_that_another_scope_made_stays_its_own_when_detached(watch: Make) -> None:
    """Who detaches it does not matter."""
    watching = watch("sockets")
    with another_ledger():
        sock = socket.socket()
    fd = sock.detach()
    left = watching.left()
    os.close(fd)
    assert left == ()
