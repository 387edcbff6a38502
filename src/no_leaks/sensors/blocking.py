"""The event loop held up: each callback says when it began, one monitor thread looks where a long one stands.

asyncio: `asyncio.events.Handle._run` is wrapped (private; every loop of the standard library calls it, 3.10 to 3.14).
trio: a public instrument, added by wrapping `trio.run` and `trio.lowlevel.start_guest_run`.
uvloop runs its callbacks in C and calls neither: see `reason`.
pyleak's threshold is the time until the loop answers a call from another thread, ours the time of one callback or task
step; for one that blocks they are the same, and ours needs no answer and never joins on the loop's thread.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, final

from .. import faults, ledger
from ..config import Settings
from ..ledger import Ledger
from . import blocking_watch as watch
from . import blocking_words
from .patches import Patches

_patches = Patches()
_listening = False
monitor: watch.Monitor | None = None


def tune(settings: Settings) -> None:
    """Take threshold and interval from the settings of the scope that begins."""
    configure(settings.blocking_threshold_s, settings.blocking_check_interval_s)


def configure(threshold: float, interval: float) -> None:
    """Set what the scope that begins here asks for; a callback that opens a scope is counted from here on."""
    watch.threshold_s, watch.interval_s = threshold, interval
    _watch_loaded()
    thread = threading.get_ident()
    span = watch.busy.get(thread)
    if span is not None:
        watch.busy[thread] = (span[0], watch.clock())


def install() -> None:
    """Begin to watch, and start the monitor; it belongs to the session, not to the test at work."""
    global monitor, _listening
    if monitor is None or not monitor.is_alive():
        monitor = watch.Monitor()
        with ledger.at_work(None):
            monitor.start()
    _listening = True
    _watch_loaded()


def remove() -> None:
    """Leave the loops to themselves, and end the monitor."""
    global monitor, _listening
    _listening = False
    _patches.undo()
    if monitor is not None and monitor.is_alive():  # a forked child has none: it fell silent before it could end one
        monitor.stop()
    monitor = None
    watch.busy.clear()
    watch.marks.clear()


def on_import(name: object) -> None:
    """An import begins: asyncio imports these two last, when its handles are there."""
    if name in ("asyncio.unix_events", "asyncio.windows_events"):
        _watch_loaded()


def reason() -> str:
    """Return what cannot be watched here, "" if everything can."""
    if "uvloop" in sys.modules:
        return "loops of uvloop are not watched: they run their callbacks in C"
    return ""


def _watch_loaded() -> None:
    if _listening:
        events: Any = sys.modules.get("asyncio.events")
        _patches.put(getattr(events, "Handle", None), "_run", _watching)
        _patches.put(sys.modules.get("trio"), "run", _instrumented)
        _patches.put(sys.modules.get("trio.lowlevel"), "start_guest_run", _instrumented)
        run: Any = getattr(sys.modules.get("trio._core._run"), "unrolled_run", None)
        watch.stops.update([run.__code__] if run is not None else [])


def _watching(original: Callable[[Any], None]) -> Callable[[Any], None]:
    get_ident, now = threading.get_ident, watch.clock

    def run(handle: Any) -> None:
        thread = get_ident()
        outer = watch.busy.get(thread)  # a loop that runs within a callback of another
        watch.busy[thread] = (handle, now())
        if watch.idle:
            _wake()
        try:
            original(handle)
        finally:
            span = watch.busy.get(thread)
            watch.busy[thread] = outer
            if span is not None and now() - span[1] > watch.threshold_s:
                over(thread, span)

    watch.stops.update((run.__code__, getattr(original, "__code__", run.__code__)))
    return run


@final
class Instrument:
    """trio's own way to watch each step of a task."""

    def before_task_step(self, task: Any) -> None:
        """A task begins to run."""
        watch.busy[threading.get_ident()] = (task, watch.clock())
        if watch.idle:
            _wake()

    def after_task_step(self, task: Any) -> None:
        """A task has yielded."""
        thread = threading.get_ident()
        span = watch.busy.pop(thread, None)
        if span is not None and watch.is_over(span):
            over(thread, span)


def _instrumented(original: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        return original(*args, **{**kwargs, "instruments": [*kwargs.get("instruments", ()), Instrument()]})

    return run


def _wake() -> None:
    if monitor is not None:
        monitor.wake()


def over(thread: int, span: watch.Span) -> None:
    """A callback that was over the threshold has ended, on the loop's own thread: say so in the ledger it ran under."""
    try:
        mark = watch.mark_of(thread, span)
        watch.marks.pop(thread, None)
        book = book_of(span)
        if book is not None and not mark.told and not _is_debugged():
            sighting = blocking_words.sighting(span[0], mark.sample, watch.clock() - span[1], watch.threshold_s)
            if all(loss.stack != sighting.stack or loss.kind != "blocking" for loss in book.losses):
                book.losses.append(sighting)
    except Exception as error:
        faults.note("blocking", error)


def book_of(span: watch.Span) -> Ledger | None:
    """Return the ledger that a callback runs under: its own context's, else the thread's."""
    context = getattr(span[0], "_context", None) or getattr(span[0], "context", None)
    book: Ledger | None = context.get(ledger.CURRENT) if context is not None else None
    return book if book is not None else ledger.current()


def _is_debugged() -> bool:
    trace: Any = sys.gettrace()
    module = getattr(trace, "__module__", None) or type(trace).__module__
    return str(module).partition(".")[0] in watch.DEBUGGERS
