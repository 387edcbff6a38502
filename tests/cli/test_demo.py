"""The demo for real: every leak seen, every twin quiet; and it fails where its project does not leak as told."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from no_leaks.cli import demo, inner, pairs
from no_leaks.cli.main import main
from no_leaks.cli.progress import Screen


def test_the_demo_proves_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole of it, in a process of its own, as a user runs it."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    run = subprocess.run([sys.executable, "-m", "no_leaks", "demo"], capture_output=True, encoding="utf-8", check=False)
    count = len(pairs.PAIRS)
    assert f"{count} of {count} leaks seen, every repaired twin quiet.\n" in run.stdout, run.stdout[-3000:]
    assert run.stdout.endswith("6 of 6 claims about the context manager hold.\n"), run.stdout[-3000:]
    assert (run.returncode, run.stderr) == (0, "")
    assert "\x1b" not in run.stdout


def test_the_project_is_kept_where_it_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A story of one kind runs its own file only; the project is whole all the same, and nothing else is in it."""
    assert main(["demo", "--keep", str(tmp_path / "kept"), "fds"]) == 0
    said = capsys.readouterr().out
    assert "$ pytest --no-leaks tests/test_descriptor.py\n" in said
    assert f"cd {tmp_path / 'kept'} && pytest --no-leaks" in said
    kept = {path.name for path in (tmp_path / "kept").iterdir()}
    assert kept == {"README.md", "connections.py", "pytest.ini", "shop", "tests"}
    assert not list((tmp_path / "kept").rglob("__pycache__"))


def test_a_folder_in_use_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--keep` never writes over anything."""
    (tmp_path / "mine.txt").touch()
    assert main(["demo", "--keep", str(tmp_path)]) == 2
    assert "no-leaks demo: --keep: " in capsys.readouterr().err


def test_a_leak_that_is_not_there_is_not_seen(tmp_path: Path) -> None:
    """The proof is not hard-coded: with the leak repaired, its row says that it was missed."""
    (pair,) = pairs.choose(["fds"])
    pairs.write(tmp_path / "project")
    source = tmp_path / "project" / pair.file
    source.write_text(source.read_text().replace("assert Shelf(tmp_path).goods() == []", "pass"))
    screen = Screen(io.StringIO())
    assert not demo.show([pair], tmp_path / "project", _scratch(tmp_path), screen)
    assert "not seen: the test passed" in written(screen)
    assert written(screen).endswith("0 of 1 leaks seen, every repaired twin quiet.\n")


def test_a_twin_that_leaks_is_accused(tmp_path: Path) -> None:
    """With the repair taken out again, the twin's column says what it left."""
    (pair,) = pairs.choose(["fds"])
    pairs.write(tmp_path / "project")
    shelf = tmp_path / "project" / pair.source
    shelf.write_text(shelf.read_text().replace("os.close(self._fd)", "pass"))
    screen = Screen(io.StringIO())
    assert not demo.show([pair], tmp_path / "project", _scratch(tmp_path), screen)
    assert "accused: fds: " in written(screen)
    assert written(screen).endswith("1 of 1 leaks seen, 1 false accusation.\n")


def test_the_exit_status_is_1_where_something_was_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it was."""
    monkeypatch.setattr(demo, "show", lambda *_: False)
    monkeypatch.setattr(demo, "tell", lambda *_: True)
    assert main(["demo"]) == 1


def test_leaks_of_nobody_are_shown_and_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A leak that no test of the demo has made stands below the table."""
    stray: inner.LeakEntry = {
        "created_at": [],
        "also_in": [],
        "kind": "files",
        "verdict": "leak",
        "test": None,
        "summary": "a file",
    }
    monkeypatch.setattr(inner, "run", lambda *_, **__: inner.Results({}, (stray, stray)))
    screen = Screen(io.StringIO())
    assert not demo.show([], tmp_path, tmp_path, screen)
    assert "blamed on nobody: files: a file\n" in written(screen)
    assert written(screen).endswith("0 of 0 leaks seen, 2 false accusations.\n")


def _scratch(folder: Path) -> Path:
    (folder / "scratch").mkdir()
    return folder / "scratch"


def written(screen: Screen) -> str:
    """Return what was written on a screen of these tests."""
    assert isinstance(screen.out, io.StringIO)
    return screen.out.getvalue()


def test_the_story_of_connections_can_be_told_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """By its kind; the metrics stand at each step, and no test is run."""
    assert main(["demo", "managed"]) == 0
    said = capsys.readouterr().out
    assert "server: 5 connected; metrics: active_connections=5 created=5 cleaned=0 leaked=0 peak=5\n" in said
    assert said.count("server: 0 connected; metrics: active_connections=0 ") == 5
    assert "pytest" not in said


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("async with secure_connection_context(connect, manager=manager)", "async with Forgetful(connect, manager)"),
        ("FORGOTTEN.append(writer)", "writer.close()"),
    ],
    ids=["nothing is closed", "nothing is left"],
)
def test_a_claim_that_does_not_hold_fails_the_demo(line: str, instead: str, tmp_path: Path) -> None:
    """The story is not hard-coded: with a context manager that closes nothing, or without a leak, it says so."""
    pairs.write(tmp_path / "project")
    script = tmp_path / "project" / pairs.SCRIPT
    forgetful = """
PATIENCE_S = 0.1

class Forgetful:
    def __init__(self, connect, manager): self.connect = connect
    async def __aenter__(self):
        FORGOTTEN.append(await self.connect())
        return FORGOTTEN[-1]
    async def __aexit__(self, *error): return None

async def main():"""
    script.write_text(script.read_text().replace(line, instead).replace("\nasync def main():", forgetful))
    screen = Screen(io.StringIO())
    assert not demo.tell(tmp_path / "project", _scratch(tmp_path), screen)
    assert "NOT SO" in written(screen)


def test_a_story_that_breaks_off_proves_nothing(tmp_path: Path) -> None:
    """Neither proven nor refuted: what it printed stands above."""
    pairs.write(tmp_path / "project")
    (tmp_path / "project" / pairs.SCRIPT).write_text("import sys; sys.exit(7)")
    with pytest.raises(inner.BrokenRun, match=r"connections.py did not come to its end \(its exit status was 7\)"):
        demo.tell(tmp_path / "project", _scratch(tmp_path), Screen(io.StringIO()))
