"""The options, each once: flag, ini key, marker keyword, help and docs are generated from the table; read at configure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from ..config import ACTIONS, CONFIRM, Layer, Settings, merge
from ..errors import SettingError
from ..kindlist import NAMES, read_change
from ..values import choice, flag, seconds
from .targets import Target, read_target

# 8.4 brought "float", without which native TOML ([tool.pytest]) would want the number in quotes.
_FLOAT = "float" if pytest.version_tuple >= (8, 4) else "string"


@dataclass(frozen=True, slots=True)
class Option:
    """One row: `ini` is the type of the ini key ("" = there is none), `read` lays a value into a layer."""

    flag: str
    meaning: str
    read: Callable[[Layer, object, str], Layer]
    metavar: str = ""
    """Empty for a bare flag."""
    ini: str = "string"
    marker: str = ""
    default: str = ""
    repeatable: bool = False

    @property
    def name(self) -> str:
        """The ini key, and the name under which pytest keeps the value of the flag."""
        return self.flag.lstrip("-").replace("-", "_")


def _unread(layer: Layer, value: object, where: str) -> Layer:
    """Leave the layer alone: a report is no setting of a test (see `report_targets`)."""
    return layer


OPTIONS: tuple[Option, ...] = (
    Option(
        "--no-leaks",
        "check every test",
        lambda to, value, where: replace(to, enabled=flag(value, where)),
        ini="bool",
        marker="no_leaks, no_leaks(False)",
        default="off",
    ),
    Option(
        "--no-leaks-off",
        "check nothing, whatever ini keys and markers say",
        lambda to, value, where: replace(to, off=flag(value, where)),
        ini="",
    ),
    Option(
        "--no-leaks-kinds",
        f"which kinds: names, groups, and -name to take one out, of {', '.join(NAMES)}",
        lambda to, value, where: replace(to, kinds=read_change(value, where)),
        metavar="LIST",
        ini="linelist",
        marker="positional, kind=True, kind=False",
        default="default",
    ),
    Option(
        "--no-leaks-grace",
        "how many seconds something may take to finish by itself",
        lambda to, value, where: replace(to, grace_s=seconds(value, where)),
        metavar="S",
        ini=_FLOAT,
        marker="grace=",
        default="0.5",
    ),
    Option(
        "--no-leaks-confirm",
        "whether a suspected test is repeated to tell a leak from something made once",
        lambda to, value, where: replace(to, confirm=choice(value, where, CONFIRM)),
        metavar="|".join(CONFIRM),
        marker="confirm=",
        default="auto",
    ),
    Option(
        "--no-leaks-action",
        "what a leak does to the test that left it",
        lambda to, value, where: replace(to, action=choice(value, where, ACTIONS)),
        metavar="|".join(ACTIONS),
        marker="action=",
        default="fail",
    ),
    Option(
        "--no-leaks-strict",
        "one-time leaks fail the test, too",
        lambda to, value, where: replace(to, strict=flag(value, where)),
        ini="bool",
        marker="strict=",
        default="off",
    ),
    Option(
        "--no-leaks-report",
        "write a report to a file (json:leaks.json)",
        _unread,
        metavar="FORMAT:PATH",
        ini="linelist",
        repeatable=True,
    ),
)

_TARGETS = pytest.StashKey[tuple[Target, ...]]()


def add_options(parser: pytest.Parser) -> None:
    """Register every row as a flag and, where it has one, as an ini key."""
    group = parser.getgroup("no-leaks", "resource leaks (pytest-no-leaks)")
    for option in OPTIONS:
        group.addoption(option.flag, dest=option.name, default=None, help=option.meaning, **_how(option))
        if option.ini:
            # None tells "not set" from "set to false"; the cast is for pytest's closed list of literals.
            parser.addini(option.name, option.meaning, type=cast("Any", option.ini), default=None)


def read(config: pytest.Config) -> Settings:
    """Return the settings that hold where no marker says otherwise: command line over ini over default.

    Every wrong value is named in one `pytest.UsageError`.
    """
    wrong: list[SettingError] = []
    ini, line = Layer(), Layer()
    for option in OPTIONS:
        try:
            ini = _laid(option, ini, _from_ini(config, option), _ini_place(config, option))
            line = _laid(option, line, config.getoption(option.name), option.flag)
        except SettingError as error:
            wrong.append(error)
    settings = merge(merge(Settings(), ini), line)
    if not settings.kinds:
        wrong.append(SettingError("--no-leaks-kinds", "leaves no kind to check; --no-leaks-off switches checking off"))
    _refuse(wrong)
    return settings


def report_targets(config: pytest.Config) -> tuple[Target, ...]:
    """Return (format, path) of each report asked for, proven to be writable when first called; else a UsageError."""
    known = config.stash.get(_TARGETS, None)
    if known is None:
        known = config.stash[_TARGETS] = _read_targets(config)
    return known


def as_markdown() -> str:
    """Return docs/options.md: the same table, for people."""
    head = "| flag | ini key | marker keyword | default | meaning |\n|---|---|---|---|---|"
    rows = [
        (_code(_spelled(option)), _code(option.name if option.ini else ""), _code(option.marker), _code(option.default))
        for option in OPTIONS
    ]
    lines = [f"| {' | '.join((*row, option.meaning))} |" for row, option in zip(rows, OPTIONS, strict=True)]
    return "\n".join((_HEAD, head, *lines, _FOOT))


_HEAD = """\
# Options

<!-- Generated from OPTIONS in src/no_leaks/plugin/options.py; tests/plugin/test_options.py says how to write it anew. -->

The nearest place wins, setting by setting: marker on the test, on its class, on its module, command line, ini file,
default.
"""

_FOOT = """
- A list of kinds is read from left to right: `default,state,-memory`. A list that only removes starts from the kinds
  of the place below it, so that `-memory` on the command line takes one kind out of what the ini file says.
- `no_leaks = false` in the ini file and `-o no_leaks=false` leave marked tests checked; `--no-leaks-off` does not.
- A path of a report on the command line is relative to the current folder, one in the ini file to that file.
- A wrong value stops pytest before any test runs, with exit code 4.
"""


def _spelled(option: Option) -> str:
    return f"{option.flag}={option.metavar}" if option.metavar else option.flag


def _code(text: str) -> str:
    escaped = text.replace("|", "\\|")  # GitHub ends a cell at a bare bar even inside code
    return f"`{escaped}`" if escaped else "–"


def _how(option: Option) -> dict[str, Any]:
    if option.repeatable:
        return {"action": "append", "metavar": option.metavar}
    if option.metavar:
        return {"action": "store", "metavar": option.metavar}
    return {"action": "store_const", "const": True}


def _laid(option: Option, layer: Layer, value: object, where: str) -> Layer:
    return layer if value is None else option.read(layer, value, where)


def _from_ini(config: pytest.Config, option: Option) -> object:
    if not option.ini:
        return None
    try:
        return cast("object", config.getini(option.name))
    except (ValueError, TypeError, pytest.UsageError) as error:  # pytest 9.2 makes usage errors of the first two
        valid = ("true", "false") if option.ini == "bool" else ()
        raise SettingError(_ini_place(config, option), str(error), valid) from None


def _ini_place(config: pytest.Config, option: Option) -> str:
    overrides: list[str] = config.getoption("override_ini", None) or []
    if any(override.startswith(f"{option.name}=") for override in overrides):
        return f"-o {option.name}"
    return f"{option.name} in {config.inipath.name}" if config.inipath else option.name


def _read_targets(config: pytest.Config) -> tuple[Target, ...]:
    option = next(option for option in OPTIONS if option.repeatable)
    texts: object = config.getoption(option.name)
    where = option.flag
    folder = config.invocation_params.dir
    wrong: list[SettingError] = []
    targets: list[Target] = []
    try:
        if not texts:
            texts, where = _from_ini(config, option), _ini_place(config, option)
            folder = config.inipath.parent if config.inipath else folder
    except SettingError as error:
        wrong.append(error)
    for text in cast("list[str]", texts or []):
        try:
            targets.append(read_target(text, where, folder))
        except SettingError as error:
            wrong.append(error)
    _refuse(wrong)
    return tuple(targets)


def _refuse(wrong: list[SettingError]) -> None:
    if wrong:
        raise pytest.UsageError("\n".join(str(error) for error in wrong))
