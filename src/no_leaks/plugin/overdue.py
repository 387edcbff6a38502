"""Overdue: a repetition that hangs, where the test itself did not, is broken off at the limit and leaves the question open.

What a test or a fixture waits for may come only once: an event that another test sets, a client that has gone by then.
Where somebody else uses the alarm clock (pytest-timeout has a limit of its own), off the main thread and on Windows
nothing is broken off.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager

from ..config import Settings

SLACK = 2
"""Times the limit: a loaded machine is not to break off what takes as long as the first run."""


class Overdue(BaseException):
    """Raised in the middle of a repetition that takes longer than it may; tests catch `Exception`, and go on."""


@contextmanager
def broken_off(settings: Settings) -> Generator[list[str]]:
    """Raise `Overdue` in what runs meanwhile after twice the limit, which the first run kept, and each time that passes again.

    Yields a list that says why nothing is confirmed, once for each time; empty where nothing was broken off.
    """
    limit_s = SLACK * settings.confirm_limit_s if settings.confirm == "auto" else 0.0
    rung: list[str] = []
    if not limit_s or not _is_free():
        yield rung
        return

    def ring(number: int, frame: object) -> None:
        rung.append(f"not confirmed: repeated, it hung: broken off after {limit_s:g} s (no_leaks_confirm_limit)")
        raise Overdue(rung[0])

    kept = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit_s, limit_s)
    try:
        yield rung
    finally:
        if signal.getsignal(signal.SIGALRM) is ring:  # what the repetition has put there is for its owner to clear
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, kept)


def _is_free() -> bool:
    """Whether the alarm clock can be set here, and nobody has set it."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        return False
    return signal.getsignal(signal.SIGALRM) is signal.SIG_DFL and not any(signal.getitimer(signal.ITIMER_REAL))
