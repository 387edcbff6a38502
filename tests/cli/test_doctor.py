"""The doctor for real, and how it words what it finds."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest

from no_leaks import register_kind, unregister_kind
from no_leaks.cli import doctor, limits
from no_leaks.cli.checkup import Checkup, Finding
from no_leaks.cli.limits import LIMITS
from no_leaks.cli.main import main
from no_leaks.cli.progress import Screen
from no_leaks.customs import switch_off
from no_leaks.names import KINDS

GOOD = Checkup((Finding("pipes", True, True, True, "a pipe"),), {})
BAD = Checkup(
    (
        Finding("pipes", True, False, True, "a pipe"),
        Finding("files", True, True, False, "a file"),
        Finding("fds", False, None, None, "no folder lists them"),
        Finding("blocking", True, None, None, "nothing is planted"),
    ),
    {"probe temp": "OSError: no"},
)


def test_every_kind_that_works_here_is_proven() -> None:
    """A real examination of this machine, in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-m", "no_leaks", "doctor", "--json"], capture_output=True, text=True, check=False
    )
    assert run.stderr == ""
    report = json.loads(run.stdout)
    assert (run.returncode, report["ok"], report["faults"]) == (0, True, {})
    assert [entry["kind"] for entry in report["kinds"]] == list(KINDS)
    assert {entry["kind"] for entry in report["kinds"] if entry["sees_it"] and entry["forgets_it"]} >= {
        *("files", "sockets", "pipes", "fds", "processes", "threads", "tasks", "temp", "unclosed", "state")
    }


def test_every_kind_has_its_limits_written_down() -> None:
    """A kind without its limits would promise everything."""
    assert set(LIMITS) == set(KINDS)


def test_a_good_checkup_reads_as_one() -> None:
    """What was planted, that it was seen, that it was forgotten, and what the kind cannot see."""
    said = _said(GOOD)
    assert "planted a pipe: sees it, forgets it once let go" in said
    assert LIMITS["pipes"].blind in said
    assert said.endswith("1 of 1 planted leaks seen, and forgotten once closed.\n")


def test_a_bad_checkup_says_what_is_wrong() -> None:
    """Blind, stubborn, unavailable, unproven and faulty each have their words."""
    said = _said(BAD)
    assert "planted a pipe: DOES NOT SEE IT, " in said
    assert "planted a file: sees it, DOES NOT FORGET IT once let go" in said
    assert "unavailable: no folder lists them" in said
    assert "available; nothing is planted" in said
    assert "fault in probe temp: OSError: no" in said
    assert "0 of 2 planted leaks seen" in said


@pytest.mark.parametrize(("checkup", "status"), [(GOOD, 0), (BAD, 1)])
def test_the_exit_status_is_the_checkup_s(
    checkup: Checkup, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With words and with JSON alike."""
    monkeypatch.setattr(doctor, "prove", lambda _: checkup)
    assert main(["doctor"]) == status
    assert "planted a pipe" in capsys.readouterr().out
    assert main(["doctor", "--json"]) == status
    assert json.loads(capsys.readouterr().out)["ok"] is (status == 0)


def _said(checkup: Checkup) -> str:
    out = io.StringIO()
    doctor.show(checkup, {"platform": "here"}, Screen(out))
    return out.getvalue()


def test_a_kind_that_was_added_is_shown_too(clean_faults: None, capsys: pytest.CaptureFixture[str]) -> None:
    """By the first line of its docstring; one that is broken says so, and the doctor does too."""

    class Locks:
        """Locks of the other machine.

        More."""

        name = "far_locks"
        living = list
        describe = close = str

    register_kind(Locks)
    switch_off("near_locks", ValueError("no driver"))
    try:
        assert limits.of("far_locks").sees == "Locks of the other machine."
        assert limits.of("near_locks").sees == "what its own code says is open"
        assert main(["doctor"]) == 1
    finally:
        unregister_kind("far_locks")
        unregister_kind("near_locks")
    shown = capsys.readouterr().out
    assert "far_locks  available; nothing is planted for this kind" in shown
    assert "near_locks unavailable: switched off: no driver" in shown
    assert "fault in kind near_locks: ValueError: no driver" in shown
