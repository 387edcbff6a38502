"""The table of what pytest, this package and first uses change by themselves: each rule by name, with what it exempts."""

from __future__ import annotations

import logging
import sqlite3
import sys
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from _pytest import unraisableexception
from _pytest.assertion.rewrite import AssertionRewritingHook
from _pytest.logging import LogCaptureHandler
from support import alone

from no_leaks.probes.state_rules import RULES, Rule, home, is_exempt, kept
from no_leaks.probes.state_watch import MISSING, Change
from no_leaks.sensors import state as births
from no_leaks.sensors import warnings_


def user() -> None:
    """Stand for a user's function."""


def pytests() -> Any:
    """Return a hook as pytest sets it: a partial of a function in its own module, up to 8.3 a method."""
    catcher = getattr(unraisableexception, "catch_unraisable_exception", None)
    return catcher()._hook if catcher is not None else sys.unraisablehook


class _SixMetaPathImporter:
    """Stands for six's importer, which bears this name in every vendored copy."""


def _wrapper() -> Callable[..., object]:

    with alone():
        births.install()
        wrapped = logging.Logger.setLevel
        births.remove()
    return wrapped


PACKAGE, CHILD = ModuleType("package"), ModuleType("package.child")

CHANGES: dict[str, tuple[Change, Change]] = {
    "current test": (
        Change("environ", ("PYTEST_CURRENT_TEST",), "a (setup)", "a (teardown)"),
        Change("environ", ("PYTEST_ADDOPTS",), "", "-x"),
    ),
    "new loggers": (
        Change("logging", ("level", "fresh"), MISSING, 10),
        Change("logging", ("level", "known"), 0, 10),
    ),
    "forbiddenfruit's memory": (
        Change("attributes", ("sqlite3.Cursor._c_execute", "_c_execute"), user, len, sqlite3.Cursor),
        Change("attributes", ("sqlite3.Cursor.execute", "execute"), user, len, sqlite3.Cursor),
    ),
    "stopped patches": (
        Change("patches", ("a.b", "1"), user, MISSING),
        Change("patches", ("a.b", "1"), MISSING, user),
    ),
    "pytest's exception hooks": (
        Change("hooks", ("sys.unraisablehook",), user, pytests()),
        Change("hooks", ("sys.unraisablehook",), pytests(), user),
    ),
    "our own wrappers": (
        Change("attributes", ("logging.Logger.setLevel", "setLevel"), user, _wrapper()),
        Change("attributes", ("logging.Logger.setLevel", "setLevel"), user, print),
    ),
    "watched hooks": (
        Change("attributes", ("sys.excepthook", "excepthook"), user, print, sys),
        Change("attributes", ("sys.exit", "exit"), user, print, sys),
    ),
    "last error": (
        Change("attributes", ("sys.last_type", "last_type"), KeyError, ValueError, sys),
        Change("attributes", ("sys.exit", "exit"), user, print, sys),
    ),
    "submodules": (
        Change("attributes", ("package.child", "child"), user, CHILD, PACKAGE),
        Change("attributes", ("package.other", "other"), user, CHILD, PACKAGE),
    ),
}

ENTRIES: dict[str, tuple[str, object, object]] = {
    "pytest's log capture": ("logging", LogCaptureHandler(), logging.StreamHandler()),
    "null handlers": ("logging", logging.NullHandler(), logging.StreamHandler()),
    "our warning filter": ("filters", warnings_._FILTER, ("ignore", None, UserWarning, None, 0)),
    "pytest's importer": (
        "importers",
        next((found for found in sys.meta_path if isinstance(found, AssertionRewritingHook)), None),
        user,
    ),
    "six's importer": ("importers", _SixMetaPathImporter(), user),
}


def named(name: str) -> Rule:
    """Return the one rule of this name."""
    (rule,) = (rule for rule in RULES if rule.name == name)
    return rule


def test_every_rule_is_tested_and_gives_its_reason() -> None:
    """A rule that is added without an example here fails this."""
    assert {rule.name for rule in RULES} == set(CHANGES) | set(ENTRIES)
    assert all(rule.reason for rule in RULES)


@pytest.mark.parametrize("name", CHANGES)
def test_a_rule_exempts_its_change_and_not_the_next(name: str) -> None:
    """Each rule of a change: one that it exempts, one nearby that it does not."""
    exempt, accused = CHANGES[name]
    assert named(name).change(exempt)
    assert is_exempt(exempt)
    assert not is_exempt(accused)


@pytest.mark.parametrize("name", ENTRIES)
def test_a_rule_leaves_out_its_entry_and_not_the_next(name: str) -> None:
    """Each rule of an entry: one that it leaves out, one nearby that it keeps."""
    watcher, exempt, accused = ENTRIES[name]
    assert named(name).entry(exempt)
    assert kept(watcher, [exempt, accused]) == (accused,)


def test_a_hook_that_pytest_takes_back_is_exempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """From pytest's hook to the interpreter's own: pytest 8.0 to 8.3 at the end of a phase."""
    assert is_exempt(Change("hooks", ("sys.unraisablehook",), pytests(), sys.__unraisablehook__))


def test_the_home_of_a_value_without_a_module_is_that_of_its_class() -> None:
    """An instance answers for its class; a `__module__` that is no name answers for nothing."""
    odd = ModuleType("odd")
    odd.__module__ = 3  # type: ignore[assignment]
    assert home(3) == "builtins"
    assert home(odd) == ""
    assert home(warnings.warn) in ("_warnings", "warnings")


@pytest.mark.parametrize(
    ("name", "place"), [("_c_code", sqlite3.Cursor), ("_c_execute", sqlite3), ("execute", sqlite3.Cursor)]
)
def test_a_name_that_only_begins_like_forbiddenfruits_is_not_exempt(name: str, place: object) -> None:
    """It stands in a class, beside the method that it is named after."""
    assert not is_exempt(Change("attributes", (f"sqlite3.{name}", name), user, len, place))
