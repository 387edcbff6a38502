"""Servers that the tests of connections share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import servers

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These tests leave things with managers of their own, to see what those say: nothing else may be left."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.no_leaks(managed=False))


@pytest.fixture(scope="session")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Echo]:
    """Echo servers over TCP, TLS and a Unix socket."""
    with servers.echo(tmp_path_factory.mktemp("echo")) as where:
        yield where


@pytest.fixture(scope="session")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The Unix socket of a Redis server."""
    with servers.redis(tmp_path_factory.mktemp("redis")) as path:
        if path is None:
            pytest.skip("no redis-server here: apt-get install redis-server")
        yield path
