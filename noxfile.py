"""Every check of this repository, each in an environment of its own: `python -m nox` runs them all."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nox
from nox.command import CommandFailed

ROOT = Path(__file__).parent
PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
RESULTS = ROOT / ".nox" / "results"

nox.needs_version = ">=2026.8.10"
nox.options.default_venv_backend = "virtualenv"
nox.options.sessions = ["lint", "types", "tests", "coverage", "demo"]
nox.options.allow_parallel = True
# nox would otherwise turn this on where $CI is set; a machine need not have every Python. It says what it skips.
nox.options.error_on_missing_interpreters = False


def find_pyenv_pythons() -> None:
    """Put what pyenv has built on PATH: its shims answer only for the versions that are switched on."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    if not (root / "versions").is_dir() and (pyenv := shutil.which("pyenv")):
        root = Path(pyenv).resolve().parent.parent
    found = (folder for version in PYTHONS for folder in sorted(root.glob(f"versions/{version}.*/bin")))
    os.environ["PATH"] = os.pathsep.join([*map(str, found), os.environ.get("PATH", os.defpath)])


def answers(version: str) -> bool:
    """Whether this Python can be started; a pyenv shim that is switched off is there and cannot."""
    try:
        return subprocess.run([f"python{version}", "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


find_pyenv_pythons()
# Measuring doubles the time of the tests, and but for a few lines the newest Python runs what all of them run.
FOUND = [version for version in PYTHONS if answers(version)]
MEASURED = FOUND[-1:]
# What walks the heap again and again takes five times as long beside the items of all the other tests.
PARTS = {"": ("--ignore=tests/memory",), "-memory": ("tests/memory",)}


def bound(name: str) -> str:
    """Return the requirement of a tool as pyproject.toml states it, so that a bound stands in one place."""
    extras: dict[str, list[str]] = nox.project.load_toml("pyproject.toml")["project"]["optional-dependencies"]
    return next(line for extra in ("dev", "test") for line in extras[extra] if line.startswith(name))


def data_file(name: str) -> str:
    """Return where a session keeps its coverage data; parallel sessions must not share one."""
    return str(RESULTS / f"coverage.{name}")


@nox.session(python=[*MEASURED, *(version for version in PYTHONS if version not in MEASURED)])  # the longest first
def tests(session: nox.Session) -> None:
    """Run the tests against the installed package; on the newest Python, measuring it."""
    session.install(".[test]")
    RESULTS.mkdir(parents=True, exist_ok=True)
    for old in (*RESULTS.glob(f"*{session.name}.*"), *RESULTS.glob(f"{session.name}-*")):
        old.unlink()
    measuring = ("coverage", "run") if session.python in MEASURED else ("python",)
    failed: CommandFailed | None = None
    for part, chosen in {"": session.posargs}.items() if session.posargs else PARTS.items():
        try:
            session.run(
                # One order for every interpreter, and the same again tomorrow; `pytest` by hand shuffles anew each time.
                *(*measuring, "-m", "pytest", "-q", "--randomly-seed=20261123"),
                *(f"--junitxml={RESULTS / session.name}{part}.xml", *chosen),
                # A machine that keeps no bytecode has each pytest that a test starts rewrite its plugins' asserts again.
                env={"COVERAGE_FILE": data_file(session.name), "PYTHONDONTWRITEBYTECODE": ""},
            )
        except CommandFailed as error:
            failed = error
    if failed is not None:
        raise failed


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and layout."""
    session.install(bound("ruff"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types with both checkers, strictly."""
    session.install(".[dev]")
    session.run("mypy")
    session.run("pyright")


@nox.session(requires=[f"tests-{version}" for version in MEASURED])
def coverage(session: nox.Session) -> None:
    """Add up what the newest Python ran, in all its processes."""
    session.install(bound("coverage"))
    session.env["COVERAGE_FILE"] = data_file("all")
    session.run("coverage", "combine", "--keep", *map(str, RESULTS.glob("coverage.tests-*")))
    session.run("coverage", "report", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """Run the first command of the README as its reader does."""
    session.install(".")
    session.run("no-leaks", "demo")


@nox.session(default=False, python=PYTHONS[0])  # uvloop 0.20 and gevent 24.2 have no wheels for 3.13
def oldest(session: nox.Session) -> None:
    """Run the tests with the oldest dependencies that pyproject.toml allows, on the oldest Python.

    pytest 8.2: pytest-asyncio asks for it. anyio 3.7 does not run on trio 0.24 or later: what needs both is skipped.
    """
    session.install(
        *(".[test]", "pytest==8.2.*", "psutil==7.2.*", "pympler==1.1.*", "objgraph==3.6.*", "anyio==3.7.*"),
        *("pytest-asyncio==0.24.*", "pytest-randomly==3.15.*", "pytest-xdist==3.6.*", "hypothesis==6.100.*"),
        *("trio==0.26.*", "uvloop==0.20.*", "gevent==24.2.*", "flaky==3.8.*", "pytest-rerunfailures==14.*"),
        *("pytest-timeout==2.3.*", "pytest-repeat==0.9.3", "pytest-cov==6.0.*", "pytest-trio==0.8.*"),
        *("pytest-run-parallel==0.4.*",),
    )
    session.run("pytest", "-q", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure the overhead, in pairs; arguments after `--` go to benchmarks/overhead.py."""
    session.install(".[test]")
    session.run("python", "benchmarks/overhead.py", *session.posargs)


@nox.session(default=False)
def open_suites(session: nox.Session) -> None:
    """Run public projects' tests with and without the plugin; arguments after `--` go to benchmarks/open_suites."""
    session.run("python", "benchmarks/open_suites", *session.posargs)
