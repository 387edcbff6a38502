"""State of the process: working directory, environment, umask, signal handlers and locale."""

from __future__ import annotations

import functools
import os
import re
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

from ..ledger import Record
from ..words import safe_repr
from .state_watch import MISSING, Change, Key, Since, Watcher, Words, called, mapped

STATUS = "/proc/self/status"
GONE = "a folder that no longer exists"
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH", re.IGNORECASE)


@final
@dataclass(frozen=True, slots=True)
class Setting:
    """A watcher made of four functions: how to read it, to say it, to restore it, and whose record it is."""

    name: str
    read: Callable[[], Mapping[Key, object]]
    say: Callable[[Change], Words]
    undo: Callable[[Change], None]
    events: tuple[str, ...] = ()
    is_made: Callable[[Record, Change], bool] = lambda record, change: True

    def look(self) -> Since:
        """Remember how it is now."""
        return mapped(self.name, self.read)

    def words(self, change: Change) -> Words:
        """Say what it was, what it is, and the remedy."""
        return self.say(change)

    def restore(self, change: Change) -> None:
        """Put the old value back."""
        self.undo(change)

    def made(self, record: Record, change: Change) -> bool:
        """Whether this record is the birth of this change."""
        return self.is_made(record, change)


def _read_cwd() -> Mapping[Key, object]:
    try:
        return {("cwd",): os.getcwd()}
    except FileNotFoundError:
        return {("cwd",): GONE}


def _say_cwd(change: Change) -> Words:
    return Words(
        "working directory",
        "cwd",
        f"the working directory was {change.old} and is now {change.new}",
        "use monkeypatch.chdir(path), or contextlib.chdir(path) from Python 3.11 on",
    )


def _undo_cwd(change: Change) -> None:
    os.chdir(str(change.old))


def _read_environ() -> Mapping[Key, object]:
    return {(name,): value for name, value in os.environ.items()}


def _say_environ(change: Change) -> Words:
    name = change.key[0]
    was, now = (_value(name, value) for value in (change.old, change.new))
    if change.old is MISSING:
        summary = f"the environment variable {name} was set to {now} and never removed"
    elif change.new is MISSING:
        summary = f"the environment variable {name} was {was}, was deleted and never put back"
    else:
        summary = f"the environment variable {name} was {was} and is now {now}"
    remedy = f'monkeypatch.delenv("{name}")' if change.new is MISSING else f'monkeypatch.setenv("{name}", ...)'
    return Words("environment variable", name, summary, f"use {remedy}, or unittest.mock.patch.dict(os.environ)")


def _value(name: str, value: object) -> str:
    """Return a variable's value for a report, which is kept and passed on: never that of a secret."""
    return "a value not shown here" if _SECRET.search(name) else safe_repr(value, 60)


def _undo_environ(change: Change) -> None:
    if change.old is MISSING:
        os.environ.pop(change.key[0], None)
    else:
        os.environ[change.key[0]] = str(change.old)


def _made_environ(record: Record, change: Change) -> bool:
    name: Any = record.facts[0]  # the audit event's first argument: str on Windows, bytes elsewhere
    return os.fsdecode(name) == change.key[0]


def read_umask() -> Mapping[Key, object]:
    """Read the umask without changing it; where the kernel does not tell, set it and set it back at once.

    The second way leaves a moment in which a file made by another thread gets the stricter 0o077.
    """
    try:
        with open(STATUS, "rb") as status:
            for line in status:
                if line.startswith(b"Umask:"):
                    return {("umask",): int(line[6:], 8)}
    except OSError:
        pass
    mask = os.umask(0o077)
    os.umask(mask)
    return {("umask",): mask}


def _say_umask(change: Change) -> Words:
    return Words(
        "umask",
        "umask",
        f"the umask was {change.old:#05o} and is now {change.new:#05o}",
        "keep what os.umask(...) returns, and os.umask(old) in a finally or a fixture's teardown",
    )


def _undo_umask(change: Change) -> None:
    old: Any = change.old  # a number, as os.umask returned it
    os.umask(old)


@functools.cache
def _signals() -> tuple[tuple[Key, int], ...]:
    """Return the signals that can have a handler."""
    fixed = {getattr(signal, name, None) for name in ("SIGKILL", "SIGSTOP")}
    return tuple(((number.name,), number) for number in signal.Signals if number not in fixed)


def _read_signals() -> Mapping[Key, object]:
    return {key: signal.getsignal(number) for key, number in _signals()}


def _handler(value: object) -> str:
    if isinstance(value, signal.Handlers):
        return value.name
    return "one that was not set from Python" if value is None else called(value)


def _say_signal(change: Change) -> Words:
    name = change.key[0]
    return Words(
        "signal handler",
        name,
        f"the {name} handler was {_handler(change.old)} and is now {_handler(change.new)}",
        f"keep what signal.signal(signal.{name}, ...) returns, and signal.signal(signal.{name}, old) in a finally "
        "or a fixture's teardown",
    )


def _undo_signal(change: Change) -> None:
    old: Any = change.old  # a handler, as signal.getsignal returned it
    signal.signal(signal.Signals[change.key[0]], old)


def _made_signal(record: Record, change: Change) -> bool:
    return record.facts[:1] == (signal.Signals[change.key[0]],)


def _read_locale() -> Mapping[Key, object]:
    import locale

    return {("locale",): locale.setlocale(locale.LC_ALL)}


def _say_locale(change: Change) -> Words:
    return Words(
        "locale",
        "LC_ALL",
        f"the locale was {change.old} and is now {change.new}",
        "keep what locale.setlocale(category) returns, and set that again in a finally or a fixture's teardown",
    )


def _undo_locale(change: Change) -> None:
    import locale

    locale.setlocale(locale.LC_ALL, str(change.old))


WATCHERS: tuple[Watcher, ...] = (
    Setting("cwd", _read_cwd, _say_cwd, _undo_cwd, ("os.chdir",)),
    Setting("environ", _read_environ, _say_environ, _undo_environ, ("os.putenv", "os.unsetenv"), _made_environ),
    Setting("umask", read_umask, _say_umask, _undo_umask, ("os.umask",)),
    Setting("signal", _read_signals, _say_signal, _undo_signal, ("signal.signal",), _made_signal),
    Setting("locale", _read_locale, _say_locale, _undo_locale, ("locale.setlocale",)),
)
