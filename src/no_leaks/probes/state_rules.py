"""What pytest, this package and the first use of a library change by themselves: one table of named exemptions, each with its reason."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType

from .. import env
from .state_watch import MISSING, Change, code_of, entries

Test = Callable[[Change], bool]
EntryTest = Callable[[object], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One exemption: of a change as a whole, or of an entry in a list (a handler, a filter, an importer)."""

    name: str
    watchers: tuple[str, ...]
    reason: str
    change: Test = lambda change: False
    entry: EntryTest = lambda entry: False


def home(value: object) -> str:
    """Return the name of the module that a function, class or instance comes from."""
    code = code_of(value)
    if code is not None and code.co_filename.startswith(env.HERE):
        return "no_leaks"  # a wrapper of ours calls itself by the name of what it wraps
    value = getattr(value, "func", value)  # functools.partial, as pytest 8.4 and later set its hooks
    name = getattr(value, "__module__", None) or type(value).__module__
    return name if isinstance(name, str) else ""


def within(name: str, *packages: str) -> bool:
    """Whether a module's name is one of these packages or below one."""
    return name.partition(".")[0] in packages


def _is_pytest_hook(change: Change) -> bool:
    default = getattr(sys, f"__{change.key[-1].rpartition('.')[2]}__", None)
    old, new = (within(home(value), "_pytest") for value in (change.old, change.new))
    return new or (old and change.new is default)


def _is_submodule(change: Change) -> bool:
    """`package.name` is now the module of that name: importing a submodule sets it, whatever stood there."""
    if not (isinstance(change.new, ModuleType) and isinstance(change.place, ModuleType)):
        return False
    return change.new.__name__ == f"{change.place.__name__}.{change.key[-1]}"


def _is_forbiddenfruits(change: Change) -> bool:
    """`_c_name` beside `name` in a class: where forbiddenfruit keeps what it replaced in a class that is closed to others."""
    name = change.key[-1]
    return name.startswith("_c_") and isinstance(change.place, type) and name[3:] in vars(change.place)


def _is_watched_hook(change: Change) -> bool:
    return change.key[0] in HOOKS


HOOKS: tuple[str, ...] = (
    "sys.excepthook",
    "sys.displayhook",
    "sys.unraisablehook",
    "sys.breakpointhook",
    "threading.excepthook",
    "builtins.__import__",
)
"""The hooks that have a watcher of their own."""

RULES: tuple[Rule, ...] = (
    Rule(
        "current test",
        ("environ",),
        "pytest sets PYTEST_CURRENT_TEST anew in each phase of a test",
        change=lambda change: change.key == ("PYTEST_CURRENT_TEST",),
    ),
    Rule(
        "pytest's log capture",
        ("logging",),
        "pytest adds its handlers to the root logger, and to loggers that do not propagate, in each phase",
        entry=lambda entry: within(home(type(entry)), "_pytest"),
    ),
    Rule(
        "null handlers",
        ("logging",),
        "a library adds a NullHandler when it is first imported; it does nothing",
        entry=lambda entry: type(entry).__name__ == "NullHandler",
    ),
    Rule(
        "new loggers",
        ("logging",),
        "a library makes its loggers when it is first used; only a handler that they were given counts",
        change=lambda change: change.old is MISSING and (change.key[0] != "handlers" or change.new == ()),
    ),
    Rule(
        "stopped patches",
        ("patches",),
        "who stops a patch that another scope has started puts things in order",
        change=lambda change: change.new is MISSING,
    ),
    Rule(
        "our warning filter",
        ("filters",),
        "the sensor for ResourceWarnings stands in front of warnings.filters as an entry that matches nothing",
        entry=lambda entry: any(within(home(part), "no_leaks") for part in entries(entry)[1:3]),
    ),
    Rule(
        "pytest's exception hooks",
        ("hooks",),
        "pytest 8.0 to 8.3 swaps sys.unraisablehook and threading.excepthook in each phase, later ones once per run",
        change=_is_pytest_hook,
    ),
    Rule(
        "pytest's importer",
        ("importers",),
        "the assertion rewriter stands in sys.meta_path while pytest runs",
        entry=lambda entry: within(home(type(entry)), "_pytest"),
    ),
    Rule(
        "six's importer",
        ("importers",),
        "each vendored copy of six adds its importer when it is first imported",
        entry=lambda entry: type(entry).__name__ == "_SixMetaPathImporter",
    ),
    Rule(
        "our own wrappers",
        ("attributes", "hooks"),
        "the sensors replace functions while they listen",
        change=lambda change: "no_leaks" in (home(change.old), home(change.new)),
    ),
    Rule(
        "watched hooks",
        ("attributes",),
        "a hook of the interpreter is reported as a hook, not as an attribute of its module as well",
        change=_is_watched_hook,
    ),
    Rule(
        "last error",
        ("attributes",),
        "pytest and the interactive prompt keep the last error's class in sys.last_type for post-mortem debugging",
        change=lambda change: change.key[0] == "sys.last_type",
    ),
    Rule(
        "forbiddenfruit's memory",
        ("attributes",),
        "blockbuster patches built-in classes through it for each test; the method itself is put back, or told under its name",
        change=_is_forbiddenfruits,
    ),
    Rule(
        "submodules",
        ("attributes",),
        "importing package.name sets the attribute `name` of the package",
        change=_is_submodule,
    ),
)


def is_exempt(change: Change) -> bool:
    """Whether a rule exempts a change."""
    return any(change.watcher in rule.watchers and rule.change(change) for rule in RULES)


def kept(watcher: str, found: Iterable[object]) -> tuple[object, ...]:
    """Return the entries of a list that no rule exempts."""
    rules = [rule for rule in RULES if watcher in rule.watchers]
    return tuple(entry for entry in found if not any(rule.entry(entry) for rule in rules))
