"""The demo's own pytest: run for real in a process of its own, streamed to the screen, its results read from files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast
from xml.etree import ElementTree

from ..errors import NoLeaksError
from .progress import Screen, plain

RESULT = re.compile(r"^\S+::\S+ (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)")


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
    """What a run gave: node id -> "passed", "failed", "error" or "skipped", and the leaks of the JSON report."""

    outcomes: dict[str, str]
    leaks: tuple[LeakEntry, ...]


class BrokenRun(NoLeaksError):
    """The demo's own pytest broke, so that nothing is proven; what it printed stands above."""

    def __init__(self, status: int, what: str) -> None:
        self.status = status
        super().__init__(
            f"the demo's pytest {what} (its exit status was {status}). Its words stand above; "
            "see whether `no-leaks doctor` runs, and whether pytest works here without --no-leaks."
        )


def run(folder: Path, files: Sequence[str], scratch: Path, screen: Screen, *, tests: int) -> Results:
    """Run pytest on files of a project; everything that it or the tests write goes to `scratch`."""
    report, junit = scratch / "report.json", scratch / "junit.xml"
    command = [
        *(sys.executable, "-m", "pytest", "-v", "-c", "pytest.ini", "-p", "no_leaks", "--no-leaks"),
        *(f"--no-leaks-report=json:{report}", f"--junitxml={junit}", "-o", "junit_family=xunit1"),
        *("-p", "no:cacheprovider", "-o", "console_output_style=classic", f"--basetemp={scratch / 'tests'}"),
        f"--color={'yes' if screen.lively else 'no'}",
        *files,
    ]
    screen.line(screen.paint("$ pytest --no-leaks " + " ".join(files), "bold"))
    status = _stream(command, folder, _environment(scratch, screen), screen, tests)
    if status not in (0, 1):
        raise BrokenRun(status, "did not run the tests")
    try:
        return Results(_outcomes(junit.read_text(encoding="utf-8")), _leaks(report.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, ElementTree.ParseError) as error:
        raise BrokenRun(status, f"left no report that can be read: {error}") from error


def _environment(scratch: Path, screen: Screen) -> dict[str, str]:
    """Return this process's environment without what steers the user's own pytest runs."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "PYTHONWARNINGS", "PYTHONTRACEMALLOC", "COV_CORE_"))
    }
    # Other plugins that happen to be installed would change what is shown, and some what is measured.
    ours.update(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", PYTHONUNBUFFERED="1", PYTHONIOENCODING="utf-8")
    ours.update(COLUMNS=str(screen.width), TMPDIR=str(scratch), TEMP=str(scratch), TMP=str(scratch))
    return ours


def _stream(command: list[str], folder: Path, environment: dict[str, str], screen: Screen, tests: int) -> int:
    done = 0
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
        screen.bar(0, tests, "tests")
        for line in pytest.stdout:
            screen.line(line.rstrip("\n"))
            if RESULT.match(plain(line)):
                done += 1
                screen.bar(done, tests, "tests")
        screen.end_bar()
    return pytest.returncode


def _outcomes(junit: str) -> dict[str, str]:
    """Return node id -> outcome; a test with two entries (it failed, and so did its teardown) keeps the worse."""
    outcomes: dict[str, str] = {}
    for case in ElementTree.fromstring(junit).iter("testcase"):
        node = case.attrib["classname"].replace(".", "/") + ".py::" + case.attrib["name"]
        worst = _worst(child.tag for child in case)
        outcomes[node] = worst if outcomes.get(node, "passed") == "passed" else outcomes[node]
    return outcomes


def _worst(tags: Iterable[str]) -> str:
    present = set(tags)
    for tag, outcome in (("error", "error"), ("failure", "failed"), ("skipped", "skipped")):
        if tag in present:
            return outcome
    return "passed"


def _leaks(report: str) -> tuple[LeakEntry, ...]:
    content = cast("dict[str, list[LeakEntry]]", json.loads(report))
    return tuple(content["leaks"])
