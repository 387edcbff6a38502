"""The second step: run a project's tests, plain or checked, and keep what became of each as a value."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from projects import HERE, Place, Project

SEEN = ("HOME", "LANG", "LC_ALL", "LOGNAME", "SHELL", "TERM", "TZ", "USER")
"""What a suite sees of the environment: proxies, certificates and pytest's own variables would change what it tests."""


@dataclass(frozen=True)
class Run:
    """One run of a suite: outcome by test, seconds of clock and processor, and the plugin's own report."""

    checked: bool
    outcomes: dict[str, str]
    messages: dict[str, str]
    clock_s: float
    processor_s: float
    tests_s: float
    """The processor's time from the first test to the end of the last."""
    report: dict[str, Any]
    without: tuple[str, ...] = ()
    """The tests that were left out."""


def run(
    project: Project, place: Place, name: str, plugin: Iterable[str], without: Iterable[str], limit_s: float
) -> Run:
    """Run a suite once; `plugin` are the arguments that switch the plugin on, none for a plain run."""
    result, report, log = (place.home / f"{name}.{end}" for end in ("outcomes", "report", "log"))
    result.unlink(missing_ok=True)
    report.unlink(missing_ok=True)
    asked, left_out = tuple(plugin), tuple(sorted(without))
    switches = (*asked, f"--no-leaks-report=json:{report}") if asked else ("-p", "no:no_leaks")
    command = [
        place.python,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "open_suites_recorder",
        *project.args,
        *switches,
    ]
    # A short name: the path of a Unix socket has about a hundred characters.
    temporary = tempfile.mkdtemp(prefix="os-")
    environment = environment_for(place, temporary, result, left_out)
    before, start = children_s(), time.perf_counter()
    try:
        with log.open("wb") as output:
            wait(command, place.source, environment, output, limit_s)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    clock_s, processor_s = time.perf_counter() - start, children_s() - before
    if not result.exists() or (asked and not report.exists()):
        sys.exit(f"{project.name} did not come to its end: see {log}")
    told = json.loads(result.read_text(encoding="utf-8"))
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8")) if asked else {}
    return Run(bool(asked), told["outcomes"], told["messages"], clock_s, processor_s, told["tests_s"], found, left_out)


def wait(command: list[Any], folder: Path, environment: dict[str, str], output: Any, limit_s: float) -> None:
    """Run a command in a group of its own, and end with it whatever it has left running."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        process.wait(limit_s)
    except subprocess.TimeoutExpired:
        print(f"stopped after {limit_s:.0f} s: {folder}", file=sys.stderr)
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def environment_for(place: Place, temporary: str, result: Path, without: Iterable[str]) -> dict[str, str]:
    """Return the environment of a run: little of ours, the project's interpreter, and what the recorder reads."""
    return {
        **{name: os.environ[name] for name in SEEN if name in os.environ},
        "PATH": os.pathsep.join([str(place.python.parent), os.environ.get("PATH", os.defpath)]),
        "VIRTUAL_ENV": str(place.python.parent.parent),
        "TMPDIR": temporary,
        "PYTHONPATH": str(HERE / "recorder"),
        "OPEN_SUITES_RESULT": str(result),
        "OPEN_SUITES_WITHOUT": json.dumps(list(without)),
    }


def children_s() -> float:
    """Return the processor's time of all children that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def pairs(project: Project, place: Place, plugin: tuple[str, ...], rounds: int, limit_s: float) -> Iterator[Run]:
    """Yield a plain and a checked run of the whole suite, then `rounds` pairs of what nobody accused, the order turned each time."""
    print(f"{project.name}: plain", file=sys.stderr, flush=True)
    yield run(project, place, "plain", (), (), limit_s)
    print(f"{project.name}: checked", file=sys.stderr, flush=True)
    full = run(project, place, "checked", plugin, (), limit_s)
    yield full
    guilty = {leak["test"] for leak in full.report["leaks"]} - {None}
    guilty |= {test for test, outcome in full.outcomes.items() if "leaked" in outcome}
    for number in range(rounds):
        print(f"{project.name}: pair {number + 1} of {rounds}", file=sys.stderr, flush=True)
        both = (("plain", ()), ("checked", plugin))
        for name, switches in reversed(both) if number % 2 else both:
            yield run(project, place, f"{name}-{number + 1}", switches, guilty, limit_s)


def keep(place: Place, runs: list[Run]) -> None:
    """Write the runs beside the project, so that the page can be made again without them."""
    (place.home / "runs.json").write_text(json.dumps([asdict(one) for one in runs]), encoding="utf-8")


def kept(cache: Path, name: str) -> list[Run]:
    """Return the runs that were kept, none if there are none."""
    path = cache / name / "runs.json"
    if not path.exists():
        return []
    return [Run(**one) for one in json.loads(path.read_text(encoding="utf-8"))]
