"""A deadline for plain code: in the main thread the system's alarm breaks off what blocks; elsewhere nothing can."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from ..errors import DeadlineExceeded


def is_free() -> bool:
    """Whether the alarm can be used here: in the main thread, where nobody else (pytest-timeout) has set it."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        return False
    return signal.getsignal(signal.SIGALRM) is signal.SIG_DFL and signal.getitimer(signal.ITIMER_REAL)[0] == 0


@contextmanager
def limited(seconds: float | None, what: str) -> Generator[None]:
    """Raise `DeadlineExceeded` out of the block once it has taken so long, if the alarm is free; `what` names it."""
    if seconds is None or not is_free():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise DeadlineExceeded(what, seconds)

    signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6))
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
