"""The options, read: command line over ini over default becomes settings, at configure; and the table as docs."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from ..config import Layer, Settings, defaults, merge
from ..errors import SettingError
from ..kindlist import read_change
from ..names import ACTIONS, CONFIRM
from ..values import choice, flag, percent, seconds
from .table import OPTIONS, Option
from .targets import Target, read_target

_READERS: dict[str, Callable[[Layer, object, str], Layer]] = {
    "--no-leaks": lambda to, value, where: to._replace(enabled=flag(value, where)),
    "--no-leaks-off": lambda to, value, where: to._replace(off=flag(value, where)),
    "--no-leaks-kinds": lambda to, value, where: to._replace(kinds=read_change(value, where)),
    "--no-leaks-grace": lambda to, value, where: to._replace(grace_s=seconds(value, where)),
    "--no-leaks-confirm": lambda to, value, where: to._replace(confirm=choice(value, where, CONFIRM)),
    "--no-leaks-confirm-limit": lambda to, value, where: to._replace(confirm_limit_s=seconds(value, where)),
    "--no-leaks-budget": lambda to, value, where: to._replace(budget=percent(value, where)),
    "--no-leaks-action": lambda to, value, where: to._replace(action=choice(value, where, ACTIONS)),
    "--no-leaks-strict": lambda to, value, where: to._replace(strict=flag(value, where)),
    # A report is no setting of a test: see `report_targets`.
    "--no-leaks-report": lambda to, value, where: to,
}
"""How the value of each row of the table is laid into a layer."""

_TARGETS = pytest.StashKey[tuple[Target, ...]]()


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
    settings = merge(merge(defaults(), ini), line)
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

<!-- Generated from OPTIONS in src/no_leaks/plugin/table.py; tests/plugin/test_options.py says how to write it anew. -->

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


def _laid(option: Option, layer: Layer, value: object, where: str) -> Layer:
    return layer if value is None else _READERS[option.flag](layer, value, where)


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
