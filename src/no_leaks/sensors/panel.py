"""All sensors as one: installed for the kinds that are checked, removed together, silent in a forked child."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable
from typing import Any

from .. import customs, faults
from ..config import Settings
from ..ledger import Ledger
from ..model import Kind
from . import audit, descriptors, executors, greenlets, spawned, threads, warnings_, window

BY_KIND: dict[Kind, str] = {
    "pipes": "uvloops",
    "fds": "uvloops",
    "tasks": "asyncio_",
    "state": "state",
    "blocking": "blocking",
    "cycles": "cycles",
}
"""Sensors that are needed by some kinds only, by file; each has `install` and `remove`, and may have `on_import` and `tune`."""


class Sensors:
    """What listens while a session checks."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        wanted = frozenset(kinds)
        self._extra: list[Any] = []
        by_kind = {**BY_KIND, **dict.fromkeys(customs.names(), "made")}
        for file in dict.fromkeys(file for kind, file in by_kind.items() if kind in wanted):
            self._guarded(file, lambda: self._extra.append(importlib.import_module(f".{file}", __package__)))  # noqa: B023 - called at once
        self._tuned = [sensor for sensor in self._extra if hasattr(sensor, "tune")]

    def install(self) -> None:
        """Begin to listen."""
        events: dict[str, Callable[[tuple[Any, ...]], None]] = {**threads.audited(), **window.audited()}
        if any(hasattr(sensor, "on_import") for sensor in self._extra):
            events["import"] = self._on_import
        audit.install(events)
        threads.install()
        for sensor in (descriptors, executors, spawned):
            self._guarded(sensor.__name__, sensor.install)
        warnings_.install()
        for sensor in self._extra:
            self._guarded(sensor.__name__, sensor.install)

    def remove(self) -> None:
        """Fall silent and put everything back."""
        for sensor in reversed(self._extra):
            self._guarded(sensor.__name__, sensor.remove)
        warnings_.remove()
        spawned.remove()
        executors.remove()
        descriptors.remove()
        threads.remove()
        audit.remove()

    def tune(self, settings: Settings) -> None:
        """Tell the sensors what the scope that begins asks for: patience, thresholds."""
        for sensor in self._tuned:
            self._guarded(sensor.__name__, lambda: sensor.tune(settings))  # noqa: B023 - called at once

    def spin(self, ledger: Ledger) -> None:
        """Let idle event loops and greenlets take a step, so that what is about to finish can."""
        if "gevent" in sys.modules:
            self._guarded("greenlets", greenlets.spin)
        for sensor in self._extra:
            if "asyncio" in sys.modules and hasattr(sensor, "spin_loops"):
                self._guarded(sensor.__name__, lambda: sensor.spin_loops(ledger))  # noqa: B023 - called at once

    def _on_import(self, args: tuple[Any, ...]) -> None:
        for sensor in self._extra:
            if hasattr(sensor, "on_import"):
                sensor.on_import(args[0])

    def _guarded(self, name: str, call: Callable[[], object]) -> None:
        try:
            call()
        except Exception as error:
            faults.note(f"sensor {name.rpartition('.')[2]}", error)
