"""Servers that the tests of connections share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import servers


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
