"""Report targets: a format and a path that can be written, or an error that says why not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from no_leaks.errors import SettingError
from no_leaks.plugin.targets import read_target


def refusal(text: str, folder: Path) -> str:
    with pytest.raises(SettingError) as caught:
        read_target(text, "x", folder)
    return str(caught.value)


def test_format_and_path_are_told_apart_at_the_first_colon(tmp_path: Path) -> None:
    """A path may hold colons of its own."""
    assert read_target("json:a:b.json", "x", tmp_path) == ("json", tmp_path / "a:b.json")


def test_a_new_file_is_not_made_by_the_check(tmp_path: Path) -> None:
    """Only the end of the run writes."""
    read_target("json:a.json", "x", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_accepted_and_left_alone(tmp_path: Path) -> None:
    """The last report stays until there is a new one."""
    (tmp_path / "a.json").write_text("old")
    read_target("json:a.json", "x", tmp_path)
    assert (tmp_path / "a.json").read_text() == "old"


@pytest.mark.parametrize("name", ["html", "sarif", "github", "prometheus"])
def test_a_format_of_a_later_version_says_so(tmp_path: Path, name: str) -> None:
    """Who read the plan is not told that the format does not exist."""
    assert refusal(f"{name}:a", tmp_path) == f"x: {name!r} comes with a later version; valid are: json"


def test_an_unknown_format_names_the_likely_one(tmp_path: Path) -> None:
    """A slip of the finger is answered with the right word."""
    assert "'jsno' is not a format; did you mean 'json'?; valid are: json" in refusal("jsno:a", tmp_path)


def test_a_path_without_a_format_is_refused(tmp_path: Path) -> None:
    """The message shows the notation."""
    assert "'a.json' is not FORMAT:PATH, as in 'json:leaks.json'" in refusal("a.json", tmp_path)


@pytest.mark.parametrize("text", ["json:", "json:-"])
def test_a_report_needs_a_file(tmp_path: Path, text: str) -> None:
    """The terminal has its own report."""
    assert "names no file; write json:PATH" in refusal(text, tmp_path)


def test_a_missing_folder_is_not_made(tmp_path: Path) -> None:
    """A misspelt folder is an error, not a new folder."""
    assert f"cannot write 'no/a.json': the folder {str(tmp_path / 'no')!r} does not exist" in refusal(
        "json:no/a.json", tmp_path
    )


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A path that is a folder is refused."""
    assert "it is a folder" in refusal("json:.", tmp_path)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """A path below a file is refused with the system's words."""
    (tmp_path / "file").touch()
    assert "cannot write 'file/a.json': " in refusal("json:file/a.json", tmp_path)


def test_a_path_with_a_null_is_refused(tmp_path: Path) -> None:
    """What the system cannot even ask for is an error of the user's value."""
    assert "null" in refusal("json:a\0b", tmp_path)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_a_folder_in_which_no_file_can_be_made_is_refused() -> None:
    """/proc refuses new files even from root."""
    assert "no file can be made in '/proc'" in refusal("json:a.json", Path("/proc"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    """Permissions are looked at before the run, not after it."""
    (tmp_path / "a.json").touch(mode=0o400)
    assert "permission denied" in refusal("json:a.json", tmp_path)
