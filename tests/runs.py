"""What the tests of the plugin share: pytest run inside a test with the real plugin, and what came out of it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import io
import itertools
import json
import pkgutil
import socket
import sys
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import no_leaks
from no_leaks.names import KINDS
from no_leaks.plugin import options, runtime  # noqa: F401 - see below
from no_leaks.probes.panel import Panel
from no_leaks.sensors import warnings_, window
from no_leaks.sensors.panel import Sensors

# pytester forgets what an inner run imports: what is here already need not be imported and rewritten for each of them.
for _module in pkgutil.walk_packages(no_leaks.__path__, "no_leaks."):
    if _module.name not in ("no_leaks.__main__", "no_leaks._speedups"):
        with contextlib.suppress(ImportError):  # of what is not installed here
            importlib.import_module(_module.name)
Panel(KINDS)
Sensors(KINDS)

HEAD = """
import asyncio, gc, os, pytest, socket, subprocess, sys, tempfile, threading, unittest, warnings

KEPT = []

def leak():
    KEPT.append(open(LEAKED, "a"))
"""
"""Stands at the head of each inner test file; `leak()` leaves an open file."""
LEAKED_AT = "test_a.py:6"

_EDITABLE = ("-W", "ignore:Module already imported so cannot be rewritten:pytest.PytestAssertRewriteWarning")
"""Until pytest 9.2 an editable install is not known to be a plugin's, and a run inside a run finds it imported already."""

_numbers = itertools.count()


@dataclass(frozen=True)
class Outcome:
    """What an inner run of pytest said and wrote."""

    result: pytest.RunResult
    folder: Path

    @property
    def out(self) -> str:
        """What it printed."""
        return self.result.stdout.str()

    @property
    def counts(self) -> dict[str, int]:
        """What pytest counted, without warnings."""
        return {
            name: count for name, count in self.result.parseoutcomes().items() if name not in ("warning", "warnings")
        }

    @property
    def document(self) -> dict[str, Any]:
        """What it wrote as JSON."""
        document: dict[str, Any] = json.loads((self.folder / "leaks.json").read_text())
        return document

    @property
    def leaks(self) -> list[tuple[str, str]]:
        """Name of the test and kind of each leak that it wrote, in order."""
        return [((leak["test"] or "").rpartition("::")[2], leak["kind"]) for leak in self.document["leaks"]]

    @property
    def cases(self) -> dict[str, list[str]]:
        """Name of each test in the JUnit XML, and what hangs below it: failure, error, skipped."""
        tree = ET.parse(self.folder / "junit.xml")
        tags = ("failure", "error", "skipped")
        return {
            case.get("name", ""): [child.tag for child in case if child.tag in tags] for case in tree.iter("testcase")
        }

    def lines(self, start: str) -> list[str]:
        """Return the printed lines that begin so."""
        return [line for line in self.out.splitlines() if line.startswith(start)]


@contextmanager
def only_young() -> Iterator[None]:
    """Let an inner run, which collects a dozen times, collect what it has made, and not the thousands of tests around it.

    The window of the outer run would show them all to whoever asks for a collection: it is put out of order meanwhile.
    """
    asked, shut = warnings_.asked, window.is_shut()
    warnings_.asked, window._frozen = None, False
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        warnings_.asked, window._frozen = asked, shut
        if shut:
            gc.freeze()


@contextmanager
def own_policy() -> Iterator[None]:
    """Put asyncio's policy back: anyio 3 sets uvloop's for good, and every later test would run on its loops."""
    before = asyncio.events._event_loop_policy  # type: ignore[attr-defined] # asking by its name would make one
    try:
        yield
    finally:
        left = asyncio.events._event_loop_policy  # type: ignore[attr-defined]
        if left is not before and left is not None:
            with contextlib.suppress(RuntimeError):  # it has no current loop
                left.get_event_loop().close()
            asyncio.events._event_loop_policy = before  # type: ignore[attr-defined]


class _Closing:
    """Closes what the inner tests kept, once all is reported: nothing of it is to come to light in another test."""

    def pytest_unconfigure(self) -> None:
        for thing in getattr(sys.modules.get("test_a"), "KEPT", ()):
            if isinstance(thing, (io.IOBase, socket.socket)):
                thing.close()


class Runs:
    """Runs pytest on one test file, in this process or in a child, with the installed plugin and no other."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
        monkeypatch.setenv("COLUMNS", "160")

    def __call__(
        self, source: str, *args: str, plugins: tuple[object, ...] = (), switch: str = "--no-leaks"
    ) -> Outcome:
        """Run in this process, without grace; the report goes to leaks.json, JUnit's to junit.xml."""
        with warnings.catch_warnings():
            warnings.resetwarnings()  # ours are errors
            warnings.simplefilter("ignore", ResourceWarning)
            with only_young(), own_policy():
                result = self.pytester.runpytest_inprocess(
                    *self.arguments(source, switch, *args), plugins=[*plugins, _Closing()]
                )
            gc.collect()  # what the inner tests kept is not to come to light in another test
        return Outcome(result, self.pytester.path)

    def child(self, source: str, *args: str, switch: str = "--no-leaks") -> Outcome:
        """Run in a process of its own."""
        return Outcome(self.pytester.runpytest_subprocess(*self.arguments(source, switch, *args)), self.pytester.path)

    def arguments(self, source: str, switch: str, *args: str) -> list[str]:
        """Write the test file and return the command line."""
        self.pytester.makepyfile(test_a=HEAD + source + f'\n\nLEAKED = "leaked{next(_numbers)}.txt"\n')
        written = ("--no-leaks-report=json:leaks.json", "--junitxml=junit.xml", "--no-leaks-grace=0")
        return ["-p", "no_leaks", *_EDITABLE, *([switch] if switch else []), *written, *args]
