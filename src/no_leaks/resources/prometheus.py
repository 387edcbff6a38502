"""Prometheus: a collector for a registry of prometheus_client, and the text of a scrape (extra `prometheus`)."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, final

from ..errors import ResourceError
from .manager import ResourceManager
from .process import get_resource_manager
from .readings import COUNTER, READINGS, prometheus_name, samples

if TYPE_CHECKING:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily


@final
class ResourceCollector:
    """To be registered: `REGISTRY.register(ResourceCollector())`. It asks the manager at each scrape, and keeps nothing."""

    def __init__(self, manager: ResourceManager | None = None) -> None:
        _look_for_library()
        self._manager = manager

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Yield every family of one snapshot."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        metrics = (self._manager or get_resource_manager()).metrics()
        for reading in READINGS:
            labels = ("kind",) if reading.by_kind else ()
            make = CounterMetricFamily if reading.type == COUNTER else GaugeMetricFamily
            family = make(prometheus_name(reading), reading.meaning, labels=labels)
            for value, kind in samples(reading, metrics):
                family.add_metric([kind] if kind else [], value)
            yield family


def scrape(manager: ResourceManager | None = None) -> tuple[str, bytes]:
    """Return the content type and the text of one scrape of this manager alone."""
    _look_for_library()
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(ResourceCollector(manager))
    return CONTENT_TYPE_LATEST, generate_latest(registry)


def _look_for_library() -> None:
    try:
        importlib.import_module("prometheus_client")
    except ImportError as error:
        raise ResourceError("Prometheus needs prometheus_client: pip install 'pytest-no-leaks[prometheus]'") from error
