"""Losses: what sensors proved is handed on as it was written, and nothing is left to let go of."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from support import ON_PURPOSE, Watch, allowance, another_ledger, here, site_of

from no_leaks import judge
from no_leaks.model import Verdict
from no_leaks.names import KINDS
from no_leaks.probes.losses import LossProbe
from no_leaks.probes.panel import TABLE, Panel

Make = Callable[..., Watch]

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def drop() -> int:
    """Open a file, drop it unclosed, and return the line of both."""
    line = here() + 1
    open(os.devnull)
    return line


def test_a_dropped_file_is_seen_where_it_was_opened(watch: Make) -> None:
    """It is closed by now: what the sensor wrote is all there is."""
    watching = watch("unclosed")
    line = drop()
    sighting = watching.only()
    assert (sighting.kind, site_of(sighting, __file__)) == ("unclosed", line)
    assert sighting.proof == "it was closed by its finalizer when the last reference went"


def test_a_closed_file_is_no_loss(watch: Make) -> None:
    """Nothing is written for what its user closed."""
    watching = watch("unclosed")
    open(os.devnull).close()
    assert watching.scope.is_clean()


def test_an_allowed_loss_is_no_leak(watch: Make) -> None:
    """An allowance of the kind turns the verdict."""
    watching = watch("unclosed")
    drop()
    assert judge.verdict(watching.only(), allowance("unclosed")) == (Verdict.ALLOWED, ON_PURPOSE)


def test_losses_are_looked_for_whatever_the_kinds(clean_faults: None) -> None:
    """Each kind can be proven by a loss, and so the probe is in every panel and never says unavailable."""
    served = {name: kinds for name, _, kinds in TABLE}
    assert served["losses"] == KINDS == LossProbe.kinds
    assert "losses" in Panel(("temp",)).probes


def test_a_loss_of_another_ledger_is_not_this_scopes(watch: Make) -> None:
    """What a wider fixture opened and dropped is written in its own name."""
    watching = watch("unclosed")
    with another_ledger() as wider:
        drop()
    assert watching.scope.is_clean()
    assert [loss.kind for loss in wider.losses] == ["unclosed"]


def test_nothing_is_left_to_let_go_of(watch: Make) -> None:
    """A loss has neither an object nor a descriptor."""
    watching = watch("unclosed")
    drop()
    assert (watching.release(), watching.thing()) == ("", None)


def test_the_panel_names_no_kind_for_a_failed_loss_probe(clean_faults: None) -> None:
    """Its kinds are the other probes' too: they go on seeing."""
    panel = Panel(("temp",))
    panel.switch_off("losses", ValueError("broken"))
    assert panel.unavailable == {}
