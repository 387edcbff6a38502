"""Calls: `growth(fn)` calls something again and again, and returns what grows each time; needs no pytest."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager

from .errors import SettingError
from .memory import telling
from .memory.proof import Proof
from .memory.trend import LEAST
from .model import Evidence, Leak, Owner, Verdict
from .sensors import warnings_, window
from .session import Session
from .values import times

BY = "each call"


def growth(fn: Callable[[], object], *, rounds: int = LEAST) -> tuple[Leak, ...]:
    """Call a function once to warm up and then again and again, and return what has grown on every call: () if nothing has.

    At least `rounds` calls have to grow, and a few more that locate what grows: a list or dictionary with who holds it and
    the line that adds to it, objects by type, or native memory. A call that does not grow ends it. Nothing raises for a
    leak; what `fn` raises passes. Raises `SettingError` for a coroutine function (call `asyncio.run` inside) and for `rounds`
    below 2.
    """
    if inspect.iscoroutinefunction(fn):
        raise SettingError(
            "growth", "a coroutine function does nothing when it is called; use lambda: asyncio.run(fn())"
        )
    asked = Proof(least=times(rounds, "growth(rounds=...)"), thorough=True)
    with _listening():
        try:
            _ask(asked, fn)
            return tuple(_leak(one) for one in telling.tell(asked, BY))
        finally:
            asked.end()


def _ask(asked: Proof, fn: Callable[[], object]) -> None:
    fn()
    with window.kept():
        asked.begin()
        while asked.wants_more():
            with asked.one_more():
                fn()
            asked.look()


@contextmanager
def _listening() -> Generator[None]:
    """Open the window that lets us count what is young, and let everybody else see all."""
    session = Session(("memory",), root=os.getcwd())
    session.start()
    window.install()
    try:
        yield
    finally:
        window.remove()
        warnings_.unlisten()
        session.stop()


def _leak(one: telling.Growth) -> Leak:
    from . import diagnose

    return diagnose.explain(
        one.sighting,
        verdict=Verdict.LEAK,
        evidence=Evidence(rounds=one.rounds),
        owner=Owner("calls"),
        test=None,
        root=os.getcwd(),
        held_by=one.held_by,
    )
