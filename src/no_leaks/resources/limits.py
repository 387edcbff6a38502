"""How much may be open at once: values from code, the environment or pyproject.toml, checked once."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, cast

from .. import env
from ..errors import SettingError
from ..values import choice, seconds

VARIABLE = "NO_LEAKS_LIMITS"
ON_LIMIT = ("raise", "wait")
TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Limit:
    """What may be open: so many, of so many bytes together, none older than so many seconds; None is no limit."""

    count: int | None = None
    bytes: int | None = None
    age_s: float | None = None

    def __post_init__(self) -> None:
        for part in cast("tuple[object, ...]", (self.count, self.bytes)):
            if part is not None and (isinstance(part, bool) or not isinstance(part, int) or part < 0):
                raise SettingError("Limit", f"{part!r} is not a whole number, 0 or more")
        if self.age_s is not None:
            seconds(self.age_s, "Limit: age_s")


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """Limits by kind and for all together; beyond them `register` raises `ResourceLimitExceeded`, or waits until
    `timeout_s` and raises then."""

    kinds: Mapping[str, Limit] = field(default_factory=dict[str, Limit])
    total: Limit = Limit()
    on_limit: str = "raise"
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        choice(self.on_limit, "on_limit", ON_LIMIT)
        seconds(self.timeout_s, "timeout_s")
        for kind, limit in cast("tuple[tuple[str, object], ...]", (*self.kinds.items(), (TOTAL, self.total))):
            if not isinstance(limit, Limit):
                raise SettingError("ResourceLimits", f"{kind}: {limit!r} is not a Limit: write Limit(count=...)")

    @classmethod
    def from_mapping(cls, table: Mapping[str, object], where: str = "limits") -> ResourceLimits:
        """Read `{"files": 100, "connections": {"count": 20, "age_s": 60}, "total": 500, "on_limit": "wait", "timeout_s": 5}`."""
        limits = {name: _limit(value, f"{where}: {name}") for name, value in table.items() if name not in _OPTIONS}
        return cls(
            kinds={name: limit for name, limit in limits.items() if name != TOTAL},
            total=limits.get(TOTAL, Limit()),
            on_limit=choice(table.get("on_limit", "raise"), f"{where}: on_limit", ON_LIMIT),
            timeout_s=seconds(table.get("timeout_s", 30.0), f"{where}: timeout_s"),
        )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> ResourceLimits | None:
        """Read `NO_LEAKS_LIMITS="files=100, connections.count=20, connections.age_s=60, on_limit=wait"`; None if unset."""
        text = environment.get(VARIABLE, "").strip()
        if not text:
            return None
        table: dict[str, object] = {}
        for word in re.split(r"[,;\s]+", text):
            name, equals, value = word.partition("=")
            kind, _, part = name.partition(".")
            if not equals or not value:
                raise SettingError(VARIABLE, f"{word!r} is not name=value")
            if kind in _OPTIONS:
                table[kind] = value
            else:
                cast("dict[str, object]", table.setdefault(kind, {}))[part or "count"] = value
        return cls.from_mapping(table, VARIABLE)

    @classmethod
    def from_pyproject(cls, path: str | os.PathLike[str] = "pyproject.toml") -> ResourceLimits | None:
        """Read the table `[tool.no_leaks.limits]`; None where there is none."""
        toml = importlib.import_module("tomllib" if env.PY311 else "tomli")  # until 3.10 is dropped
        with open(path, "rb") as file:
            document: dict[str, Any] = toml.load(file)
        table = document.get("tool", {}).get("no_leaks", {}).get("limits")
        where = f"{os.fspath(path)} [tool.no_leaks.limits]"
        if not isinstance(table, Mapping | None):
            raise SettingError(where, f"{table!r} is not a table")
        return None if table is None else cls.from_mapping(cast("Mapping[str, object]", table), where)


_OPTIONS = ("on_limit", "timeout_s")
_PARTS = tuple(part.name for part in fields(Limit))


def _limit(value: object, where: str) -> Limit:
    """Read one limit: a number is a count."""
    table = cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {"count": value}
    for part in table:
        choice(part, where, _PARTS)
    age_s = table.get("age_s")
    return Limit(
        count=_number(table.get("count"), where),
        bytes=_number(table.get("bytes"), where),
        age_s=None if age_s is None else seconds(age_s, where),
    )


def _number(value: object, where: str) -> int | None:
    if value is None:
        return None
    text = str(value)
    if isinstance(value, bool) or not text.isdecimal():
        raise SettingError(where, f"{value!r} is not a whole number, 0 or more")
    return int(text)
