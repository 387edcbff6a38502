"""Monitoring: Prometheus, OpenTelemetry, health, and both in a real Starlette and a real WSGI server."""

from __future__ import annotations

import gc
import json
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import anyio
import pytest
from backends import Thing
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from no_leaks import Limit, ResourceError, ResourceLimitExceeded, ResourceLimits, ResourceManager, check_health
from no_leaks.resources import otel, prometheus, web
from no_leaks.resources.readings import READINGS, prometheus_name


@pytest.fixture
def manager() -> Iterator[ResourceManager]:
    """A manager with two open files and an open connection, one closed and one leaked."""
    manager = ResourceManager()
    things = [Thing() for _ in range(4)]
    for thing, kind in zip(things, ("files", "files", "connections", "files"), strict=True):
        manager.register(thing, kind=kind)
    manager.unregister(things[3])
    manager.register(Thing(), kind="files", name="lost.txt")
    gc.collect()
    yield manager
    manager.cleanup()


def scraped(text: str) -> dict[str, float]:
    """Return the samples of a scrape, by name and kind."""
    return {
        sample.name + (f" {sample.labels['kind']}" if sample.labels else ""): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_prometheus_scrapes_all_readings(manager: ResourceManager) -> None:
    """By its naming conventions: units at the end, counters with _total, kinds as labels."""
    kind, body = prometheus.scrape(manager)

    found = scraped(body.decode())
    assert kind.startswith("text/plain")
    assert (found["no_leaks_resources_active files"], found["no_leaks_resources_active connections"]) == (2, 1)
    assert (found["no_leaks_resources_created_total"], found["no_leaks_resources_leaked_total"]) == (5, 1)
    assert (found["no_leaks_resources_cleaned_total"], found["no_leaks_resources_peak"]) == (1, 4)
    assert found["no_leaks_resources_oldest_age_seconds"] > 0
    assert found["no_leaks_memory_usage_bytes"] > 1_000_000
    assert len({name.partition(" ")[0] for name in found}) == len(READINGS)


def test_a_collector_belongs_to_any_registry() -> None:
    """By default it asks the process's manager."""
    registry = CollectorRegistry()
    registry.register(prometheus.ResourceCollector())

    assert registry.get_sample_value("no_leaks_resources_created_total") is not None


def test_opentelemetry_observes_all_readings(manager: ResourceManager) -> None:
    """With the units of the table."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    otel.instrument(manager, provider)
    data = reader.get_metrics_data()
    provider.shutdown()

    assert data is not None
    metrics = {metric.name: metric for metric in data.resource_metrics[0].scope_metrics[0].metrics}
    active = {point.attributes["kind"]: point.value for point in metrics["no_leaks.resources.active"].data.data_points}
    assert active == {"files": 2, "connections": 1}
    assert metrics["no_leaks.resources.leaked"].data.data_points[0].value == 1
    assert {name: metric.unit for name, metric in metrics.items()} == {
        f"no_leaks.{reading.name}": reading.unit for reading in READINGS
    }


def test_a_process_without_findings_is_well() -> None:
    """And serves."""
    health = check_health(ResourceManager())

    assert (health.status, health.reasons, health.is_serving) == ("ok", (), True)
    assert check_health().status in ("ok", "degraded", "failing")


def test_leaks_errors_and_age_are_reasons(manager: ResourceManager) -> None:
    """Somebody should look; it still serves."""
    thing = Thing(error=OSError("gone"))
    with pytest.raises(OSError, match="gone"):
        manager.register(thing, kind="files").close()

    health = check_health(manager, max_age_s=0)

    assert (health.status, health.is_serving) == ("degraded", True)
    assert health.reasons[0].startswith("leaked: 1, the last: files: lost.txt")
    assert health.reasons[1] == "cleanups that failed: 1"
    assert health.reasons[2].startswith("open for more than 0 s: files: ")


@pytest.mark.parametrize(
    ("count", "status", "reasons"),
    [(8, "ok", ()), (9, "degraded", ("files: 9 of 10 open",)), (10, "failing", ("files: 10 of 10 open",))],
)
def test_limits_that_are_near_or_reached_are_reasons(count: int, status: str, reasons: tuple[str, ...]) -> None:
    """Where nothing more can be opened it fails."""
    manager = ResourceManager(limits=ResourceLimits({"files": Limit(count=10)}, total=Limit(bytes=1000)))
    things = [Thing() for _ in range(count)]
    for thing in things:
        manager.register(thing, kind="files", size_bytes=1)

    health = check_health(manager)

    assert (health.status, health.reasons) == (status, reasons)
    manager.cleanup()


@pytest.mark.parametrize(("age_s", "status"), [(8, "ok"), (9, "degraded"), (10, "degraded"), (11, "failing")])
@pytest.mark.parametrize("kind", ["files", "total"])
def test_an_age_at_which_nothing_more_is_opened_is_a_reason(kind: str, age_s: float, status: str) -> None:
    """Where `register` refuses, the process does not serve."""
    now = [0.0]
    limits = ResourceLimits.from_mapping({kind: {"age_s": 10}})
    manager = ResourceManager(limits=limits, clock=lambda: now[0])
    things = [Thing(), Thing()]
    manager.register(things[0], kind="files", name="old.txt")
    now[0] = age_s

    health = check_health(manager)

    assert health.status == status
    if status == "failing":
        assert health.reasons[0].startswith(f"{kind}: no more while one is older than 10 s: files: old.txt")
        with pytest.raises(ResourceLimitExceeded):
            manager.register(things[1], kind="files")
    manager.cleanup()


def test_a_kind_of_which_nothing_is_open_any_more_is_a_zero(manager: ResourceManager) -> None:
    """A series that is gone would tell nobody that all is well again."""
    manager.cleanup()

    _, text = prometheus.scrape(manager)

    assert scraped(text.decode())["no_leaks_resources_active files"] == 0
    assert manager.metrics().active == {}


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_what_is_no_request_is_refused(kind: str) -> None:
    """So that a server knows, and waits for nothing."""
    application: Any = web.health_asgi()

    async def call() -> None:
        await application({"type": kind}, None, None)

    with pytest.raises(ResourceError, match=f"answers http, not {kind}"):
        anyio.run(call)


def test_a_real_starlette_serves_both(manager: ResourceManager) -> None:
    """Mounted under /healthz and /metrics."""
    import httpx
    from starlette.applications import Starlette
    from starlette.routing import Mount

    application = Starlette(
        routes=[Mount("/healthz", web.health_asgi(manager)), Mount("/metrics", web.metrics_asgi(manager))]
    )

    async def get() -> list[httpx.Response]:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", follow_redirects=True) as client:
            return [await client.get("/healthz"), await client.get("/metrics"), await client.head("/healthz")]

    health, metrics, head = anyio.run(get)

    assert (health.status_code, health.json()["status"], health.headers["cache-control"]) == (
        200,
        "degraded",
        "no-store",
    )
    assert scraped(metrics.text)["no_leaks_resources_active files"] == 2
    assert (head.status_code, head.content) == (200, b"")


class Silent(WSGIRequestHandler):
    """Logs nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(application: Any) -> Iterator[str]:
    """Serve requests by the standard library's WSGI server, in a thread."""
    with make_server("127.0.0.1", 0, application, handler_class=Silent) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_a_real_wsgi_server_serves_both(manager: ResourceManager) -> None:
    """The same answers; 503 where nothing more can be opened."""
    with serving(web.metrics_wsgi(manager)) as url, urllib.request.urlopen(url) as answer:
        assert scraped(answer.read().decode())["no_leaks_resources_active files"] == 2
    manager.limits = ResourceLimits({"files": Limit(count=2)})
    with serving(web.health_wsgi(manager)) as url:
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url)
        with caught.value as answer:
            assert (answer.code, json.load(answer)["status"]) == (503, "failing")
        manager.limits = None
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD")) as head:
            assert (head.status, head.read()) == (200, b"")


def test_names_follow_the_conventions() -> None:
    """Base units at the end, no type in the name."""
    names = [prometheus_name(reading) for reading in READINGS]

    assert len(set(names)) == len(names)
    assert all(name.startswith("no_leaks_") and not name.endswith("_total") for name in names)


@pytest.mark.parametrize(
    ("package", "extra", "use"),
    [
        ("prometheus_client", "prometheus", prometheus.ResourceCollector),
        ("prometheus_client", "prometheus", prometheus.scrape),
        ("opentelemetry.metrics", "otel", otel.instrument),
    ],
)
def test_a_missing_extra_is_named(
    package: str, extra: str, use: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to install."""
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(ResourceError, match=rf"pip install 'pytest-no-leaks\[{extra}\]'"):
        use()
