"""pytest-xdist: each worker hands in what it found, and the controller writes one report and one summary."""

from __future__ import annotations

from typing import Any

import pytest

from . import run, summary

NAME = "no_leaks_controller"
_KEY = "no_leaks_run"


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is a worker, whose findings the controller reports."""
    return hasattr(config, "workeroutput")


def hand_in(config: Any, found: run.Run) -> None:
    """Leave what this worker found where pytest-xdist takes it to the controller."""
    config.workeroutput[_KEY] = run.pack(found)


def take(node: Any) -> None:
    """In the controller: keep what a worker has handed in; a crashed one has nothing, and takes nothing from the others."""
    output: dict[str, Any] = getattr(node, "workeroutput", None) or {}
    if _KEY in output:
        manager: pytest.PytestPluginManager = node.config.pluginmanager
        controller = manager.get_plugin(NAME)
        if controller is None:
            controller = Controller(node.config)
            manager.register(controller, NAME)
        controller.runs.append(run.unpack(output[_KEY]))


class Controller:
    """Registered once a worker has handed something in."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.runs: list[run.Run] = []

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Write the reports and say what all workers found."""
        merged = run.merge(str(self.config.rootpath), self.runs)
        summary.write(terminalreporter, summary.close(self.config, merged))
