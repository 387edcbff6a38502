"""Births of process-wide state: the few functions that change it and that no audit event tells of, wrapped while `state` is on.

`os.chdir`, `os.putenv` and `os.unsetenv` are audited (AUDITED); `signal.signal`, `os.umask`,
`locale.setlocale` and the rest of the table raise no audit event on any of 3.10 to 3.13.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from .. import faults, ledger, origin
from . import audit
from .patches import Patches

AUDITED = ("os.chdir", "os.putenv", "os.unsetenv")
"""Audit events that are kept on record while `state` is checked."""

Facts: TypeAlias = Callable[[tuple[Any, ...]], tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class _Site:
    """A function to wrap: where it is found once its module is loaded, and what is kept of its arguments."""

    event: str
    module: str
    owner: str
    attribute: str
    facts: Facts = lambda args: ()
    subject: int | None = None
    """Which argument it is about, where that has no name: a weak reference tells it from the next at its address."""


def _first(args: tuple[Any, ...]) -> tuple[object, ...]:
    return args[:1]


def _first_name(args: tuple[Any, ...]) -> tuple[object, ...]:
    return (args[0].name,)


SITES = (
    _Site("signal.signal", "signal", "", "signal", _first),
    _Site("os.umask", "os", "", "umask"),
    _Site("locale.setlocale", "locale", "", "setlocale"),
    _Site("warnings.filters", "warnings", "", "filterwarnings"),
    _Site("warnings.filters", "warnings", "", "simplefilter"),
    _Site("warnings.filters", "warnings", "", "resetwarnings"),
    _Site("logging.handlers", "logging", "Logger", "addHandler", _first_name, 1),
    _Site("logging.handlers", "logging", "Logger", "removeHandler", _first_name, 1),
    _Site("logging.level", "logging", "Logger", "setLevel", _first_name),
    _Site("mock.patch", "unittest.mock", "_patch", "start", subject=0),
    _Site("mock.patch", "unittest.mock", "_patch_dict", "start", subject=0),
)
"""`unittest.mock._patch` is what `mock.patch(...)` returns, by that name on 3.10 to 3.14; where it is not found it is not wrapped."""

_patches = Patches()
_listening = False


def install() -> None:
    """Begin to listen."""
    global _listening
    _listening = True
    audit.listen(*AUDITED)
    refresh()


def refresh() -> None:
    """Wrap what has been loaded since, while listening: a scope begins, and unittest.mock is not imported for our sake."""
    for site in SITES if _listening else ():
        owner = sys.modules.get(site.module)
        if site.owner:
            owner = getattr(owner, site.owner, None)
        _patches.put(owner, site.attribute, functools.partial(_wrap, site))


def remove() -> None:
    """Put every function back; the audit events end with `audit.remove`."""
    global _listening
    _listening = False
    _patches.undo()


def _wrap(site: _Site, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            book = ledger.current()
            if book is not None:
                stack = origin.capture(origin.frame_up(1))
                book.records.append(ledger.Record(site.event, site.facts(args), stack, _subject(site, args)))
        except Exception as error:
            faults.note(f"state births ({site.event})", error)
        return original(*args, **kwargs)

    return wrapper


def _subject(site: _Site, args: tuple[Any, ...]) -> weakref.ref[object] | None:
    try:
        return weakref.ref(args[site.subject]) if site.subject is not None else None
    except (IndexError, TypeError):
        return None  # handed over by name, or of a class that takes no weak references
