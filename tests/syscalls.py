"""Fault injection below Python: the n-th call into C by which a socket or a file is used fails, whichever library makes it."""

from __future__ import annotations

import _socket
import _ssl  # type: ignore[import-not-found,unused-ignore] # the stubs of some versions leave it out
import errno
import io
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from injection import MOST_STEPS, OURS, Left, family
from runs import only_young

SOCKET_CALLS = frozenset(
    (
        *("socket", "connect", "connect_ex", "getsockopt", "setsockopt", "setblocking", "settimeout", "do_handshake"),
        *("recv", "recv_into", "send", "sendall", "sendmsg", "read", "write", "shutdown", "close"),
    )
)
"""All that a library asks of a socket. Where an option fails, or the last close, the libraries below ours drop it unclosed."""
FILE_CALLS = frozenset(("read", "readline", "readlines", "write", "writelines", "flush", "seek", "truncate"))
"""Those of Python's own files; that of `close` is below them, see `injection`."""
WAKERS = (
    "_read_from_self",
    "_write_to_self",
    "_make_self_pipe",
    "_close_self_pipe",
    "socketpair",
    "_process_self_data",
)
"""What a loop wakes itself by is a pair of sockets, too: those calls are the loop's own."""


def of_sockets(frame: FrameType, name: str, thing: object) -> bool:
    """Whether a call uses a connection: any library's, but for the sockets that a loop wakes itself by."""
    if name not in SOCKET_CALLS or not isinstance(thing, (_socket.socket, _ssl._SSLSocket)):
        return False
    callers = [frame, frame.f_back, frame.f_back and frame.f_back.f_back]
    return not any(
        caller and (caller.f_code.co_name in WAKERS or "wakeup_socketpair" in caller.f_code.co_filename)
        for caller in callers
    )


def of_files(frame: FrameType, name: str, thing: object) -> bool:
    """Whether a call of our own code uses a file."""
    return name in FILE_CALLS and isinstance(thing, io.IOBase) and frame.f_code.co_filename.startswith(OURS)


Counts = Callable[[FrameType, str, object], bool]


@contextmanager
def failing(number: int, counts: Counts, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Let the n-th of these calls fail, in whatever thread; a close fails once it is done. Yields what was called."""
    called: list[str] = []

    def count(name: str) -> bool:
        called.append(name)
        return len(called) == number

    def hook(frame: FrameType, event: str, arg: Any) -> None:
        if event == "c_call":
            thing = getattr(arg, "__self__", None)
            if counts(frame, arg.__name__, thing) and count(arg.__name__):
                if arg.__name__ == "close":
                    sys.setprofile(None)
                    arg()
                raise OSError(errno.EIO, "injected")

    def make(self: socket.socket, *args: Any, **kwargs: Any) -> None:
        new = kwargs.get("fileno") is None and (len(args) < 4 or args[3] is None)
        if new and counts(sys._getframe(1), "socket", self) and count("socket"):
            raise OSError(errno.EMFILE, "injected")
        init(self, *args, **kwargs)

    init = socket.socket.__init__
    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "__init__", make)
        _in_all_threads(hook)
        try:
            yield called
        finally:
            _in_all_threads(None)


def _in_all_threads(hook: Callable[[FrameType, str, Any], None] | None) -> None:
    """Set a hook in this thread and in new ones; in those that run already only 3.12 can."""
    getattr(threading, "setprofile_all_threads", threading.setprofile)(hook)
    sys.setprofile(hook)


def fail_each_call(
    main: Callable[[], object],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    counts: Counts,
    check: Callable[[], None] = lambda: None,
) -> list[str]:
    """Let each of these calls fail in turn; nothing may be left after any. Return the calls of a good run."""
    main()
    with only_young():
        left = Left(folder)
        for number in range(1, MOST_STEPS):
            with failing(number, counts, monkeypatch) as called:
                try:
                    main()
                except BaseException as raised:
                    if not any(isinstance(one, OSError) for one in family(raised)):
                        raise
            left.check(f"{called[number - 1] if number <= len(called) else 'nothing'} failed as call {number}")
            check()
            if len(called) < number:
                return called
    raise AssertionError("there is no end of calls")
