"""The pytest side: options and markers are read here; the run time is registered only if a test is to be checked."""

from __future__ import annotations

import pytest

from ..config import Settings
from ..errors import SettingError
from . import markers, options, pyleak

_BASE = pytest.StashKey[Settings]()
_HEADER = pytest.StashKey[str | None]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the table."""
    options.add_options(parser)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the markers and refuse wrong settings before anything is collected."""
    markers.register(config)
    try:
        config.stash[_BASE] = options.read(config)
        options.report_targets(config)
    except SettingError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[_HEADER] = pyleak.stand_in_for(config)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say which of two checks it is where pyleak is installed too."""
    return config.stash.get(_HEADER, None)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Under pytest-xdist, say in the controller which markers a worker refused."""
    markers.pass_on_refusal(node)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Resolve each item's settings once; where none is to be checked, nothing of this plugin runs for any test."""
    checked = markers.resolve(items, config.stash[_BASE])
    if checked and not config.option.collectonly:
        from .runtime import Runtime

        runtime = Runtime(config, config.stash[_BASE], checked)
        config.pluginmanager.register(runtime, "no_leaks_runtime")
