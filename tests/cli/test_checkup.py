"""The doctor's examination on real resources."""

from __future__ import annotations

import pytest

from no_leaks import canary, speedups
from no_leaks.cli import checkup
from no_leaks.cli.checkup import Checkup, Finding

pytestmark = pytest.mark.usefixtures("clean_faults")


def test_a_planted_leak_is_seen_and_forgotten() -> None:
    """In the order of the kinds asked for."""
    found = checkup.prove(("pipes", "tasks"))
    assert [(finding.kind, finding.sees, finding.forgets) for finding in found.findings] == [
        ("pipes", True, True),
        ("tasks", True, True),
    ]
    assert "a pending asyncio task" in found.findings[1].words
    assert found.is_good


def test_a_kind_without_a_probe_gives_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be seen here is no failure, and is said."""
    monkeypatch.setattr("no_leaks.probes.panel.LATER", {"memory": "not on this planet"})
    (finding,) = checkup.prove(("memory",)).findings
    assert finding == Finding("memory", False, None, None, "not on this planet")
    assert finding.is_good


def test_a_kind_without_a_plant_is_not_claimed_to_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Available, and unproven."""
    monkeypatch.setattr(canary, "PLANTS", {})
    (finding,) = checkup.prove(("pipes",)).findings
    assert (finding.is_available, finding.sees, finding.forgets) == (True, None, None)


@pytest.mark.parametrize(("sees", "forgets"), [(False, True), (True, False)])
def test_a_blind_or_a_stubborn_probe_is_bad(sees: bool, forgets: bool) -> None:
    """Both halves are asked of it."""
    assert not Checkup((Finding("pipes", True, sees, forgets, "a pipe"),), {}).is_good


def test_a_fault_of_our_own_is_bad() -> None:
    """A part that failed on the way is not passed over in silence."""
    assert not Checkup((), {"probe temp": "OSError"}).is_good


def test_the_environment_names_what_is_and_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions of the packages that matter."""
    monkeypatch.setattr(checkup, "PACKAGES", ("pytest", "no-such-package-here"))
    monkeypatch.setenv(speedups.OFF, "1")
    facts = checkup.environment()
    assert facts["compiled half"] == "switched off by NO_LEAKS_PURE"
    assert facts["pytest"] == pytest.__version__
    assert facts["no-such-package-here"] == "not installed"
