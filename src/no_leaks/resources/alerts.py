"""Alerts: what of the readings is too much for too long; told to a callback and the log, or written as rules for Prometheus."""

from __future__ import annotations

import json
import logging
import operator
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import final

from .. import faults
from ..errors import SettingError
from ..values import choice, seconds
from .manager import ResourceManager
from .process import get_resource_manager
from .readings import COUNTER, READINGS, Reading, prometheus_name, samples

logger = logging.getLogger("no_leaks.resources")

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_READINGS = {reading.name: reading for reading in READINGS}


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One rule: `reading` (a name of `readings.READINGS`) compared with a threshold, for so many seconds in a row."""

    name: str
    reading: str
    comparison: str
    threshold: float
    for_s: float = 0.0
    meaning: str = ""
    severity: str = "warning"

    def __post_init__(self) -> None:
        where = f"alert {self.name!r}"
        if not self.name.isidentifier():
            raise SettingError(where, "its name is not one word of letters, digits and '_'")
        choice(self.reading, where, tuple(_READINGS))
        choice(self.comparison, where, tuple(COMPARISONS))
        seconds(self.for_s, where)


RULES: tuple[AlertRule, ...] = (
    AlertRule("ResourcesLeaked", "resources.leaked", ">", 0, 0, "Resources were collected without being closed."),
    AlertRule("ResourceCleanupFailed", "resources.cleanup_errors", ">", 0, 0, "Resources could not be closed."),
    AlertRule("ResourceOpenTooLong", "resources.oldest_age", ">", 3600, 300, "A resource has been open for an hour."),
    AlertRule("ManyResourcesOpen", "resources.active", ">", 1000, 300, "More than 1000 of one kind are open."),
)
"""What is asked for unless told; thresholds are a start, not a truth."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule that holds: by which value, of which kind ("" for all), for how long."""

    rule: AlertRule
    value: float
    kind: str
    age_s: float

    def __str__(self) -> str:
        what = f"{self.rule.reading}{f' of {self.kind}' if self.kind else ''}"
        said = f"{self.rule.name}: {what} is {self.value:g}, {self.rule.comparison} {self.rule.threshold:g}"
        return f"{said}. {self.rule.meaning}".rstrip(". ") + "."


@final
class Alerts:
    """Looks at a manager when `check()` is called; `with alerts.every(seconds)` calls it in a thread that ends with the block."""

    def __init__(
        self,
        rules: Iterable[AlertRule] = RULES,
        *,
        manager: ResourceManager | None = None,
        callback: Callable[[Alert], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rules = tuple(rules)
        self._manager = manager
        self._callback = callback
        self._clock = clock
        self._since: dict[tuple[AlertRule, str], float] = {}
        self._told: set[tuple[AlertRule, str]] = set()

    def check(self) -> tuple[Alert, ...]:
        """Return what holds for long enough; each is told once, and again after it has ceased."""
        metrics, now = (self._manager or get_resource_manager()).metrics(), self._clock()
        holding: dict[tuple[AlertRule, str], float] = {}
        for rule in self.rules:
            for value, kind in samples(_READINGS[rule.reading], metrics):
                if COMPARISONS[rule.comparison](value, rule.threshold):
                    holding[rule, kind] = value
        self._since = {key: self._since.get(key, now) for key in holding}
        firing = {
            key: Alert(key[0], value, key[1], now - self._since[key])
            for key, value in holding.items()
            if now - self._since[key] >= key[0].for_s
        }
        for key in firing.keys() - self._told:
            self._tell(firing[key])
        self._told = set(firing)
        return tuple(firing.values())

    def every(self, interval_s: float) -> Watching:
        """Return a context manager that checks so often, in a thread of its own, until the block ends."""
        return Watching(self, interval_s)

    def _tell(self, alert: Alert) -> None:
        logger.warning("%s", alert)
        if self._callback is not None:
            try:
                self._callback(alert)
            except Exception as error:
                faults.note("callback of an alert", error)
                logger.error("%s: the callback raised %r", alert.rule.name, error, exc_info=error)


@final
class Watching:
    """The thread of `Alerts.every`; leaving the block stops and joins it."""

    def __init__(self, alerts: Alerts, interval_s: float) -> None:
        self._alerts = alerts
        self._interval_s = seconds(interval_s, "every", above_zero=True)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="no-leaks-alerts", daemon=True)

    def __enter__(self) -> Watching:
        self._thread.start()
        return self

    def __exit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            self._alerts.check()


def prometheus_rules(rules: Iterable[AlertRule] = RULES) -> str:
    """Return a rule file for Prometheus (YAML, each text quoted as JSON quotes it)."""
    lines = ["groups:", "  - name: no_leaks", "    rules:"]
    for rule in rules:
        lines += [
            f"      - alert: {rule.name}",
            f"        expr: {json.dumps(f'{_series(_READINGS[rule.reading])} {rule.comparison} {rule.threshold:g}')}",
            f"        for: {round(rule.for_s * 1000)}ms",
            "        labels:",
            f"          severity: {json.dumps(rule.severity)}",
            "        annotations:",
            f"          summary: {json.dumps(rule.meaning or rule.name)}",
        ]
    return "\n".join(lines) + "\n"


def _series(reading: Reading) -> str:
    return prometheus_name(reading) + ("_total" if reading.type == COUNTER else "")
