"""Sockets: family, endpoints and state of a descriptor that was opened or accepted and never closed."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from typing import Any

from .. import ends, ledger
from ..ledger import Record
from ..model import Resource, Sighting

_STATES = {
    1: "established",
    2: "connecting",
    4: "closing",
    7: "not connected",
    8: "closed by the peer",
    10: "listening",
}
_TCP_INFO = getattr(socket, "TCP_INFO", None)
_FAMILIES = {"AF_INET": "", "AF_INET6": "", "AF_UNIX": "Unix "}
_TYPES = {socket.SOCK_STREAM: "TCP", socket.SOCK_DGRAM: "UDP"}


def describe(fd: int, link: str, mode: int, record: Record | None) -> Sighting:
    """Describe an open socket as the system sees it, without touching the object that owns it."""
    what, detail, listening = _look(fd)
    verb = "accepted" if ends.is_accepted(record) else "opened"
    return Sighting(
        kind="sockets",
        resource=Resource(what, f"fd {fd}", detail),
        summary=f"a {what} was {verb} and never closed",
        fix="close the server in a finally block or a fixture's teardown"
        if listening
        else "with contextlib.closing(...) as sock: ..., or sock.close() in a finally block",
        stack=record.stack if record is not None else (),
        age_s=time.monotonic() - record.born_s if record is not None else None,
    )


def _look(fd: int) -> tuple[str, str, bool]:
    """Return (type, endpoints and state, is it listening) of a socket by a duplicate of its descriptor."""
    with ledger.at_work(None):
        try:
            twin = socket.socket(fileno=os.dup(fd))
        except OSError:
            return "socket", "", False
        with twin:
            state = _state(twin)
            what = f"{_prefix(twin)} socket".strip()
            addresses = [_address(twin.getsockname), _address(twin.getpeername)]
            words = [" -> ".join(filter(None, addresses)), state]
            return what, ", ".join(filter(None, words)), state == "listening"


def _prefix(sock: socket.socket) -> str:
    family = getattr(sock.family, "name", str(sock.family))
    if family in ("AF_INET", "AF_INET6"):
        return _TYPES.get(sock.type, "IP")
    return "Unix" if family == "AF_UNIX" else family


def _state(sock: socket.socket) -> str:
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type != socket.SOCK_STREAM or _TCP_INFO is None:
        listening = _option(sock, getattr(socket, "SO_ACCEPTCONN", 30))
        return "listening" if listening else ""
    try:
        return _STATES.get(sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 8)[0], "")
    except OSError:
        return ""


def _option(sock: socket.socket, option: int) -> int:
    try:
        return sock.getsockopt(socket.SOL_SOCKET, option)
    except OSError:
        return 0


def _address(ask: Callable[[], Any]) -> str:
    try:
        address: Any = ask()  # of any shape: each family has its own
    except OSError:
        return ""
    if isinstance(address, tuple):
        host, port = map(str, address[:2])  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if isinstance(address, bytes):
        return "@" + address.strip(b"\0").decode(errors="replace")
    return str(address) if address else ""
