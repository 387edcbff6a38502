"""What to check and how patiently: one frozen value per test, merged from layers of which the nearest wins."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .model import DEFAULT, Kind

ACTIONS = ("fail", "warn")
CONFIRM = ("auto", "never", "always")
FORMATS = ("json",)


@dataclass(frozen=True, slots=True)
class Allowance:
    """Leaks declared with a reason; empty `kinds` means every kind, `match` is searched in description and creation site."""

    reason: str
    kinds: tuple[Kind, ...] = ()
    match: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The merged settings of one test; units end a name."""

    enabled: bool = False
    kinds: frozenset[Kind] = frozenset(DEFAULT)
    grace_s: float = 0.5
    confirm: str = "auto"
    action: str = "fail"
    strict: bool = False
    allowances: tuple[Allowance, ...] = ()
    kind_actions: tuple[tuple[Kind, str], ...] = ()
    """pyleak's `task_action` and its like: kind -> "raise", "warn", "log" or "cancel"."""
    task_name_filter: str | re.Pattern[str] | None = None
    thread_name_filter: str | re.Pattern[str] | None = None
    exclude_daemon_threads: bool = False
    blocking_threshold_s: float = 0.2
    blocking_check_interval_s: float = 0.01
