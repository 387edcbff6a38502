"""The first step: fetch a project's tests, and build an environment in which they run with and without the plugin."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PYTEST = "pytest==9.2.0"


@dataclass(frozen=True)
class Project:
    """One line of projects.toml; `checkout` is a folder to be used in place of the source distribution."""

    name: str
    version: str
    about: str
    args: tuple[str, ...]
    requirements: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    checkout: Path | None = None

    @property
    def wanted(self) -> tuple[str, ...]:
        """What pip is to install; a checkout is tested as it stands."""
        this = str(self.checkout) if self.checkout else f"{self.name}=={self.version}"
        return (this, PYTEST, *self.requirements)


@dataclass(frozen=True)
class Place:
    """Where a project is ready to run: its tests, and the interpreter that has all they need."""

    home: Path

    @property
    def source(self) -> Path:
        """The folder that pytest is started in."""
        return self.home / "src"

    @property
    def python(self) -> Path:
        """The interpreter of the project's own environment."""
        return self.home / "venv" / "bin" / "python"


def read_toml(path: Path) -> dict[str, Any]:
    """Read a table of this folder."""
    try:
        reader = importlib.import_module("tomllib")
    except ModuleNotFoundError:  # until 3.10 is dropped: pytest brings tomli there
        reader = importlib.import_module("tomli")
    return dict(reader.loads(path.read_text(encoding="utf-8")))


def read(checkouts: dict[str, Path]) -> dict[str, Project]:
    """Return the projects by name, in the order of the table."""
    return {
        name: Project(
            name,
            row["version"],
            row["about"],
            tuple(row["args"]),
            tuple(row.get("requirements", ())),
            tuple(row.get("drop", ())),
            checkouts.get(name),
        )
        for name, row in read_toml(HERE / "projects.toml").items()
    }


def prepare(project: Project, cache: Path) -> Place:
    """Fetch and install a project, unless the cache has it as the table asks for it."""
    place = Place(cache / project.name)
    stamp, asked = place.home / "ready", "\n".join((sys.version, *project.wanted))
    if stamp.exists() and stamp.read_text(encoding="utf-8") == asked and project.checkout is None:
        return place
    shutil.rmtree(place.home, ignore_errors=True)
    place.home.mkdir(parents=True)
    if project.checkout:
        shutil.copytree(project.checkout, place.source, ignore=shutil.ignore_patterns(".git", ".venv", ".tox", ".nox"))
    else:
        download(project, place)
    say(sys.executable, "-m", "venv", place.home / "venv")
    pip(place, *project.wanted)
    for name in project.drop:
        shutil.rmtree(place.source / name)
    stamp.write_text(asked, encoding="utf-8")
    return place


def download(project: Project, place: Place) -> None:
    """Unpack the source distribution; a wheel would hold no tests."""
    wanted = ("--no-deps", "--no-binary", project.name, f"{project.name}=={project.version}")
    say(sys.executable, "-m", "pip", "download", "-qq", *wanted, "-d", place.home)
    (archive,) = place.home.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(place.home, filter="data")
    (unpacked,) = (path for path in place.home.iterdir() if path.is_dir())
    unpacked.rename(place.source)


def build_plugin(tree: Path, cache: Path) -> Path:
    """Build the wheel of a source tree, as it stands now."""
    wheels = cache / "wheel"
    shutil.rmtree(wheels, ignore_errors=True)
    say(sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "-w", wheels, tree)
    (wheel,) = wheels.glob("*.whl")
    return wheel


def install_plugin(place: Place, wheel: Path) -> None:
    """Install the plugin and what it needs; the version stays the same from day to day, so twice."""
    pip(place, str(wheel))
    pip(place, "--no-deps", "--force-reinstall", str(wheel))


def pip(place: Place, *wanted: str) -> None:
    """Install into the project's environment."""
    say(place.python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *wanted)


def say(*command: object) -> None:
    """Run a command and show it."""
    words = [str(word) for word in command]
    print("+", *words, file=sys.stderr, flush=True)
    subprocess.run(words, check=True)
