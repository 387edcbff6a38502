"""The demo's own pytest: run for real in a process of its own, streamed to the screen, its results read from files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast

from ..errors import NoLeaksError
from .progress import Screen, plain

RESULT = re.compile(r"^(\S+::\S+) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b")
"""A line of `pytest -v`."""


class FrameEntry(TypedDict):
    """One frame of the JSON report (design: "The report in JSON")."""

    file: str
    line: int
    function: str
    in_app: bool


class LeakEntry(TypedDict):
    """One leak of the JSON report, as far as the demo reads it."""

    kind: str
    verdict: str
    test: str | None
    summary: str
    created_at: list[FrameEntry]
    also_in: list[str]


@dataclass(frozen=True, slots=True)
class Results:
    """What a run gave: node id -> "passed", "failed", "error" …, and the leaks of the JSON report."""

    outcomes: dict[str, str]
    leaks: tuple[LeakEntry, ...]


class BrokenRun(NoLeaksError):
    """The demo's own pytest, or its program, broke, so that nothing is proven; what it printed stands above."""

    def __init__(self, status: int, what: str, program: str = "pytest") -> None:
        self.status = status
        super().__init__(
            f"the demo's {program} {what} (its exit status was {status}). Its words stand above; "
            "see whether `no-leaks doctor` runs, and whether pytest works here without --no-leaks."
        )


def run(folder: Path, files: Sequence[str], scratch: Path, screen: Screen, *, tests: int) -> Results:
    """Run pytest on files of a project; everything that it or the tests write goes to `scratch`."""
    report = scratch / "report.json"
    command = [
        *(sys.executable, "-m", "pytest", "-v", "-c", "pytest.ini", "-p", "no_leaks", "--no-leaks"),
        *(f"--no-leaks-report=json:{report}", "-p", "no:cacheprovider", "-o", "console_output_style=classic"),
        f"--color={'yes' if screen.lively else 'no'}",
        *files,
    ]
    status, outcomes = _stream(command, folder, _environment(scratch, screen), screen, tests)
    if status not in (0, 1):
        raise BrokenRun(status, "did not run the tests")
    try:
        return Results(outcomes, _leaks(report.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError) as error:
        raise BrokenRun(status, f"left no report that can be read: {error}") from error


def run_script(folder: Path, script: str, scratch: Path, screen: Screen) -> bool:
    """Run a program of the project that checks what it claims; return whether all of it holds."""
    status, _ = _stream([sys.executable, script], folder, _environment(scratch, screen), screen, 0)
    if status not in (0, 1):
        raise BrokenRun(status, "did not come to its end", script)
    return status == 0


def _environment(scratch: Path, screen: Screen) -> dict[str, str]:
    """Return this process's environment without what steers the user's own pytest runs."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "PYTHONWARNINGS", "PYTHONTRACEMALLOC", "COV_CORE_"))
    }
    # Other plugins that happen to be installed would change what is shown, and some what is measured.
    ours.update(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", PYTHONUNBUFFERED="1", PYTHONIOENCODING="utf-8")
    ours["PYTHONDONTWRITEBYTECODE"] = "1"  # a kept project holds what was written, and nothing else
    ours.update(COLUMNS=str(screen.width), TMPDIR=str(scratch), TEMP=str(scratch), TMP=str(scratch))
    return ours


def _stream(
    command: list[str], folder: Path, environment: dict[str, str], screen: Screen, tests: int
) -> tuple[int, dict[str, str]]:
    outcomes: dict[str, str] = {}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as pytest:
        assert pytest.stdout is not None  # by stdout=PIPE
        if tests:
            screen.bar(0, tests, "tests")
        for line in pytest.stdout:
            screen.line(line.rstrip("\n"))
            result = RESULT.match(plain(line))
            if result:
                # The teardown's line comes after the test's own: the last word is the worse one.
                outcomes[result[1]] = result[2].lower()
                screen.bar(len(outcomes), tests, "tests")
        screen.end_bar()
    return pytest.returncode, outcomes


def _leaks(report: str) -> tuple[LeakEntry, ...]:
    content = cast("dict[str, list[LeakEntry]]", json.loads(report))
    return tuple(content["leaks"])
