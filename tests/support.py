"""What the tests of the core share: a session with one open scope, driven by hand and without waiting."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from no_leaks import faults, ledger, origin, session
from no_leaks.config import Allowance, Settings
from no_leaks.ledger import Ledger
from no_leaks.model import Frame, Ident, Kind, Owner, Sighting
from no_leaks.scope import Found, Scope
from no_leaks.sensors import strays
from no_leaks.session import Session
from no_leaks.settle import run

ON_PURPOSE = "kept open on purpose"


class Watch:
    """A session over some kinds with one scope open; it looks patiently but never sleeps unless told how."""

    def __init__(self, *kinds: Kind, sleep: Callable[[float], None] | None = None, **settings: Any) -> None:
        self.pauses: list[float] = []
        self._sleep = sleep
        self.session = Session(kinds, sleep=self.pause)
        self.settings = Settings(kinds=frozenset(kinds), **{"grace_s": 0.0, **settings})
        self.session.start()
        self.scope: Scope = self.session.open(Owner("function", test="test_watched"), self.settings)

    @property
    def ledger(self) -> Ledger:
        """The ledger of the scope."""
        return self.scope.ledger

    def pause(self, seconds: float) -> None:
        """Stand in for time.sleep."""
        self.pauses.append(seconds)
        if self._sleep is not None:
            self._sleep(seconds)

    def left(self) -> tuple[Found, ...]:
        """Settle the scope and return what it left."""
        if not self.scope.is_clean():
            run(self.scope.settle(), self.pause)
        return self.scope.left or ()

    def only(self) -> Sighting:
        """Return the one thing that was left."""
        (found,) = self.left()
        return found.sighting

    def born(self) -> list[tuple[str, Ident]]:
        """Look once; return what is there and was not, by probe and identity."""
        seen = self.session.panel.look(self.scope.names, self.ledger)
        before = self.scope.before
        return sorted(((name, ident) for name in seen for ident in seen[name] - before[name]), key=repr)

    def spot(self) -> tuple[str, Ident]:
        """Return probe and identity of the one thing that is there and was not."""
        (spot,) = self.born()
        return spot

    def describe(self) -> Sighting | None:
        """Describe the one thing that is there and was not."""
        return self.session.panel.describe(*self.spot(), self.ledger)

    def release(self) -> str:
        """Let go of the one thing that is there and was not."""
        return self.session.panel.release(*self.spot(), self.ledger)

    def thing(self) -> object | None:
        """Return the object behind the one thing that is there and was not."""
        return self.session.panel.thing(*self.spot(), self.ledger)

    def stop(self) -> None:
        """End the scope and the session."""
        self.scope.end()
        self.session.stop()


@contextmanager
def own_faults() -> Iterator[None]:
    """Keep the faults and strays that a test provokes from the session that this test itself runs under."""
    noted, found = faults.noted(), list(strays.kept)
    faults.clear()
    strays.kept.clear()
    try:
        yield
    finally:
        faults.clear()
        faults._faults.update(noted)  # pyright: ignore[reportPrivateUsage]  # there is no other way to put them back
        strays.kept.clear()
        strays.kept.extend(found)


@contextmanager
def alone() -> Iterator[None]:
    """Hide the session that this test itself runs under, if there is one, and put it back."""
    sessions, living, tombs = session._sessions, ledger._living, ledger._tombstones  # pyright: ignore[reportPrivateUsage]
    kept = (list(sessions), list(living), list(tombs), ledger.CURRENT.get())
    late = list(ledger._late)  # pyright: ignore[reportPrivateUsage]
    root = origin.root()
    for outer in sessions:
        outer.sensors.remove()
    sessions.clear()
    ledger.forget_all()
    try:
        yield
    finally:
        sessions[:] = kept[0]
        living[:] = kept[1]
        tombs.clear()
        tombs.extend(kept[2])
        ledger._late[:] = late  # pyright: ignore[reportPrivateUsage]
        ledger.CURRENT.set(kept[3])
        origin.set_root(root)
        for outer in sessions[-1:]:
            outer.sensors.install()


@contextmanager
def another_ledger(scope: str = "session") -> Iterator[Ledger]:
    """Work for a wider scope: what is made inside is that one's."""
    book = ledger.open_ledger(Owner(scope, "server"))
    try:
        with ledger.at_work(book):
            yield book
    finally:
        ledger.end_ledger(book)


def allowance(*kinds: Kind) -> tuple[Allowance, ...]:
    """Return what `allow_leaks(*kinds, reason=...)` gives."""
    return (Allowance(ON_PURPOSE, kinds),)


def anyio_on_trio() -> None:
    """Skip a test where this anyio cannot run on this trio: 3.7 asks for what trio has no more from 0.24 on."""
    pytest.importorskip("trio")
    try:
        importlib.import_module("anyio._backends._trio")
    except AttributeError:
        pytest.skip("this anyio is too old for this trio")


def here() -> int:
    """Return the line of the caller."""
    return sys._getframe(1).f_lineno  # pyright: ignore[reportPrivateUsage]  # a test's own line


def site_of(sighting: Sighting | None, file: str) -> int | None:
    """Return the line of the innermost frame in `file` that a sighting says made it."""
    assert sighting is not None
    frames: tuple[Frame, ...] = origin.frames_of(sighting.stack) + origin.frames_at(sighting.places)
    name = origin.relative(file, origin.root())
    return next((frame.line for frame in frames if frame.file == name), None)


def in_child(look: Callable[[], object]) -> str:
    """Return what a forked child says of itself, as text; the child does nothing else and leaves at once."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a worker of pytest-xdist has threads; the child runs none
        pid = os.fork()
        if pid == 0:
            _answer(look, writing)
    os.close(writing)
    with open(reading, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(pid, 0)
    return answer


def _answer(look: Callable[[], object], writing: int) -> None:
    try:
        answer = repr(look())
    except BaseException as error:
        answer = f"{type(error).__name__}: {error}"
    os.write(writing, answer.encode()[:4000])
    os._exit(0)


def wait_until(holds: Callable[[], bool]) -> None:
    """Give way to other threads until a condition holds; give up after very many tries, never after a time."""
    for _ in range(1_000_000):
        if holds():
            return
        os.sched_yield()
    raise AssertionError("it never came to hold")
