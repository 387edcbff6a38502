"""Single values of settings: each is checked here, once, whether it came from a flag, an ini key, a marker or a call."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, TypeGuard, cast

from .errors import SettingError
from .words import safe_repr

# "Thread-1 (run)", "pool[0]" and "app.worker" are ordinary names: dots, brackets and parentheses alone say nothing.
_LOOKS_LIKE_PATTERN = re.compile(r"[*?+|^$\\]|\[\w-\w")


def seconds(value: object, where: str, *, above_zero: bool = False) -> float:
    """Return a finite number of seconds; text is read, a boolean is refused."""
    number = math.nan
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            pass
    if not math.isfinite(number) or number < 0 or (above_zero and number == 0):
        least = "above 0" if above_zero else "0 or more"
        raise SettingError(where, f"{safe_repr(value)} is not a number of seconds, {least}")
    return number


def percent(value: object, where: str) -> float:
    """Return a number from 0 to 100; text is read, with or without its sign."""
    text = value.strip().removesuffix("%") if isinstance(value, str) else value
    try:
        number = seconds(text, where)
    except SettingError:
        number = math.inf
    if number > 100:
        raise SettingError(where, f"{safe_repr(value)} is not a percentage, 0 to 100")
    return number


def times(value: object, where: str) -> int:
    """Return a whole number of repetitions, 2 to 1000."""
    if not isinstance(value, int) or isinstance(value, bool) or not 2 <= value <= 1000:
        raise SettingError(where, f"{safe_repr(value)} is not a number of repetitions, 2 to 1000")
    return value


def choice(value: object, where: str, valid: Sequence[str]) -> str:
    """Return the one of `valid` that equals the value (an enum of strings will do)."""
    for name in valid:
        if value == name:
            return name
    close = did_you_mean(value, valid) if isinstance(value, str) else ""
    raise SettingError(where, f"{safe_repr(value)} is unknown{close}", valid)


def flag(value: object, where: str) -> bool:
    """Return a boolean; nothing else counts as one, so that "false" never means True."""
    if not isinstance(value, bool):
        raise SettingError(where, f"{safe_repr(value)} is not True or False")
    return value


def pattern(value: object, where: str) -> re.Pattern[str]:
    """Return a compiled pattern; a string is a regular expression."""
    if _is_text_pattern(value):
        return value
    if not isinstance(value, str):
        raise SettingError(where, f"{safe_repr(value)} is not a regular expression of type str")
    try:
        return re.compile(value)
    except re.error as error:
        raise SettingError(where, f"{value!r} is not a regular expression: {error}") from None


def _is_text_pattern(value: object) -> TypeGuard[re.Pattern[str]]:
    return isinstance(value, re.Pattern) and isinstance(cast("Any", value).pattern, str)


def name_filter(value: object, where: str) -> str | re.Pattern[str]:
    """Return a filter of names: a string for equality, a compiled pattern for `search`."""
    return value if isinstance(value, str) else pattern(value, where)


def filter_remark(value: object, where: str) -> str:
    """Return why a string filter likely equals no name, and the fix; "" where it looks like a name."""
    if not isinstance(value, str) or not _LOOKS_LIKE_PATTERN.search(value):
        return ""
    return (
        f"{where}: {value!r} looks like a pattern, but a string must equal the name,"
        f" so that this would switch detection off; write re.compile({value!r})"
    )


def did_you_mean(name: str, valid: Sequence[str]) -> str:
    """Return "; did you mean 'x'?" for the closest valid name, or ""."""
    import difflib  # only errors need it

    close = difflib.get_close_matches(name.lower(), valid, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
