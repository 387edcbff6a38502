"""The stories and their project: what is written, and what is refused."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from no_leaks.cli import pairs
from no_leaks.errors import SettingError


def test_writes_files_that_are_python_and_hold_each_pair(tmp_path: Path) -> None:
    """Every test that the table names is there, and every source too."""
    pairs.write(tmp_path / "project")
    for pair in pairs.PAIRS:
        tree = ast.parse((tmp_path / "project" / pair.file).read_text())
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert {pair.leaking, pair.repaired} <= names
        assert (tmp_path / "project" / pair.source).is_file()


def test_every_test_of_the_project_belongs_to_one_pair(tmp_path: Path) -> None:
    """No test of the project is without a row in the table."""
    pairs.write(tmp_path)
    written = {
        f"tests/{file.name}::{node.name}"
        for file in (tmp_path / "tests").glob("test_*.py")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    assert written == {test for pair in pairs.PAIRS for test in (pair.leaking_test, pair.repaired_test)}


def test_leaves_out_what_is_no_template(tmp_path: Path) -> None:
    """A file without the suffix, such as a stray cache, does not travel."""
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "stray.pyc").touch()
    (tmp_path / "from" / "a.py.txt").write_text("pass\n")
    pairs._copy(tmp_path / "from", tmp_path / "to")
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["a.py"]


def test_refuses_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    """Nobody's files are written over."""
    (tmp_path / "mine.txt").touch()
    with pytest.raises(SettingError, match="is not empty"):
        pairs.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_refuses_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """The system's reason is passed on."""
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match="cannot be written to: Not a directory"):
        pairs.write(tmp_path / "file" / "project")


def test_chooses_all_where_nothing_is_named() -> None:
    """No kind means every kind."""
    assert pairs.choose(()) == pairs.PAIRS


def test_chooses_by_kind_and_by_group() -> None:
    """A group stands for its kinds; the order is the table's."""
    assert [pair.story for pair in pairs.choose(["threads"])] == ["thread", "executor"]
    assert [pair.kind for pair in pairs.choose(["processes", "handles"])] == [
        *("files", "sockets", "pipes", "fds", "processes")
    ]


def test_refuses_a_kind_without_a_story() -> None:
    """The error names what there is."""
    with pytest.raises(SettingError, match="no story of kind 'blocking'; valid are: .*sockets.*handles"):
        pairs.choose(["files", "blocking"])
