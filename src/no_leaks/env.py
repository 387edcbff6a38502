"""Facts of platform and interpreter, read once, so that no other file asks the system what it is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

LINUX = sys.platform.startswith("linux")
MACOS = sys.platform == "darwin"
CPYTHON = sys.implementation.name == "cpython"
PY311 = sys.version_info >= (3, 11)
PY312 = sys.version_info >= (3, 12)
PY314 = sys.version_info >= (3, 14)

FD_FOLDER: str | None = "/proc/self/fd" if LINUX else "/dev/fd" if MACOS else None
"""The folder that lists this process's descriptors; None where there is none (Windows)."""

HERE = str(Path(__file__).resolve().parent) + os.sep
"""The folder of this package: its own frames are never shown."""

STDLIB: tuple[str, ...] = (os.path.dirname(os.__file__) + os.sep,)
LIBRARY: tuple[str, ...] = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)

CLOCK_TICKS: int = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
"""Ticks per second of the start times in `/proc`."""


def reap(pid: int) -> None:
    """Wait for a child by the system's own call: what gevent puts for it may wait for ever for one that has ended."""
    system = sys.modules.get("posix", os)
    system.waitpid(pid, 0)
