"""State of the interpreter's own tables: sys.path, hooks, importers, warning filters, logging and unfinished mock patches.

Private parts: `unittest.mock._patch._active_patches`, the list behind `patch.stopall()` (3.10 to 3.14); without it no
patch is seen, and what it replaced is reported as a replaced attribute.
"""

from __future__ import annotations

import builtins
import logging
import sys
import threading
import warnings
from collections.abc import Mapping
from typing import Any

from ..ledger import Record
from ..words import safe_repr
from .state_process import Setting
from .state_rules import HOOKS, kept
from .state_watch import MISSING, Change, Key, Watcher, Words, called, difference, entries, put_back

MODULES: Mapping[str, Any] = {"sys": sys, "threading": threading, "builtins": builtins}


def _read_path() -> Mapping[Key, object]:
    return {("sys.path",): tuple(sys.path)}


def _say_path(change: Change) -> Words:
    return Words(
        "sys.path",
        "sys.path",
        f"the list sys.path was changed and not put back: {difference(entries(change.old), entries(change.new))}",
        "use monkeypatch.syspath_prepend(path)",
    )


def _undo_path(change: Change) -> None:
    put_back(sys.path, entries(change.old), entries(change.new))  # type: ignore[arg-type]  # holds what was in it


def _read_hooks() -> Mapping[Key, object]:
    found: dict[Key, object] = {}
    for hook in HOOKS:
        module, _, name = hook.partition(".")
        found[hook,] = getattr(MODULES[module], name, MISSING)
    found["async generator hooks",] = tuple(sys.get_asyncgen_hooks())
    return found


def _say_hook(change: Change) -> Words:
    name = change.key[0]
    was, now = called(change.old), called(change.new)
    remedy = (
        f'use monkeypatch.setattr("{name}", ...)'
        if name in HOOKS
        else "put back what sys.get_asyncgen_hooks() returned"
    )
    return Words("hook", name, f"the hook {name} was {was} and is now {now}", remedy)


def _undo_hook(change: Change) -> None:
    module, _, name = change.key[0].partition(".")
    if module in MODULES:
        setattr(MODULES[module], name, change.old)
    else:
        firstiter, finalizer = entries(change.old)
        sys.set_asyncgen_hooks(firstiter, finalizer)  # type: ignore[arg-type]  # as sys.get_asyncgen_hooks returned them


def _read_importers() -> Mapping[Key, object]:
    return {(name,): kept("importers", getattr(sys, name)) for name in ("meta_path", "path_hooks")}


def _say_importers(change: Change) -> Words:
    name = f"sys.{change.key[0]}"
    what = difference(entries(change.old), entries(change.new))
    return Words(
        "import hook",
        name,
        f"the list {name} was changed and not put back: {what}",
        f"use monkeypatch.setattr({name!r}, ...)",
    )


def _undo_importers(change: Change) -> None:
    put_back(getattr(sys, change.key[0]), entries(change.old), entries(change.new))


def _read_filters() -> Mapping[Key, object]:
    return {("warnings.filters",): kept("filters", warnings.filters)}


def _say_filters(change: Change) -> Words:
    return Words(
        "warning filters",
        "warnings.filters",
        f"the warning filters were changed and not put back: {difference(entries(change.old), entries(change.new))}",
        "change them inside `with warnings.catch_warnings():`, or use @pytest.mark.filterwarnings",
    )


def _undo_filters(change: Change) -> None:
    live: Any = warnings.filters  # typed as an immutable sequence; the interpreter's own functions insert into it
    put_back(live, entries(change.old), entries(change.new))
    with warnings.catch_warnings():
        pass  # the public way to tell the interpreter that the filters have changed: it does so on entering and leaving


def _read_logging() -> Mapping[Key, object]:
    found: dict[Key, object] = {("disable", "all"): logging.root.manager.disable}
    loggers: list[Any] = [logging.root, *list(logging.root.manager.loggerDict.values())]
    for logger in loggers:
        if isinstance(logger, logging.Logger):  # else a placeholder
            name = logger.name
            found["handlers", name] = kept("logging", logger.handlers)
            found["level", name] = logger.level
            found["disabled", name] = logger.disabled
            found["propagate", name] = logger.propagate
    return found


def _say_logging(change: Change) -> Words:
    field, name = change.key
    if field == "handlers":
        what = difference(entries(change.old), entries(change.new))
        summary = f"the handlers of the logger {name!r} were changed and not put back: {what}"
        return Words(
            "logging handlers", name, summary, "call logger.removeHandler(handler) in a finally or a fixture's teardown"
        )
    remedy = "use caplog.set_level(...)" if field == "level" else "put it back in a finally or a fixture's teardown"
    old, new = safe_repr(change.old), safe_repr(change.new)
    where = "the level of logging.disable" if field == "disable" else f"the attribute `{field}` of the logger {name!r}"
    return Words(f"logging {field}", name, f"{where} was {old} and is now {new}", remedy)


def _undo_logging(change: Change) -> None:
    field, name = change.key
    logger = logging.root if name in ("root", "all") else logging.getLogger(name)
    if field == "disable":
        logging.disable(change.old)  # type: ignore[arg-type]  # a level, as it was read
    elif field == "handlers":
        put_back(logger.handlers, entries(change.old), entries(change.new))  # type: ignore[arg-type]  # handlers, as they were read
    elif field == "level":
        logger.setLevel(change.old)  # type: ignore[arg-type]  # a level, as it was read
    else:
        setattr(logger, field, change.old)


def _made_logging(record: Record, change: Change) -> bool:
    field, name = change.key
    if record.facts[:1] != (name,) or not record.event.endswith(field):
        return False
    # pytest adds and removes its own handlers around each phase: only a record of one that came or went explains it.
    moved = {id(handler) for handler in entries(change.old)} ^ {id(handler) for handler in entries(change.new)}
    subject = record.ref() if record.ref is not None else None
    return field != "handlers" or (subject is not None and id(subject) in moved)


def active_patches() -> tuple[Any, ...]:
    """Return the patchers of `unittest.mock` that were started and not stopped."""
    mock = sys.modules.get("unittest.mock")
    return tuple(getattr(getattr(mock, "_patch", None), "_active_patches", ()))


def _read_patches() -> Mapping[Key, object]:
    return {(patched(patcher), str(id(patcher))): patcher for patcher in active_patches()}


def patched(patcher: Any) -> str:
    """Name what a patcher has replaced."""
    attribute = getattr(patcher, "attribute", None)
    if attribute is None:
        return "a dictionary"  # patch.dict
    target = getattr(patcher, "target", None)
    module = "" if getattr(target, "__module__", None) is None else f"{target.__module__}."
    return f"{module}{getattr(target, '__qualname__', getattr(target, '__name__', safe_repr(target, 40)))}.{attribute}"


def _say_patch(change: Change) -> Words:
    name = change.key[0]
    return Words(
        "mock patch",
        name,
        f"a mock patch of {name} was started and never stopped",
        "call patcher.stop() in a finally, self.addCleanup(patcher.stop), or use `with patch(...):`",
    )


def _undo_patch(change: Change) -> None:
    patcher: Any = change.new
    patcher.stop()


def _made_patch(record: Record, change: Change) -> bool:
    return record.ref is not None and record.ref() is change.new


PATCHES: Watcher = Setting("patches", _read_patches, _say_patch, _undo_patch, ("mock.patch",), _made_patch)

WATCHERS: tuple[Watcher, ...] = (
    PATCHES,
    Setting("sys.path", _read_path, _say_path, _undo_path),
    Setting("hooks", _read_hooks, _say_hook, _undo_hook),
    Setting("importers", _read_importers, _say_importers, _undo_importers),
    Setting("filters", _read_filters, _say_filters, _undo_filters, ("warnings.filters",)),
    Setting(
        "logging",
        _read_logging,
        _say_logging,
        _undo_logging,
        ("logging.handlers", "logging.level"),
        _made_logging,
    ),
)
