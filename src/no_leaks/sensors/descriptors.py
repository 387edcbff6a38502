"""Births of bare descriptors: pipes, duplicates, detached sockets, terminals and the like, which no audit event tells of.

The functions of `os` that make them are wrapped by name, so one that was imported by name before is not seen; what C
code opens is not, either. The table of descriptors stays the ground truth: this only explains it.
"""

from __future__ import annotations

import functools
import os
import selectors
import socket
from collections.abc import Callable
from typing import Any

from .. import births, faults, ledger, origin
from .patches import Patches

MAKERS = ("pipe", "pipe2", "dup", "openpty", "eventfd", "memfd_create", "pidfd_open", "timerfd_create")
"""Not dup2: pytest's capture calls it a dozen times for each test, and its target is a number that was there before."""
SELECTOR = "selector"
_LOOPS = f"{os.sep}asyncio{os.sep}"
EVENT = "os.descriptor"
"""The event of a record: its facts are the maker's name and (fd, device, inode) of each descriptor that it made."""

_patches = Patches()


def install() -> None:
    """Wrap what this platform has of the makers, and the selectors, whose epoll objects no function of `os` makes."""
    for name in MAKERS:
        _patches.put(os, name, _making)
    for name in ("EpollSelector", "KqueueSelector", "DevpollSelector"):
        selector: Any = getattr(selectors, name, None)
        if selector is not None:
            _patches.put(selector, "__init__", _selecting)
    _patches.put(socket.socket, "detach", _detaching)


def remove() -> None:
    """Leave them to themselves."""
    _patches.undo()


def _making(make: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(make)
    def noting(*args: Any, **kwargs: Any) -> Any:
        made: int | tuple[int, ...] = make(*args, **kwargs)
        book = ledger.current()
        if book is not None:
            note(book, make.__name__, made if isinstance(made, tuple) else (made,))
        return made

    return noting


def _selecting(init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def noting(self: Any) -> None:
        init(self)
        book = ledger.current()
        if book is not None:
            note(book, SELECTOR, (self.fileno(),))

    return noting


def _detaching(detach: Callable[[Any], int]) -> Callable[[Any], int]:
    """A socket that gives its descriptor away (multiprocessing's connections do) still tells where it was made, and whose."""

    @functools.wraps(detach)
    def noting(self: Any) -> int:
        fd = detach(self)
        book = ledger.current()
        if book is not None and fd >= 0:
            _hand_on(self, fd, book)
        return fd

    return noting


def _hand_on(sock: Any, fd: int, book: ledger.Ledger) -> None:
    try:
        birth = births.of_made(sock, book, "socket.__new__")
        if birth is not None:
            births.descriptor_of(birth.record)  # none any more: one that a collection has noted would explain it, too
            birth.ledger.records.append(ledger.Record(EVENT, ("detach", _idents((fd,))), birth.record.stack))
    except OSError:
        pass  # its number was closed behind its back
    except Exception as error:
        faults.note("detached sockets", error)


def note(book: ledger.Ledger, maker: str, made: tuple[int, ...]) -> None:
    """Record what a maker made; called from what stands in for the maker, so that two frames up is who asked for it."""
    try:
        frame, last = origin.frame_up(2), book.records[-1] if book.records else None
        # A loop that was made a moment before makes this for itself: one walk up the stack is enough.
        if maker == SELECTOR and last is not None and last.event == "event loop" and _LOOPS in frame.f_code.co_filename:
            stack = last.stack
        else:
            stack = origin.capture(frame) + ledger.SUBMITTED.get()
        book.records.append(ledger.Record(EVENT, (maker, _idents(made)), stack))
    except Exception as error:
        faults.note("bare descriptors", error)


def _idents(made: tuple[int, ...]) -> tuple[tuple[int, int, int], ...]:
    return tuple((fd, status.st_dev, status.st_ino) for fd in made for status in (os.fstat(fd),))
