"""Files: the path, the way it is open and the remedy that fits how it was opened."""

from __future__ import annotations

import mmap
import os
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support import ON_PURPOSE, Watch, allowance, another_ledger, here, site_of

from no_leaks import judge
from no_leaks.model import Verdict
from no_leaks.probes import files
from no_leaks.probes.panel import Panel

Make = Callable[..., Watch]


@pytest.mark.parametrize(
    ("mode", "words"), [("rb", "reading"), ("wb", "writing"), ("r+b", "reading and writing")], ids=["r", "w", "rw"]
)
def test_a_file_is_seen_with_its_path_and_mode(watch: Make, tmp_path: Path, mode: str, words: str) -> None:
    """Path and access are what a reader looks for first."""
    path = tmp_path / "notes.txt"
    path.touch()
    watching = watch("files")
    with open(path, mode):
        resource = watching.only().resource
    assert (resource.type, resource.detail) == ("file", f"{path}, open for {words}")


def test_a_closed_file_is_forgotten(watch: Make, tmp_path: Path) -> None:
    """Opened and closed leaves no difference."""
    watching = watch("files")
    (tmp_path / "notes.txt").write_text("x")
    assert watching.scope.is_clean()


def test_a_file_is_allowed_by_its_path(watch: Make, tmp_path: Path) -> None:
    """`match=` is searched in the description, which holds the path."""
    watching = watch("files")
    with open(tmp_path / "kept.log", "w"):
        sighting = watching.only()
    (allowed,) = allowance("files")
    assert judge.verdict(sighting, (allowed,)) == (Verdict.ALLOWED, ON_PURPOSE)


def test_files_are_unavailable_where_descriptors_are(monkeypatch: pytest.MonkeyPatch, clean_faults: None) -> None:
    """The kind is served by the descriptor table, and the reason is the table's."""
    from no_leaks.probes.descriptors import DescriptorProbe

    monkeypatch.setattr(DescriptorProbe.__init__, "__defaults__", (None,))
    assert "no folder that lists descriptors" in Panel(("files",)).unavailable["files"]


def test_an_open_database_is_called_one(watch: Make, tmp_path: Path) -> None:
    """SQLite opens in C: the audit event gives path and site."""
    watching = watch("files")
    base, line = sqlite3.connect(tmp_path / "shop.db"), here()
    with closing(base):
        base.execute("create table goods (id)")
        sighting = watching.only()
    assert (sighting.resource.type, site_of(sighting, __file__)) == ("database", line)
    assert "SQLite" in sighting.summary
    assert "closing(sqlite3.connect" in sighting.fix


def test_a_mapped_file_is_called_one(watch: Make, tmp_path: Path) -> None:
    """`mmap` keeps a duplicate of the descriptor, that nobody else closes."""
    path = tmp_path / "map"
    path.write_bytes(b"x" * 10)
    with open(path, "rb") as file:
        watching = watch("files")
        mapped, line = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), here()
        sighting = watching.only()
        mapped.close()
    assert "mapped into memory" in sighting.summary
    assert "mmap.mmap" in sighting.fix
    assert site_of(sighting, __file__) == line


def test_a_mapping_outlives_the_file_that_it_was_made_from(watch: Make, tmp_path: Path) -> None:
    """The file was closed properly: the mapping is the leak, and its own line the site."""
    path = tmp_path / "map"
    path.write_bytes(b"x" * 10)
    watching = watch("files")
    with open(path, "rb") as file:
        mapped, line = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), here()
    sighting = watching.only()
    mapped.close()
    assert "mapped into memory" in sighting.summary
    assert site_of(sighting, __file__) == line


def test_a_file_that_was_mapped_is_still_a_file(watch: Make, tmp_path: Path) -> None:
    """The mapping was closed properly: the file is the leak."""
    path = tmp_path / "map"
    path.write_bytes(b"x" * 10)
    watching = watch("files")
    with open(path, "rb") as file:
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ).close()
        sighting = watching.only()
    assert sighting.summary == "a file was opened and never closed"


def test_a_file_without_a_name_is_said_to_be_removed(watch: Make, tmp_path: Path) -> None:
    """An open file can have left its folder; the reader should not look for it."""
    watching = watch("files")
    path = tmp_path / "gone"
    with open(path, "w"):
        path.unlink()
        resource = watching.only().resource
    assert resource.detail == f"{path}, open for writing, already removed from its folder"


def test_a_temporary_file_is_found_by_its_folder(watch: Make) -> None:
    """`TemporaryFile` is opened by O_TMPFILE: its path is the folder only, and its number the link's."""
    watching = watch("files")
    file, line = tempfile.TemporaryFile(), here()
    with file:
        sighting = watching.only()
    assert site_of(sighting, __file__) == line


def test_a_descriptor_of_os_open_is_to_be_closed_by_os_close(watch: Make) -> None:
    """The remedy fits how it was opened."""
    watching = watch("files")
    fd, line = os.open(os.devnull, os.O_RDONLY), here()
    sighting = watching.only()
    os.close(fd)
    assert sighting.fix.startswith("os.close(fd)")
    assert site_of(sighting, __file__) == line


def test_a_duplicate_knows_where_it_was_made(watch: Make, tmp_path: Path) -> None:
    """`os.dup` is wrapped: its record is found again by the descriptor's whole identity."""
    path = tmp_path / "x"
    path.touch()
    fd = os.open(path, os.O_RDONLY)
    watching = watch("files")
    twin, line = os.dup(fd), here()
    sighting = watching.only()
    os.close(twin)
    os.close(fd)
    assert site_of(sighting, __file__) == line
    assert "duplicated" in sighting.summary


def test_two_opens_of_one_file_are_told_apart_by_access(watch: Make, tmp_path: Path) -> None:
    """The writer's record does not explain the reader's descriptor."""
    path = tmp_path / "x"
    watching = watch("files")
    reader, line = os.open(path, os.O_RDONLY | os.O_CREAT), here()
    with open(path, "w"):
        pass
    sighting = watching.only()
    os.close(reader)
    assert site_of(sighting, __file__) == line


def test_a_file_of_another_ledger_is_not_this_scopes(watch: Make, tmp_path: Path) -> None:
    """A wider fixture's file is described to nobody here."""
    watching = watch("files")
    with another_ledger():
        file = open(tmp_path / "log", "w")
    with file:
        assert watching.left() == ()


def test_a_vanished_file_is_described_as_none(watch: Make) -> None:
    """Closed between the look and the description."""
    watching = watch("files")
    with open(os.devnull) as file:
        spot = watching.spot()
    assert file.closed
    assert watching.session.panel.describe(*spot, watching.ledger) is None


def test_a_released_writer_is_flushed_and_closed(watch: Make, tmp_path: Path) -> None:
    """The outermost layer is closed, so that what the user wrote is not lost."""
    path = tmp_path / "x"
    watching = watch("files")
    file = open(path, "w")
    file.write("hello")
    assert watching.release() == "closed"
    assert file.closed
    assert path.read_text() == "hello"


def test_the_access_of_a_closed_descriptor_is_unknown() -> None:
    """The system answers with an error, and the probe with None."""
    assert files.access_of(999999) is None


@pytest.mark.parametrize("leaked", [0, 1, 2])
def test_of_several_opens_of_one_path_the_right_one_is_named(watch: Make, tmp_path: Path, leaked: int) -> None:
    """Path and mode are the same; the number that each was to get is not."""
    watching = watch("files")
    first = here() + 1
    one = open(tmp_path / "same", "a")
    two = open(tmp_path / "same", "a")
    three = open(tmp_path / "same", "a")
    with one, two, three:
        for number, file in enumerate((one, two, three)):
            if number != leaked:
                file.close()
        assert site_of(watching.only(), __file__) == first + leaked


def test_a_number_that_is_given_again_is_the_last_opens(watch: Make, tmp_path: Path) -> None:
    """The first is closed before the second is opened."""
    watching = watch("files")
    open(tmp_path / "same", "a").close()
    with open(tmp_path / "same", "a"):
        assert site_of(watching.only(), __file__) == here() - 1
