"""The doctor's examination: a leak of each kind is planted, looked for, let go and looked for again."""

from __future__ import annotations

import importlib
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from .. import canary, faults, speedups
from ..model import Kind
from ..sensors import warnings_, window
from ..session import Session

PACKAGES = ("pytest-no-leaks", "pytest", "psutil", "pytest-asyncio", "anyio", "trio", "uvloop")

UNFROZEN = "memory is counted in blocks, and then all objects"
"""What follows where nothing can be frozen: young objects are not told from old ones."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind: whether its probe works, None where that was not tried; the words say what was planted or why not."""

    kind: Kind
    is_available: bool
    sees: bool | None
    forgets: bool | None
    words: str

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong: it works, or it says that it cannot or has nothing to plant."""
        return self.sees is not False and self.forgets is not False


@dataclass(frozen=True, slots=True)
class Checkup:
    """All findings, and the faults of our own that came to light: part -> what happened."""

    findings: tuple[Finding, ...]
    faults: Mapping[str, str]

    @property
    def is_good(self) -> bool:
        """Whether every available probe saw and forgot its plant, and nothing failed."""
        return not self.faults and all(finding.is_good for finding in self.findings)


def prove(kinds: Iterable[Kind]) -> Checkup:
    """Plant a leak of each of these kinds, in their order, in a session of its own."""
    wanted = tuple(kinds)
    importlib.import_module("asyncio")  # the canary plants a task only where asyncio is loaded; here it is to be shown
    session = Session(wanted)
    session.start()
    window.install()
    try:
        results = canary.check(session.panel, wanted)
    finally:
        window.remove()
        warnings_.unlisten()
        session.stop()
    unavailable = session.panel.unavailable
    return Checkup(tuple(_finding(kind, results.get(kind), unavailable.get(kind)) for kind in wanted), faults.noted())


def environment() -> dict[str, str]:
    """Return what the findings depend on: platform, interpreter, and the versions of what is installed."""
    facts = {
        "platform": platform.platform(),
        "interpreter": f"{platform.python_implementation()} {platform.python_version()}",
        "executable": sys.executable,
        "compiled half": speedups.load()[1] or "in use",
        "gc.freeze()": f"not used: {why}; {UNFROZEN}" if (why := window.reason()) else "in use",
    }
    for package in PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = "not installed"
    return facts


def _finding(kind: Kind, result: canary.Result | None, reason: str | None) -> Finding:
    if result is not None:
        return Finding(kind, True, result.seen, result.forgotten, result.detail)
    if reason is not None:
        return Finding(kind, False, None, None, reason)
    return Finding(kind, True, None, None, "nothing is planted for this kind")
