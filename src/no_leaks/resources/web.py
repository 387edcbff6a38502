"""`/healthz` and `/metrics`, to be mounted: as ASGI and as WSGI applications, which need no framework."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import ResourceError
from .health import check_health
from .manager import ResourceManager

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Message: TypeAlias = MutableMapping[str, Any]
"""As the ASGI specification has it."""
Asgi: TypeAlias = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]
Answer: TypeAlias = tuple[int, str, bytes]
Page: TypeAlias = Callable[[], Answer]
_PHRASES = {200: "200 OK", 503: "503 Service Unavailable"}


def health_asgi(manager: ResourceManager | None = None, *, max_age_s: float | None = None) -> Asgi:
    """Answer 200, or 503 where nothing more can be opened; status and reasons as JSON."""
    return _asgi(lambda: _health(manager, max_age_s))


def metrics_asgi(manager: ResourceManager | None = None) -> Asgi:
    """Answer with what Prometheus scrapes (extra `prometheus`)."""
    return _asgi(lambda: _metrics(manager))


def health_wsgi(manager: ResourceManager | None = None, *, max_age_s: float | None = None) -> WSGIApplication:
    """The same as `health_asgi`, for WSGI."""
    return _wsgi(lambda: _health(manager, max_age_s))


def metrics_wsgi(manager: ResourceManager | None = None) -> WSGIApplication:
    """The same as `metrics_asgi`, for WSGI."""
    return _wsgi(lambda: _metrics(manager))


def _health(manager: ResourceManager | None, max_age_s: float | None) -> Answer:
    health = check_health(manager, max_age_s=max_age_s)
    body = json.dumps({"status": health.status, "reasons": health.reasons}).encode()
    return 200 if health.is_serving else 503, "application/json", body


def _metrics(manager: ResourceManager | None) -> Answer:
    from .prometheus import scrape

    return (200, *scrape(manager))


def _headers(kind: str, body: bytes) -> list[tuple[str, str]]:
    return [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]


def _asgi(page: Page) -> Asgi:
    async def application(
        scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        if scope["type"] != "http":  # as the specification has it: a server then knows that there is no lifespan
            raise ResourceError(f"this answers http, not {scope['type']}: mount it under a path of an application")
        status, kind, body = page()
        headers = [(name.lower().encode(), value.encode()) for name, value in _headers(kind, body)]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope.get("method") == "HEAD" else body})

    return application


def _wsgi(page: Page) -> WSGIApplication:
    def application(environment: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status, kind, body = page()
        start_response(_PHRASES[status], _headers(kind, body))
        return [b"" if environment.get("REQUEST_METHOD") == "HEAD" else body]

    return application
