"""The fixtures that tests may ask for: a manager with a scope of the test's own, and factories of secure contexts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..resources.connection_context import AsyncConnectionContext
    from ..resources.file_context import AsyncFileContext
    from ..resources.manager import ResourceManager


@pytest.fixture
def resource_manager(request: pytest.FixtureRequest) -> Iterator[ResourceManager]:
    """The process's ResourceManager, in a scope named by the test: what it leaves open is closed and reported at its end."""
    from ..resources.process import get_resource_manager

    manager = get_resource_manager()
    with manager.scope(request.node.nodeid):
        yield manager


@pytest.fixture
def secure_file(resource_manager: ResourceManager, tmp_path: Path) -> Callable[..., AsyncFileContext[str]]:
    """`secure_file("data.txt", "w")` is a `secure_file_context` below the test's temporary folder."""
    from ..resources.file_context import secure_file_context

    return functools.partial(secure_file_context, root=tmp_path, manager=resource_manager)


@pytest.fixture
def secure_connection(resource_manager: ResourceManager) -> Callable[..., AsyncConnectionContext[object, object]]:
    """`secure_connection(connect)` is a `secure_connection_context` that the test's manager tracks."""
    from ..resources.connection_context import secure_connection_context

    return functools.partial(secure_connection_context, manager=resource_manager)
