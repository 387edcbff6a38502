"""The options, markers and hooks, each once, as plain words: all that an idle plugin loads; options.py and markers.py read them."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import pytest

from ..names import ACTIONS, CONFIRM, KEYWORDS, NAMES

# 8.4 brought "float", without which native TOML ([tool.pytest]) would want the number in quotes.
_FLOAT = "float" if pytest.version_tuple >= (8, 4) else "string"


class Option(NamedTuple):
    """One row: `metavar` is empty for a bare flag, `ini` is the type of the ini key ("" = there is none)."""

    flag: str
    meaning: str
    metavar: str = ""
    ini: str = "string"
    marker: str = ""
    default: str = ""
    repeatable: bool = False

    @property
    def name(self) -> str:
        """The ini key, and the name under which pytest keeps the value of the flag."""
        return self.flag.lstrip("-").replace("-", "_")


OPTIONS: tuple[Option, ...] = (
    Option("--no-leaks", "check every test", "", "bool", "no_leaks, no_leaks(False)", "off"),
    Option("--no-leaks-off", "check nothing, whatever ini keys and markers say", ini=""),
    Option(
        "--no-leaks-kinds",
        f"which kinds: names, groups, and -name to take one out, of {', '.join(NAMES)}",
        "LIST",
        "linelist",
        "positional, kind=True, kind=False",
        "default",
    ),
    Option(
        "--no-leaks-grace",
        "how many seconds something may take to finish by itself",
        "S",
        _FLOAT,
        "grace=",
        "0.5",
    ),
    Option(
        "--no-leaks-confirm",
        "whether a suspected test is repeated to tell a leak from something made once",
        "|".join(CONFIRM),
        marker="confirm=",
        default="auto",
    ),
    Option(
        "--no-leaks-confirm-limit",
        "how many seconds a test may take and still be repeated",
        "S",
        _FLOAT,
        "confirm_limit=",
        "30",
    ),
    Option(
        "--no-leaks-budget",
        "percent of the run's time that no-leaks may take before it repeats no more tests for their memory",
        "PERCENT",
        _FLOAT,
        default="10",
    ),
    Option(
        "--no-leaks-action",
        "what a leak does to the test that left it",
        "|".join(ACTIONS),
        marker="action=",
        default="fail",
    ),
    Option("--no-leaks-strict", "one-time leaks fail the test, too", "", "bool", "strict=", "off"),
    Option(
        "--no-leaks-report",
        "write a report to a file (json:leaks.json)",
        "FORMAT:PATH",
        "linelist",
        repeatable=True,
    ),
)


class Hooks:
    """The hooks that other plugins and conftest files may answer."""

    def pytest_no_leaks_kinds(self, config: pytest.Config) -> Any:
        """Return a kind of your own, or a list of kinds (`no_leaks.CustomKind`), for this run; each plugin is asked once."""


MARKERS = ("no_leaks", "allow_leaks")
LINES = (
    "no_leaks(*kinds, <kind>=True|False, "
    + ", ".join(f"{name}=..." for name in KEYWORDS)
    + "): the test fails if it leaves something behind; no_leaks(False) switches checking off.",
    'allow_leaks(*kinds, match=None, reason="..."): what the test may leave behind, and why.',
)


def add_options(parser: pytest.Parser) -> None:
    """Register every row as a flag and, where it has one, as an ini key."""
    group = parser.getgroup("no-leaks", "resource leaks (pytest-no-leaks)")
    for option in OPTIONS:
        group.addoption(option.flag, dest=option.name, default=None, help=option.meaning, **_how(option))
        if option.ini:
            # None tells "not set" from "set to false"; the cast is for pytest's closed list of literals.
            parser.addini(option.name, option.meaning, type=cast("Any", option.ini), default=None)


def add_markers(config: pytest.Config) -> None:
    """Make both markers known, so that --strict-markers accepts them and --markers explains them."""
    for line in LINES:
        config.addinivalue_line("markers", line)


def is_asked(config: pytest.Config) -> bool:
    """Whether the command line or the ini file says anything of ours, right or wrong."""
    return any(config.getoption(option.name) is not None or _is_in_ini(config, option) for option in OPTIONS)


def has_markers(items: list[pytest.Item]) -> bool:
    """Whether any item carries one of our markers."""
    return any(mark.name in MARKERS for item in items for mark in item.iter_markers())


def _is_in_ini(config: pytest.Config, option: Option) -> bool:
    try:
        return bool(option.ini) and config.getini(option.name) is not None
    except (ValueError, TypeError, pytest.UsageError):
        return True  # there, and wrong


def _how(option: Option) -> dict[str, Any]:
    if option.repeatable:
        return {"action": "append", "metavar": option.metavar}
    if option.metavar:
        return {"action": "store", "metavar": option.metavar}
    return {"action": "store_const", "const": True}
