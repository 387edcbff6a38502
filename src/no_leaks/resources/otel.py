"""OpenTelemetry: observable instruments that ask the manager when they are read (extra `otel`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .. import __version__
from ..errors import ResourceError
from .manager import ResourceManager
from .process import get_resource_manager
from .readings import COUNTER, READINGS, Reading, samples

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation


def instrument(manager: ResourceManager | None = None, meter_provider: MeterProvider | None = None) -> None:
    """Make an instrument `no_leaks.<reading>` of each reading, by the global provider unless told."""
    try:
        from opentelemetry.metrics import get_meter
    except ImportError as error:
        raise ResourceError("instrument() needs OpenTelemetry: pip install 'pytest-no-leaks[otel]'") from error

    meter = get_meter("no_leaks", __version__, meter_provider)
    for reading in READINGS:
        make = meter.create_observable_counter if reading.type == COUNTER else meter.create_observable_gauge
        make(f"no_leaks.{reading.name}", [_asking(reading, manager)], reading.unit, reading.meaning)


def _asking(reading: Reading, manager: ResourceManager | None) -> Callable[[CallbackOptions], Iterable[Observation]]:
    from opentelemetry.metrics import Observation

    def ask(options: CallbackOptions) -> Iterable[Observation]:
        metrics = (manager or get_resource_manager()).metrics()
        return [Observation(value, {"kind": kind} if kind else {}) for value, kind in samples(reading, metrics)]

    return ask
