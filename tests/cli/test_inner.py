"""The demo's own pytest: its environment is ours, and a run that breaks is told from a run that failed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from no_leaks.cli import inner
from no_leaks.cli.progress import Screen


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A folder for what the inner run writes."""
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The smallest project: one test that passes, one that fails."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_one.py").write_text("def test_a(): pass\ndef test_b(): assert 0\n")
    return folder


def test_outcomes_are_read_from_what_pytest_prints(project: Path, scratch: Path) -> None:
    """A real run: one test passed, one failed, nothing leaked, every line shown."""
    screen = Screen(io.StringIO())
    results = inner.run(project, ["test_one.py"], scratch, screen, tests=2)
    assert results == inner.Results({"test_one.py::test_a": "passed", "test_one.py::test_b": "failed"}, ())
    assert "1 failed, 1 passed" in written(screen)


def test_an_error_at_teardown_outweighs_a_test_that_passed(project: Path, scratch: Path) -> None:
    """pytest prints two lines for it, and the second is the one that counts."""
    code = "import pytest\n@pytest.fixture\ndef f():\n    yield\n    assert 0\ndef test_a(f): pass\n"
    (project / "test_one.py").write_text(code)
    results = inner.run(project, ["test_one.py"], scratch, Screen(io.StringIO()), tests=1)
    assert results.outcomes == {"test_one.py::test_a": "error"}


def test_a_run_that_collects_nothing_is_broken(project: Path, scratch: Path) -> None:
    """pytest's own exit status is passed on."""
    with pytest.raises(inner.BrokenRun, match="did not run the tests") as broken:
        inner.run(project, ["missing.py"], scratch, Screen(io.StringIO()), tests=2)
    assert broken.value.status == 4


@pytest.mark.parametrize("said", ["not JSON", "{}", None])
def test_a_run_without_a_report_is_broken(project: Path, scratch: Path, said: str | None) -> None:
    """A report that is missing or spoilt is no proof that nothing leaked."""
    spoil = f"report.write_text({said!r})" if said else "report.unlink()"
    (project / "conftest.py").write_text(
        f"import atexit, pathlib\nreport = pathlib.Path({str(scratch / 'report.json')!r})\n"
        f"atexit.register(lambda: {spoil})\n"
    )
    with pytest.raises(inner.BrokenRun, match="left no report that can be read"):
        inner.run(project, ["test_one.py"], scratch, Screen(io.StringIO()), tests=2)


def test_the_user_s_own_settings_do_not_reach_it(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PYTEST_ADDOPTS and its like would steer the demo's run."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.setenv("KEPT", "yes")
    environment = inner._environment(scratch, Screen(io.StringIO()))
    assert environment["KEPT"] == "yes"
    assert environment["TMPDIR"] == str(scratch)
    assert not {"PYTEST_ADDOPTS", "PYTHONWARNINGS"} & environment.keys()


def written(screen: Screen) -> str:
    """Return what was written on a screen of these tests."""
    assert isinstance(screen.out, io.StringIO)
    return screen.out.getvalue()
