"""The pytest side: an idle plugin loads this file and a table of words; all else only where something is to be checked."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from . import pyleak, table
from .given import resource_manager, secure_connection, secure_file
from .loading import as_they_are

__all__ = ["resource_manager", "secure_connection", "secure_file"]
_HEADER = pytest.StashKey[str | None]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the table."""
    table.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hook by which kinds are added."""
    pluginmanager.add_hookspecs(table.Hooks)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the markers and refuse wrong settings before anything is collected."""
    table.add_markers(config)
    if table.is_asked(config):
        with as_they_are():
            from . import added, options

        added.load(config)
        options.read(config)
        options.report_targets(config)
    config.stash[_HEADER] = pyleak.stand_in_for(config)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say which of two checks it is where pyleak is installed too."""
    return config.stash.get(_HEADER, None)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Under pytest-xdist, be there to hear what the workers find."""
    with as_they_are():
        from . import workers

    workers.listen(node.config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Under pytest-xdist, be ready for what workers say of fixtures."""
    with as_they_are():
        from . import apart

    config.pluginmanager.register(apart.Apart(config), "no_leaks_apart")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Under pytest-xdist, take what a worker found, or say which markers it refused."""
    if getattr(node, "workeroutput", None):
        with as_they_are():
            from . import markers, workers

            markers.pass_on_refusal(node)
            workers.take(node)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Resolve each item's settings once; where none is to be checked, nothing of this plugin runs for any test."""
    if table.is_asked(config) or table.has_markers(items):
        with as_they_are():
            from . import added, markers, neighbours, options

            added.load(config)
            base = options.read(config)
            checked = markers.resolve(items, base)
            if checked and not config.option.collectonly:
                from .runtime import Runtime

                markers.refuse(config, neighbours.obstacle(config, checked))
                config.pluginmanager.register(Runtime(config, checked), "no_leaks_runtime")


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Say what a neighbour does to the checks."""
    if "gevent" not in sys.modules or not config.pluginmanager.has_plugin("no_leaks_runtime"):
        return []
    from . import neighbours

    return neighbours.remarks()
