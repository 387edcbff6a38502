"""The panel: made once, looked through together, and a probe that fails is switched off without a sound in the test."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from no_leaks import faults
from no_leaks.ledger import Ledger
from no_leaks.model import Owner
from no_leaks.names import HANDLES, KINDS
from no_leaks.probes import panel as panels
from no_leaks.probes.descriptors import DescriptorProbe
from no_leaks.probes.memory import MemoryProbe
from no_leaks.probes.panel import CARRIED, LATER, TABLE, TAKEN, Panel
from no_leaks.probes.temp import TempProbe

pytestmark = pytest.mark.usefixtures("clean_faults")

Break = Callable[..., object]


@pytest.fixture
def book(no_outer_session: None) -> Ledger:
    """A ledger that knows of nothing."""
    return Ledger(Owner("function"))


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Panel]:
    """Make a panel whose probe for temporary paths raises in one of its verbs."""

    def make(verb: str) -> Panel:
        def fail(*args: object) -> object:
            raise ValueError("broken probe")

        monkeypatch.setattr(TempProbe, verb, fail, raising=False)
        return Panel(("temp",))

    return make


def test_only_the_probes_of_the_kinds_are_made() -> None:
    """A kind that nobody wants costs nothing; losses serve every kind."""
    assert set(Panel(("threads",)).probes) == {"threads", "losses", "watched"}
    assert set(Panel(()).probes) == set()


def test_names_keep_the_order_of_the_table() -> None:
    """Tasks are looked at before losses, whatever order the kinds come in."""
    panel = Panel(("temp", "threads", "files"))
    assert panel.names(frozenset({"temp", "files"})) == ("descriptors", "temp", "losses", "watched")


def test_kinds_of_a_later_version_are_unavailable_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind that is named in the docs and not built yet is never silently clean."""
    monkeypatch.setitem(LATER, "cycles", "not on this planet")
    assert Panel(("cycles",)).unavailable == {"cycles": "not on this planet"}


def test_a_look_asks_only_the_probes_that_are_there(book: Ledger) -> None:
    """A name that is not in the panel is passed over."""
    seen = Panel(("temp",)).look(("threads", "temp"), book)
    assert seen == {"temp": frozenset()}


def test_the_table_serves_every_kind() -> None:
    """Each kind has a probe or a reason, and what is carried on or taken anew is in the table."""
    served = {kind for name, _, kinds in TABLE if name not in ("losses", "watched") for kind in kinds}
    assert served | set(LATER) | {"unclosed"} == set(KINDS)
    assert {name for name, _, _ in TABLE} | {"custom"} >= CARRIED | TAKEN  # whose kinds are not known beforehand


def test_a_probe_that_cannot_be_made_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in a probe's own set-up names the kinds that go unseen."""

    def fail(self: object) -> None:
        raise RuntimeError("no luck")

    monkeypatch.setattr(TempProbe, "__init__", fail)
    panel = Panel(("temp",))
    assert panel.unavailable == {"temp": "could not be made: no luck"}
    assert "RuntimeError: no luck" in faults.noted()["probe temp"]


def test_a_probe_that_is_not_there_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be imported is no reason to break a run."""
    monkeypatch.setattr(panels, "TABLE", (("nowhere", "NoProbe", HANDLES),))
    panel = Panel(("files", "pipes"))
    assert set(panel.unavailable) == {"files", "pipes"}
    assert faults.has("probe nowhere")


def test_a_look_that_raises_switches_the_probe_off_once(broken: Callable[[str], Panel], book: Ledger) -> None:
    """Nothing propagates, the fault is noted once, and the probe is not asked again."""
    panel = broken("take")
    assert panel.look(("temp", "losses"), book) == {"losses": frozenset()}
    assert panel.look(("temp", "losses"), book) == {"losses": frozenset()}
    assert panel.unavailable == {"temp": "switched off after broken probe"}
    assert list(faults.noted()) == ["probe temp"]
    assert panel.names(frozenset({"temp"})) == ("losses", "watched")


@pytest.mark.parametrize(
    ("verb", "nothing"), [("describe", None), ("release", ""), ("thing", None), ("made_again", False)]
)
def test_a_verb_that_raises_switches_the_probe_off(
    broken: Callable[[str], Panel], book: Ledger, verb: str, nothing: object
) -> None:
    """Whatever is asked of it: the answer is that of a probe that saw nothing."""
    panel = broken(verb)
    ask = getattr(panel, verb)
    assert ask("temp", ("/tmp/x",), book) == nothing
    assert ask("temp", ("/tmp/x",), book) == nothing
    assert list(faults.noted()) == ["probe temp"]
    assert "temp" not in panel.probes


def test_a_mark_that_cannot_be_set_switches_the_probe_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one more question that a probe may fail at; one that marks nothing is not asked."""
    panel = Panel(("files", "temp"))
    panel.mark("temp", ("/tmp/x",))

    def fail(*args: object) -> object:
        raise ValueError("broken probe")

    monkeypatch.setattr(DescriptorProbe, "mark", fail)
    panel.mark("descriptors", (3, 0, 0))
    assert list(faults.noted()) == ["probe descriptors"]


def test_a_begin_that_fails_switches_off_the_probe_that_looks_last(
    book: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked no more, and memory is unavailable."""
    panel = Panel(("memory",))
    memory = frozenset({"memory"})
    last = panel.last(memory)

    def fail(*args: object) -> object:
        raise ValueError("broken probe")

    monkeypatch.setattr(MemoryProbe, "begin", fail)
    panel.begin(last, book)
    panel.begin(last, book)
    assert (last, panel.last(memory)) == (("memory",), ())
    assert panel.unavailable == {"memory": "switched off after broken probe"}


def test_an_error_that_cannot_be_shown_is_still_noted(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken `__str__` in a user's error must not break the report of it."""

    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError("mute")

    def fail(*args: object) -> object:
        raise Mute

    monkeypatch.setattr(TempProbe, "take", fail)
    panel = Panel(("temp",))
    panel.look(("temp",), book)
    assert panel.unavailable["temp"] == "switched off after <Mute whose __str__ raises ValueError>"


def test_a_probe_that_is_off_is_not_switched_off_again() -> None:
    """The first reason stands."""
    panel = Panel(("temp",))
    panel.switch_off("temp", ValueError("first"))
    panel.switch_off("temp", ValueError("second"))
    assert panel.unavailable == {"temp": "switched off after first"}
