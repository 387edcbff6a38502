"""Silence: while a test is repeated nothing of it shows, neither output, logs, warnings and properties nor further reports.

Private: `Item._report_sections`; `HookCaller._hookimpls` (pluggy 1.3 to 1.6); the handlers of pytest's "logging-plugin" and
the properties of its JUnit XML. What a release does not have stays as it is. pytest 8.0 to 9.2.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from .. import ledger
from . import timeouts


@contextmanager
def silence(item: Any) -> Generator[Callable[[], None]]:
    """Keep all that an item does meanwhile from the terminal, the reports and other plugins' books.

    Yields what lets go of all that was kept so far: after each repetition, if memory is counted.
    """
    with ExitStack() as stack:
        stack.callback(timeouts.restart, item, repeated=False)
        books = (item._report_sections, item.user_properties, *_xml_properties(item.config))
        kept = [(book, len(book)) for book in books]

        def forget() -> None:
            for book, length in kept:
                del book[length:]
            heard.clear()

        heard: list[Any] = []
        stack.callback(forget)
        stack.enter_context(_unreported(item.config))
        stack.enter_context(_unlogged(item.config))
        stack.enter_context(_unprinted(item.config))
        heard = stack.enter_context(warnings.catch_warnings(record=True))
        yield forget


def _xml_properties(config: pytest.Config) -> Generator[list[Any]]:
    for _, plugin in config.pluginmanager.list_name_plugin():
        properties = getattr(plugin, "global_properties", None)
        if isinstance(properties, list):
            yield properties


@contextmanager
def _unreported(config: pytest.Config) -> Generator[None]:
    """Let nobody hear of a report: subtests log theirs while the test runs."""
    implementations: Any = getattr(config.hook.pytest_runtest_logreport, "_hookimpls", None)
    if not isinstance(implementations, list):
        yield
        return
    kept: list[Any] = [*implementations]
    implementations.clear()
    show, config.option.setupshow = config.option.setupshow, False
    try:
        yield
    finally:
        implementations[:] = kept
        config.option.setupshow = show


@contextmanager
def _unlogged(config: pytest.Config) -> Generator[None]:
    """Keep the live log and the log file as they are."""
    plugin = config.pluginmanager.getplugin("logging-plugin")
    handlers = [getattr(plugin, name, None) for name in ("log_cli_handler", "log_file_handler")]
    mute = logging.Filter()
    mute.filter = lambda record: False  # type: ignore[method-assign]
    known = [handler for handler in handlers if isinstance(handler, logging.Handler)]
    for handler in known:
        handler.addFilter(mute)
    try:
        yield
    finally:
        for handler in known:
            handler.removeFilter(mute)


@contextmanager
def _unprinted(config: pytest.Config) -> Generator[None]:
    """Send output to nowhere where pytest does not capture it at the level of descriptors anyway."""
    if config.getoption("capture", "fd") == "fd":
        yield
        return
    streams = [stream for stream in (sys.stdout, sys.stderr) if stream is not None]
    with ledger.at_work(None):
        null = os.open(os.devnull, os.O_WRONLY)
        kept = [(number, os.dup(number)) for number in (1, 2)]
    try:
        for stream in streams:
            stream.flush()
        for number, _ in kept:
            os.dup2(null, number)
        yield
    finally:
        for stream in streams:
            stream.flush()
        for number, twin in kept:
            os.dup2(twin, number)
            os.close(twin)
        os.close(null)
