"""Threads: those that outlive the scope that started them, executors that were never shut down, and raw ones."""

from __future__ import annotations

import _thread
import sys
import threading
import time
from collections.abc import Callable
from types import CodeType, FrameType
from typing import cast, final

from .. import births, env, origin, rules
from .. import ledger as ledgers
from ..ledger import Ledger
from ..model import Frame, Ident, Kind, Resource, Sighting, Snapshot
from ..sensors import threads as starts

_WAITING = ("threading.py", "queue.py", "selectors.py", "socket.py", "ssl.py", "subprocess.py", "connection.py")
"""Library files at whose top a thread is waiting for something rather than working."""
_SCAFFOLD = ("_bootstrap", "_bootstrap_inner", "run")
"""The frames of `Thread` itself, the same below every thread."""
_BEGIN_S = 0.001
"""A raw thread counts itself once it runs: a scope that started one gives it the time to begin."""

_THREAD = (
    "thread",
    "a thread was started and never joined",
    "thread.join() in a finally block, after telling it to stop",
)
_TIMER = (
    "timer thread",
    "a timer was started and neither cancelled nor waited for",
    "timer.cancel() and timer.join() in a finally block",
)
_WORKER = (
    "executor thread",
    "an executor was created and never shut down",
    "with ThreadPoolExecutor() as executor: ..., or executor.shutdown()",
)
"""What a thread is called, what was done and not done, and the remedy."""
_RAW = "a raw thread was started by the _thread module and has not ended"
_RAW_FIX = "use threading.Thread and join it"


@final
class ThreadProbe:
    """Sees threads by identity; a count of the interpreter's tells whether there are raw ones besides."""

    name = "threads"
    kinds: tuple[Kind, ...] = ("threads",)

    def take(self, ledger: Ledger) -> Snapshot:
        """Return ident, object id and the system's number of every thread but the main one; ident, 0 and ours of a raw one."""
        if ledger.raw_starts:
            time.sleep(_BEGIN_S)
        started = _thread._count()  # pyright: ignore[reportPrivateUsage]  # nothing public counts raw threads
        table = cast("dict[int, threading.Thread]", threading._active)  # type: ignore[attr-defined] # not in the stubs
        if not started and len(table) == 1:
            return frozenset()
        known = [thread for thread in threading.enumerate() if not rules.excused(rules.THREADS, thread)]
        found = [_ident(thread) for thread in known]
        number = started + 1 - sum(not _is_dummy(thread) for thread in table.values())
        if number > 0:
            # A raw thread that asks for its Thread gets a dummy, as a foreign one does; the counted ones come first.
            raw = sorted((ident for ident in _frames() if _is_raw(ident)), key=lambda ident: ident in table)[:number]
            found += [(ident, 0, starts.serial_of(ident)) for ident in raw]
            # One that is inside C code has no Python frame: it is known by being counted only.
            found += [(-unseen, 0) for unseen in range(1, number - len(raw) + 1)]
        return frozenset(found)

    def describe(self, ident: Ident, ledger: Ledger) -> Sighting | None:
        """Describe one thread, or None where it has ended or was started under another ledger."""
        if ident[1] == 0:
            return _describe_raw(ident, ledger)
        thread = _find(ident)
        if thread is None or not thread.is_alive() or rules.excused(rules.IDLE, thread):
            return None
        executor = executor_of(thread)
        if executor is not None:
            # A pool starts its workers when work comes: they are its maker's, and one without a record is older than all.
            made = births.of_made(executor, ledger, "executor")
            return _sighting(thread, made.record) if made is not None and made.ledger is ledger else None
        owner = ledgers.of_thread(thread)
        if owner is not None and owner is not ledger:
            return None
        if rules.excused(rules.HANDLERS, (thread, ledger)):
            return None
        birth = births.of_thread(thread, ledger)
        return _sighting(thread, birth.record if birth is not None else None)

    def release(self, ident: Ident, ledger: Ledger) -> str:
        """End what can be ended without force: a timer is cancelled, an executor is told to shut down."""
        thread = _find(ident)
        if isinstance(thread, threading.Timer):
            thread.cancel()
            return "cancelled"
        executor = executor_of(thread) if thread is not None else None
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)  # type: ignore[attr-defined]
            return "shut down"
        return ""

    def thing(self, ident: Ident, ledger: Ledger) -> object | None:
        """Return the executor behind a worker, else the thread itself."""
        thread = _find(ident)
        return (executor_of(thread) or thread) if thread is not None else None


def executor_of(thread: threading.Thread) -> object | None:
    """Return the live ThreadPoolExecutor that a worker belongs to (private: `Thread._args`; 3.10 to 3.13)."""
    target = getattr(thread, "_target", None)
    args = getattr(thread, "_args", None) or (None,)
    if getattr(target, "__module__", "") == "concurrent.futures.thread" and callable(args[0]):
        reference = cast("Callable[[], object | None]", args[0])
        return reference()
    return None


def _ident(thread: threading.Thread) -> Ident:
    """Identify a thread; the next one has the ident and the address of one that has just ended (3.13: 97 % of the time)."""
    return (thread.ident, id(thread), thread.native_id)


def _find(ident: Ident) -> threading.Thread | None:
    return next((thread for thread in threading.enumerate() if _ident(thread) == ident), None)


def _sighting(thread: threading.Thread, record: ledgers.Record | None) -> Sighting:
    now = _now(thread.ident)
    target = getattr(thread, "_target", None)
    what, summary, fix = _THREAD
    if isinstance(thread, threading.Timer):
        what, summary, fix = _TIMER
    elif getattr(target, "__module__", "") == "concurrent.futures.thread":
        what, summary, fix = _WORKER
    words = ["daemon" if thread.daemon else "not a daemon: it keeps the interpreter from exiting"]
    code = getattr(target, "__code__", None)
    if isinstance(code, CodeType) and what == "thread":
        file = origin.relative(code.co_filename, origin.root())
        words.append(f"runs {getattr(target, '__qualname__', code.co_name)} ({file}:{code.co_firstlineno})")
    return Sighting(
        kind="threads",
        resource=Resource(what, thread.name, ", ".join(words)),
        summary=summary,
        fix=fix,
        stack=record.stack if record is not None else (),
        now=now,
        waits_for=_waits_for(now),
        daemon=thread.daemon,
        age_s=time.monotonic() - record.born_s if record is not None else None,
    )


def _is_raw(ident: int) -> bool:
    """Whether no Thread started it: it is in no table, or stands there with a dummy."""
    thread = cast("dict[int, threading.Thread]", threading._active).get(ident)  # type: ignore[attr-defined] # not in the stubs
    return thread is None or _is_dummy(thread)


def _is_dummy(thread: threading.Thread) -> bool:
    return isinstance(thread, threading._DummyThread)  # pyright: ignore[reportPrivateUsage]  # nothing public tells


def _describe_raw(ident: Ident, ledger: Ledger) -> Sighting | None:
    number = ident[0]
    assert isinstance(number, int)
    if number < 0:
        return _describe_counted(number, ledger)
    frame = _frames().get(number)
    if frame is None or not _is_raw(number):
        return None
    outermost = frame
    while outermost.f_back is not None:
        outermost = outermost.f_back
    code = outermost.f_code
    birth = _birth_of_raw(code, starts.serial_of(number), ledger)
    if birth is not None and birth.ledger is not ledger:
        return None
    if birth is None and env.PY312 and not ledger.raw_starts:
        return None  # it was not started under this ledger, and may have come out of C code only now
    return Sighting(
        kind="threads",
        resource=Resource("raw thread", f"ident {number}", f"runs {getattr(code, 'co_qualname', code.co_name)}"),
        summary=_RAW,
        fix=_RAW_FIX,
        stack=birth.record.stack if birth is not None else (),
        places=() if birth is not None or env.PY312 else ((code.co_filename, code.co_firstlineno, code.co_name),),
        now=origin.frames_now(frame),
    )


def _birth_of_raw(code: CodeType, serial: int, ledger: Ledger) -> births.Birth | None:
    """Find the start of a raw thread by its number; one that was started past us has none, and is known by its code."""

    def is_its(record: ledgers.Record) -> bool:
        return record.facts[0] in (code, None) and record.facts[2:] == (serial,)

    def is_like_it(record: ledgers.Record) -> bool:
        return record.facts[0] is code and len(record.facts) == 2

    return births.find(ledger, is_its, starts.RAW) or births.find(ledger, is_like_it, starts.RAW)


def _describe_counted(number: int, ledger: Ledger) -> Sighting | None:
    births_here = list(ledger.of(starts.RAW))
    if not births_here and env.PY312:
        return None  # the interpreter tells of every start: this one was not under this ledger
    record = births_here[0] if births_here else None
    runs = f"runs {record.facts[1]}, " if record is not None else ""
    return Sighting(
        kind="threads",
        resource=Resource("raw thread", f"number {-number}", f"{runs}inside C code"),
        summary=_RAW,
        fix=_RAW_FIX,
        stack=record.stack if record is not None else (),
    )


def _frames() -> dict[int, FrameType]:
    return sys._current_frames()  # pyright: ignore[reportPrivateUsage]  # public in all but name, and documented


def _now(ident: int | None) -> tuple[Frame, ...]:
    frame = _frames().get(ident) if ident is not None else None
    return tuple(seen for seen in origin.frames_now(frame) if not _is_scaffold(seen))


def _is_scaffold(frame: Frame) -> bool:
    return frame.file == "threading.py" and frame.function.rpartition(".")[2] in _SCAFFOLD


def _waits_for(now: tuple[Frame, ...]) -> str:
    if now and now[0].file.rpartition("/")[2] in _WAITING:
        return f"{now[0].function} ({now[0].file}:{now[0].line})"
    return ""
