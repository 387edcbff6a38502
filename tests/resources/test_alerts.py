"""Alerts: what is too much for too long is told once; and the rules as a file for Prometheus."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from backends import Thing

from no_leaks import ResourceManager, faults
from no_leaks.cli.main import main
from no_leaks.errors import SettingError
from no_leaks.resources.alerts import RULES, Alert, AlertRule, Alerts, prometheus_rules

MANY = AlertRule("Many", "resources.active", ">", 1, 10, "Too many.")


class Watched:
    """A manager with a clock, and what its alerts have told."""

    def __init__(self, *rules: AlertRule) -> None:
        self.now = 0.0
        self.told: list[Alert] = []
        self.things: list[Thing] = []
        self.manager = ResourceManager(clock=lambda: self.now)
        self.alerts = Alerts(rules, manager=self.manager, callback=self.told.append, clock=lambda: self.now)

    def open(self, kind: str = "files") -> None:
        """Open one more."""
        self.things.append(Thing())
        self.manager.register(self.things[-1], kind=kind)


def test_what_holds_for_long_enough_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """To the log and the callback, by kind."""
    watched = Watched(MANY)
    watched.open()
    watched.open()
    watched.open("connections")

    assert watched.alerts.check() == ()
    watched.now = 9.9
    assert watched.alerts.check() == ()
    watched.now = 10
    with caplog.at_level(logging.WARNING, "no_leaks.resources"):
        (alert,) = watched.alerts.check()
        watched.alerts.check()

    assert (alert.kind, alert.value, alert.age_s) == ("files", 2, 10)
    assert str(alert) == "Many: resources.active of files is 2, > 1. Too many."
    assert watched.told == [alert]
    assert caplog.text.count("Many: ") == 1


def test_after_it_has_ceased_it_is_told_again() -> None:
    """And has to hold as long as before."""
    watched = Watched(AlertRule("Any", "resources.active", ">=", 1, 10))
    for start in (0, 100):
        watched.now = start
        watched.open()
        watched.alerts.check()
        watched.now = start + 10
        watched.alerts.check()
        watched.manager.cleanup()
        assert watched.alerts.check() == ()

    assert len(watched.told) == 2
    assert str(watched.told[0]) == "Any: resources.active of files is 1, >= 1."


@pytest.mark.parametrize(("comparison", "holds"), [(">", False), (">=", True), ("<", False), ("<=", True)])
def test_each_comparison_compares(comparison: str, holds: bool) -> None:
    """With the threshold itself."""
    watched = Watched(AlertRule("Peak", "resources.peak", comparison, 1))
    watched.open()

    assert bool(watched.alerts.check()) is holds


def test_a_callback_that_fails_breaks_nothing(clean_faults: None, caplog: pytest.LogCaptureFixture) -> None:
    """It is noted as a fault, and logged, since a program has no report; without one the log is told alone."""
    manager = ResourceManager()
    rule = AlertRule("Peak", "resources.peak", ">=", 0)

    assert Alerts([rule], manager=manager, callback=lambda alert: 1 / 0).check()
    assert Alerts([rule], manager=manager).check()
    assert "callback of an alert" in faults.noted()
    assert caplog.text.count("Peak: the callback raised ZeroDivisionError") == 1


def test_a_thread_checks_only_if_asked_and_ends_with_its_block() -> None:
    """Stopped and joined."""
    checked = threading.Event()
    alerts = Alerts(
        [AlertRule("Peak", "resources.peak", ">=", 0)], manager=ResourceManager(), callback=lambda _: checked.set()
    )
    before = threading.active_count()

    with alerts.every(0.001):
        checked.wait()

    assert threading.active_count() == before
    with pytest.raises(SettingError):
        alerts.every(0)


def test_by_default_the_processs_manager_is_asked() -> None:
    """By the rules that come with the package."""
    assert isinstance(Alerts().check(), tuple)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a b", "resources.peak", ">", 0), "not one word"),
        (("Peak", "resources.speak", ">", 0), "is unknown"),
        (("Peak", "resources.peak", "=>", 0), "is unknown"),
        (("Peak", "resources.peak", ">", 0, -1), "not a number of seconds"),
    ],
)
def test_a_wrong_rule_is_refused(arguments: tuple[str, str, str, float], message: str) -> None:
    """With what is valid."""
    with pytest.raises(SettingError, match=message):
        AlertRule(*arguments)


def test_a_rule_file_that_cannot_be_written_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not a traceback."""
    assert main(["alerts", "--prometheus", str(tmp_path / "missing" / "rules.yml")]) == 2
    assert "rules.yml: cannot be written: No such file or directory" in capsys.readouterr().err


def test_the_rule_file_is_what_prometheus_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As promtool checks it: groups of rules, each with a name, an expression of a known metric, a duration, labels."""
    yaml = pytest.importorskip("yaml")
    path = tmp_path / "rules.yml"

    assert main(["alerts", "--prometheus", str(path)]) == 0
    assert main(["alerts", "--prometheus"]) == 0

    assert capsys.readouterr().out == path.read_text() == prometheus_rules()
    document = yaml.safe_load(path.read_text())
    (group,) = document["groups"]
    assert set(document) == {"groups"}
    assert [rule["alert"] for rule in group["rules"]] == [rule.name for rule in RULES]
    for rule in group["rules"]:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"no_leaks_[a-z_]+ (>|>=|<|<=) [\d.e+]+", rule["expr"])
        assert re.fullmatch(r"\d+ms", rule["for"])
        assert rule["labels"]["severity"] == "warning"
    assert "no_leaks_resources_leaked_total > 0" in path.read_text()


def test_promtool_takes_the_rule_file(tmp_path: Path) -> None:
    """Prometheus's own checker, where there is one."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool here: apt-get install prometheus")
    path = tmp_path / "rules.yml"
    assert main(["alerts", "--prometheus", str(path)]) == 0

    checked = subprocess.run(
        [promtool, "check", "rules", "--lint=all", "--lint-fatal", path], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"SUCCESS: {len(RULES)} rules found" in checked.stdout


def test_promtool_takes_what_is_scraped(tmp_path: Path) -> None:
    """Names, help and types, as its linter wants them."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool here: apt-get install prometheus")
    exposed = pytest.importorskip("prometheus_client")
    from no_leaks.resources.prometheus import ResourceCollector

    registry = exposed.CollectorRegistry()
    watched = Watched()
    watched.open()
    registry.register(ResourceCollector(watched.manager))
    text = exposed.generate_latest(registry).decode()

    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, ""), text
    watched.manager.cleanup()
