"""pyleak beside us: both answer to the marker no_leaks, so one of them steps back, and the header says which."""

from __future__ import annotations

import pytest

PLUGIN = "pyleak.pytest_plugin"


def stand_in_for(config: pytest.Config) -> str | None:
    """Take pyleak's plugin out of this run and return a line for the header; None where there is nothing to do.

    Under `--no-leaks-off` pyleak stays: it is then the only one that checks.
    """
    if config.getoption("no_leaks_off", None):
        return None
    manager = config.pluginmanager
    names = [name for name, plugin in manager.list_name_plugin() if getattr(plugin, "__name__", "") == PLUGIN]
    for name in names:
        manager.set_blocked(name)
    if not names:
        return None
    return "no-leaks: checks tests marked no_leaks instead of pyleak, whose plugin is off in this run"
