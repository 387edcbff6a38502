"""Temporary files and folders: what a scope made below the temporary folder and left there."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing.util import get_temp_dir  # type: ignore[attr-defined] # the stub lacks it
from pathlib import Path

import pytest
from support import ON_PURPOSE, Watch, allowance, another_ledger, here, site_of

from no_leaks import judge, origin, rules
from no_leaks.ledger import Ledger, Record
from no_leaks.model import Owner, Verdict
from no_leaks.probes import temp
from no_leaks.probes.temp import TempProbe

Make = Callable[..., Watch]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder of the test's own, that pytest's rule about its own folders does not excuse."""
    with tempfile.TemporaryDirectory(prefix="no-leaks-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_a_temporary_file_is_seen_where_it_was_made(watch: Make, home: Path) -> None:
    """Path, size and the test's own line."""
    watching = watch("temp")
    (fd, path), line = tempfile.mkstemp(), here()
    os.write(fd, b"12345")
    os.close(fd)
    sighting = watching.only()
    assert (sighting.resource.type, sighting.resource.id) == ("temporary file", path)
    assert sighting.resource.detail == "5 bytes"
    assert site_of(sighting, __file__) == line


def test_a_temporary_folder_is_seen_as_one(watch: Make, home: Path) -> None:
    """What lies in it is counted, not listed: the outermost is the leak."""
    watching = watch("temp")
    folder, line = tempfile.mkdtemp(), here()
    os.mkdir(os.path.join(folder, "inner"))
    Path(folder, "inner", "deep.txt").write_text("x")
    sighting = watching.only()
    assert (sighting.resource.type, sighting.resource.detail) == ("temporary folder", "1 entry")
    assert "TemporaryDirectory" in sighting.fix
    assert site_of(sighting, __file__) == line


@pytest.mark.parametrize("make", ["open", "mkdir"])
def test_what_is_made_below_the_temporary_folder_counts(watch: Make, home: Path, make: str) -> None:
    """Not only `tempfile` makes temporary things."""
    watching = watch("temp")
    path = home / "mine"
    if make == "open":
        path.write_text("x")
    else:
        path.mkdir()
    assert watching.only().resource.id == str(path)


def test_what_was_there_before_is_not_the_scopes(watch: Make, home: Path) -> None:
    """A file that is opened for writing again was somebody else's already."""
    (home / "old").write_text("x")
    watching = watch("temp")
    (home / "old").write_text("y")
    assert watching.scope.is_clean()


def test_what_is_removed_is_forgotten(watch: Make, home: Path) -> None:
    """Made and removed leaves no difference."""
    watching = watch("temp")
    shutil.rmtree(tempfile.mkdtemp())
    assert watching.scope.is_clean()


def test_an_allowed_path_is_no_leak(watch: Make, home: Path) -> None:
    """An allowance of the kind turns the verdict."""
    watching = watch("temp")
    tempfile.mkdtemp()
    assert judge.verdict(watching.only(), allowance("temp")) == (Verdict.ALLOWED, ON_PURPOSE)


def test_a_broken_probe_leaves_the_kind_unavailable(watch: Make, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a platform lacks stops this probe; what stops it is named."""

    def refuse(path: str) -> bool:
        raise PermissionError("may not look")

    watching = watch("temp")
    tempfile.mkdtemp()
    with monkeypatch.context() as patch:
        patch.setattr(temp.os.path, "lexists", refuse)
        assert watching.born() == []
    assert watching.session.panel.unavailable == {"temp": "switched off after may not look"}


def test_a_path_of_another_ledger_is_not_this_scopes(watch: Make, home: Path) -> None:
    """Only the scope's own births are looked at."""
    watching = watch("temp")
    with another_ledger():
        tempfile.mkdtemp()
    assert watching.scope.is_clean()


def test_a_vanished_path_is_described_as_none(watch: Make, home: Path) -> None:
    """Removed between the look and the description."""
    watching = watch("temp")
    folder = tempfile.mkdtemp()
    spot = watching.spot()
    os.rmdir(folder)
    assert watching.session.panel.describe(*spot, watching.ledger) is None


def test_what_is_left_stays_as_evidence(watch: Make, home: Path) -> None:
    """Nothing is deleted in the user's name."""
    watching = watch("temp")
    folder = tempfile.mkdtemp()
    assert watching.release() == ""
    assert watching.thing() is None
    assert os.path.isdir(folder)


def test_an_open_named_file_removes_itself(watch: Make, home: Path) -> None:
    """The open file is the leak, of another kind: closing it removes the path."""
    watching = watch("temp")
    with tempfile.NamedTemporaryFile():
        assert watching.left() == ()


def test_a_named_file_that_was_told_to_stay_is_left(watch: Make, home: Path) -> None:
    """`delete=False` and closed: nobody removes it."""
    watching = watch("temp")
    with tempfile.NamedTemporaryFile(delete=False) as file:
        pass
    assert watching.only().resource.id == file.name


def test_pytests_own_folders_are_excused(watch: Make, tmp_path: Path) -> None:
    """pytest removes them by its own policy."""
    watching = watch("temp")
    tempfile.mkdtemp(dir=tmp_path)
    assert watching.scope.is_clean()


def test_a_home_of_the_runner_is_excused(watch: Make, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--basetemp` can lie anywhere."""
    monkeypatch.setattr(rules, "_homes", set())
    rules.add_home(str(home / "base"))
    (home / "base").mkdir()
    watching = watch("temp")
    tempfile.mkdtemp(dir=home / "base")
    assert watching.scope.is_clean()


def test_a_folder_named_relatively_is_found(watch: Make, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`mkdtemp(dir=".")` gives the audit event a relative path up to 3.11."""
    monkeypatch.chdir(home)
    watching = watch("temp")
    folder = tempfile.mkdtemp(dir=".")
    assert watching.only().resource.id == os.path.abspath(folder)


@pytest.mark.parametrize(
    ("event", "facts", "why"),
    [
        ("open", (3, None, os.O_CREAT, False), "a number is no path"),
        ("open", ("/tmp/a", "w", os.O_CREAT, True), "it was there before"),
        ("open", ("/tmp/a", "r", os.O_RDONLY, False), "reading makes nothing"),
        ("open", ("/tmp/a", "w", None, False), "unknown flags make nothing"),
        ("open", ("a", "w", os.O_CREAT, False), "it is relative to a folder that may have changed"),
        ("os.mkdir", ("/srv/a", 0o777, -1), "it is not below the temporary folder"),
        ("os.mkdir", ("/tmp/__pycache__", 0o777, -1), "bytecode is the interpreter's"),
    ],
)
def test_what_made_no_temporary_path_is_none(
    event: str, facts: tuple[object, ...], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of these records is something else."""
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    assert temp.made_by(Record(event, facts, ())) is None


def test_before_anybody_asked_for_it_there_is_no_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module's own cache is read, so that the probe never makes the first question itself."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert temp.made_by(Record("os.mkdir", ("/tmp/a", 0o777, -1), ())) is None


def test_a_path_in_bytes_is_decoded(home: Path) -> None:
    """`mkdtemp(dir=b"...")` speaks bytes."""
    record = Record("tempfile.mkdtemp", (os.fsencode(home / "x"),), ())
    assert temp.made_by(record) == str(home / "x")


def test_a_path_without_a_birth_is_described_without_a_site(home: Path, no_outer_session: None) -> None:
    """Its record may have been pruned."""
    (home / "x").mkdir()
    sighting = TempProbe().describe((str(home / "x"),), Ledger(Owner("function")))
    assert sighting is not None
    assert (sighting.stack, sighting.age_s) == ((), None)


def test_a_folder_that_may_not_be_listed_has_no_size(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A permission error is no reason to lose the finding."""

    def refuse(path: str) -> list[str]:
        raise PermissionError("may not list")

    folder = home / "x"
    folder.mkdir()
    monkeypatch.setattr(temp.os, "listdir", refuse)
    sighting = TempProbe().describe((str(folder),), Ledger(Owner("function")))
    assert sighting is not None
    assert sighting.resource.detail == ""


def test_without_links_a_named_file_is_taken_as_left(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Where the system shows no links, nobody can say that it is open."""
    with tempfile.NamedTemporaryFile() as file:
        code = tempfile.NamedTemporaryFile.__code__  # type: ignore[attr-defined]  # a function, whatever its stub says
        book = Ledger(Owner("function"))
        book.records.append(Record("open", (file.name, "w", os.O_CREAT, False), ((code, 0),)))
        assert TempProbe().describe((file.name,), book) is None
        monkeypatch.setattr(temp.env, "LINUX", False)
        assert TempProbe().describe((file.name,), book) is not None


def test_a_project_below_the_temporary_folder_keeps_what_it_makes(watch: Make, home: Path) -> None:
    """A cache in its folder is no temporary file; what `tempfile` makes is one wherever it lies."""
    project = home / "project"
    project.mkdir()
    watching = watch("temp")
    origin.set_root(str(project))
    (project / ".cache").mkdir()
    (home / "beside").mkdir()
    made = tempfile.mkdtemp(dir=project)
    assert {one.sighting.resource.id for one in watching.left()} == {str(home / "beside"), made}


def test_the_folder_of_multiprocessing_is_no_leak(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made on first use and removed at exit; another folder made beside it is told."""
    watching = watch("temp")
    theirs, own = tempfile.mkdtemp(prefix="pymp-"), tempfile.mkdtemp()
    monkeypatch.setitem(multiprocessing.current_process()._config, "tempdir", theirs)  # type: ignore[attr-defined]
    assert get_temp_dir() == theirs
    found = watching.left()
    for folder in (theirs, own):
        os.rmdir(folder)
    assert [one.sighting.resource.id for one in found] == [own]
