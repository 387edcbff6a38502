"""Neighbours with whom checking is not what it is alone: those that run tests side by side are refused, gevent is named.

Which test made what is told by who is at work, one test at a time in one process: where several share it, each would be
charged with what the others have open.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest

Items = Iterable[pytest.Item]

_WHY = (
    "runs tests side by side in one process, where a leak cannot be told from what another test has open. "
    "Run them in processes of their own with pytest-xdist (-n 2), or unchecked with --no-leaks-off"
)
AT_ONCE = f"no-leaks: something {_WHY}"
"""Said where two tests are found at work at the same time, whoever runs them."""


class Runner(NamedTuple):
    """A plugin that runs tests side by side in threads, and whether it does so in this run."""

    name: str
    is_parallel: Callable[[pytest.Config, Items], bool]


def _in_threads(config: pytest.Config, items: Items) -> bool:
    """Whether pytest-run-parallel runs copies of a test in several threads, by its option or for one of these items."""
    asked: list[object] = [config.getoption("parallel_threads", None)]
    if asked == [None]:
        return False  # it is not there
    for item in items:
        for name in ("parallel_threads", "force_parallel_threads"):
            asked += [mark.args[0] for mark in item.iter_markers(name) if mark.args]
    return any(str(number) != "1" for number in asked)


def _is_registered(config: pytest.Config, items: Items) -> bool:
    """Whether pytest-parallel is at work: it registers its runner only where it was asked to."""
    return config.pluginmanager.has_plugin("parallelrunner")


PARALLEL = (Runner("pytest-run-parallel", _in_threads), Runner("pytest-parallel", _is_registered))


def obstacle(config: pytest.Config, items: Items) -> str:
    """Return why these tests cannot be checked, "" where nothing is in the way."""
    names = (runner.name for runner in PARALLEL if runner.is_parallel(config, items))
    return next((f"no-leaks: {name} {_WHY}" for name in names), "")


def remarks() -> list[str]:
    """Return what the user should know of others in this process."""
    monkey: Any = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return []
    return [
        "no-leaks: gevent has patched threading: threads are greenlets, and a greenlet that is no thread is not seen"
    ]
