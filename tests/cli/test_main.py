"""The entry of the command line: help, version, usage errors and exit statuses."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from no_leaks import __version__
from no_leaks.cli import demo, inner
from no_leaks.cli.main import main


def test_without_a_command_prints_the_help_and_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to do, and the commands are named."""
    assert main([]) == 2
    assert "demo" in capsys.readouterr().err


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` ends well and says which it is."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"no-leaks {__version__}\n"


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """argparse names the commands that there are."""
    with pytest.raises(SystemExit) as ended:
        main(["dmeo"])
    assert ended.value.code == 2
    assert "demo" in capsys.readouterr().err


def test_an_unknown_kind_is_a_usage_error_that_names_the_valid_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written or run for it."""
    assert main(["demo", "sokets"]) == 2
    said = capsys.readouterr()
    assert "no-leaks demo: KIND: there is no story of kind 'sokets'; valid are: " in said.err
    assert "sockets" in said.err
    assert said.out == ""


def test_a_run_that_broke_exits_3(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither proven nor refuted has a status of its own."""

    def broken(*_: object) -> None:
        raise inner.BrokenRun(4, "did not run the tests")

    monkeypatch.setattr(demo, "show", broken)
    assert main(["demo"]) == 3
    assert "did not run the tests (its exit status was 4)" in capsys.readouterr().err


def test_the_package_runs_as_a_module() -> None:
    """`python -m no_leaks` is the same command line."""
    run = subprocess.run([sys.executable, "-m", "no_leaks", "--version"], capture_output=True, text=True, check=True)
    assert run.stdout == f"no-leaks {__version__}\n"


def test_importing_the_module_behind_it_runs_nothing() -> None:
    """Tools that walk a package import everything in it."""
    assert importlib.import_module("no_leaks.__main__").main is main
