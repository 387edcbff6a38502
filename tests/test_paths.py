"""Paths: as the program gave them, and as the system shows them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from no_leaks import env, paths


@pytest.mark.parametrize(
    ("raw", "path", "same"),
    [
        ("/srv/a", "/srv/a", True),
        (b"/srv/a", "/srv/a", True),
        (Path("/srv/a"), "/srv/a", True),
        ("a", "/elsewhere/a", True),
        ("x/a", "/elsewhere/x/a", True),
        ("../x/.a", "/elsewhere/x/.a", True),
        ("x/a", "/elsewhere/y/a", False),
        (".", "/elsewhere/.", False),
        ("/srv/a", "/elsewhere/a", False),
        ("/srv/a", "/srv/a-wal", True),
        ("/srv/a", "/srv/a-b", False),
        ("/srv/a", "/srv/b", False),
        ("/srv/", "/elsewhere", False),
        ("/srv/\0", "/srv/", False),
        (7, "/srv/a", False),
        (None, "/srv/a", False),
    ],
)
def test_a_path_is_known_as_the_program_gave_it(raw: object, path: str, same: bool) -> None:
    """Text, bytes, path objects; relative ones by their name, since the folder may have changed."""
    assert paths.is_path(raw, path) is same


def test_a_path_whose_protocol_raises_is_none() -> None:
    """The user's `__fspath__` may be broken: no reason to break a report."""

    class Broken(os.PathLike[str]):
        def __fspath__(self) -> str:
            raise RuntimeError("no path")

    assert paths.is_path(Broken(), "/a") is False


def test_a_nameless_temporary_file_is_known_by_its_folder(tmp_path: Path) -> None:
    """O_TMPFILE is given the folder; the link below it is made up by the system."""
    real = os.path.realpath(tmp_path)
    assert paths.is_path(str(tmp_path), f"{real}/#1234", os.O_TMPFILE | os.O_RDWR)
    assert not paths.is_path(str(tmp_path), "/elsewhere/#1234", os.O_TMPFILE | os.O_RDWR)
    assert not paths.is_path(str(tmp_path), f"{real}/#1234", os.O_RDWR)


def test_a_link_is_followed(tmp_path: Path) -> None:
    """The system shows where it leads."""
    (tmp_path / "real").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert paths.is_path(str(tmp_path / "link"), os.path.realpath(tmp_path / "real"))


def test_a_descriptor_leads_to_its_path_until_it_is_closed(tmp_path: Path) -> None:
    """A removed file still leads there; where the system does not tell, nothing does."""
    with open(tmp_path / "a", "w") as file:
        number = file.fileno()
        assert paths.leads_to(number, tmp_path / "a") is env.LINUX
        assert not paths.leads_to(number, tmp_path / "b")
        os.remove(tmp_path / "a")
        assert paths.leads_to(number, str(tmp_path / "a")) is env.LINUX
    assert not paths.leads_to(number, tmp_path / "a")
