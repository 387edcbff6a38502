"""The one table of what monitoring shows of a manager: names, units and meanings; each exporter writes it in its own words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .metrics import ResourceMetrics

GAUGE, COUNTER = "gauge", "counter"


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric: `name` in words joined by dots, `unit` in UCUM as OpenTelemetry has it, and how it is read."""

    name: str
    type: str
    unit: str
    meaning: str
    read: Callable[[ResourceMetrics], float]
    by_kind: bool = False


READINGS: tuple[Reading, ...] = (
    Reading("resources.active", GAUGE, "{resource}", "Open resources by kind.", lambda m: m.total_active, by_kind=True),
    Reading("resources.peak", GAUGE, "{resource}", "The most resources that were open at once.", lambda m: m.peak),
    Reading("resources.created", COUNTER, "{resource}", "Resources that were registered.", lambda m: m.created),
    Reading("resources.cleaned", COUNTER, "{resource}", "Resources that were closed.", lambda m: m.cleaned),
    Reading("resources.leaked", COUNTER, "{resource}", "Resources collected without being closed.", lambda m: m.leaked),
    Reading("resources.cleanup_errors", COUNTER, "{error}", "Cleanups that failed.", lambda m: m.cleanup_errors),
    Reading("resources.oldest_age", GAUGE, "s", "Age of the oldest open resource.", lambda m: m.oldest_age_s),
    Reading("memory.usage", GAUGE, "By", "Resident memory of the process.", lambda m: m.memory_usage_bytes),
)
_UNITS = {"s": "_seconds", "By": "_bytes"}


def prometheus_name(reading: Reading) -> str:
    """Return a name by Prometheus's conventions, without the `_total` that a counter's samples get."""
    return f"no_leaks_{reading.name.replace('.', '_')}{_UNITS.get(reading.unit, '')}"


def samples(reading: Reading, metrics: ResourceMetrics) -> Iterator[tuple[float, str]]:
    """Yield the values of a reading, each with its kind ("" for none)."""
    if reading.by_kind:
        yield from ((metrics.active.get(kind, 0), kind) for kind in metrics.kinds)
    else:
        yield reading.read(metrics), ""
