"""All probes as one: made once for a session, looked through together, and switched off one by one if they fail."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator

from .. import customs, faults
from ..config import Settings
from ..ledger import Ledger
from ..model import Ident, Kind, Sighting, Snapshot
from ..names import HANDLES, KINDS
from .protocol import Probe, Unavailable

EMPTY: Snapshot = frozenset()

TABLE: tuple[tuple[str, str, tuple[Kind, ...]], ...] = (
    ("descriptors", "DescriptorProbe", HANDLES),
    ("processes", "ProcessProbe", ("processes",)),
    ("threads", "ThreadProbe", ("threads",)),
    ("tasks", "TaskProbe", ("tasks",)),
    ("temp", "TempProbe", ("temp",)),
    ("managed", "ManagedProbe", ("managed",)),
    ("memory", "MemoryProbe", ("memory",)),
    ("losses", "LossProbe", KINDS),
    ("watched", "WatchedProbe", KINDS),
    ("state", "StateProbe", ("state",)),
    ("blocking", "BlockingProbe", ("blocking",)),
    ("cycles", "CyclesProbe", ("cycles",)),
)
"""File, class and kinds of each probe, in the order in which they look."""

CARRIED = frozenset({"descriptors", "processes", "threads", "custom"})
"""What these saw at the end of one scope is what they see at the begin of the next."""
TAKEN = frozenset({"state", "cycles"})
"""These look at the begin of each scope anew; all others count from nothing, since the ledger is the scope's own."""
LAST = ("memory",)
"""These hear when a scope begins, and look when nobody else has a question: they collect what nobody can reach."""
LATER: dict[Kind, str] = {}


class Panel:
    """The probes of some kinds; a probe that raises is reported once and not asked again."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self.probes: dict[str, Probe] = {}
        self.unavailable: dict[Kind, str] = {}
        self._names: dict[frozenset[Kind], tuple[str, ...]] = {}
        self._lasts: dict[frozenset[Kind], tuple[str, ...]] = {}
        wanted = frozenset(kinds)
        self.unavailable.update({kind: why for kind, why in LATER.items() if kind in wanted})
        self.unavailable.update(
            {kind: f"switched off: {faults.words(error)}" for kind, error in customs.off().items() if kind in wanted}
        )
        self._table = (*TABLE, ("custom", "CustomProbe", customs.names()))
        for name, cls, served in self._table:
            if wanted & set(served):
                self._make(name, cls, tuple(kind for kind in served if kind in wanted))

    def _make(self, name: str, cls: str, served: tuple[Kind, ...]) -> None:
        try:
            module = importlib.import_module(f".{name}", __package__)
            probe: Probe = getattr(module, cls)()
        except Unavailable as reason:
            self.unavailable.update(dict.fromkeys(served, str(reason)))
        except Exception as error:
            faults.note(f"probe {name}", error)
            self.unavailable.update(dict.fromkeys(served, f"could not be made: {faults.words(error)}"))
        else:
            self.probes[name] = probe

    def names(self, kinds: frozenset[Kind]) -> tuple[str, ...]:
        """Return the probes that can see any of these kinds, in their order."""
        names = self._names.get(kinds)
        if names is None:
            names = tuple(name for name in self._serving(kinds) if name not in LAST)
            self._names[kinds] = names
        return names

    def last(self, kinds: frozenset[Kind]) -> tuple[str, ...]:
        """Return those that look last."""
        names = self._lasts.get(kinds)
        if names is None:
            names = self._lasts[kinds] = tuple(name for name in self._serving(kinds) if name in LAST)
        return names

    def _serving(self, kinds: frozenset[Kind]) -> Iterator[str]:
        return (name for name, _, served in self._table if name in self.probes and kinds.intersection(served))

    def tune(self, settings: Settings) -> None:
        """Tell the probes what the scope that begins asks for."""
        for name in LAST:
            self._ask(name, "tune", settings)

    def begin(self, names: tuple[str, ...], ledger: Ledger) -> None:
        """Tell those that look last that a scope begins here."""
        for name in names:
            self._ask(name, "begin", ledger)

    def _ask(self, name: str, verb: str, of: object) -> None:
        probe = self.probes.get(name)
        if probe is not None:
            try:
                getattr(probe, verb)(of)
            except Exception as error:
                self.switch_off(name, error)

    def look(self, names: tuple[str, ...], ledger: Ledger) -> dict[str, Snapshot]:
        """Take one look through these probes."""
        seen: dict[str, Snapshot] = {}
        for name in names:
            probe = self.probes.get(name)
            if probe is not None:
                try:
                    seen[name] = probe.take(ledger)
                except Exception as error:
                    self.switch_off(name, error)
        return seen

    def describe(self, name: str, ident: Ident, ledger: Ledger) -> Sighting | None:
        """Describe one identity; None also where its probe has failed."""
        probe = self.probes.get(name)
        try:
            return probe.describe(ident, ledger) if probe is not None else None
        except Exception as error:
            self.switch_off(name, error)
            return None

    def release(self, name: str, ident: Ident, ledger: Ledger) -> str:
        """Let go of one identity; return what was done, "" where nothing was."""
        probe = self.probes.get(name)
        try:
            return probe.release(ident, ledger) if probe is not None else ""
        except Exception as error:
            self.switch_off(name, error)
            return ""

    def mark(self, name: str, ident: Ident, *, on: bool = True) -> None:
        """Have a thing marked that is to be told from its like, where its probe can, or the mark taken off."""
        ask = getattr(self.probes.get(name), "mark" if on else "unmark", None)
        try:
            if ask is not None:
                ask(ident)
        except Exception as error:
            self.switch_off(name, error)

    def made_again(self, name: str, ident: Ident, ledger: Ledger) -> bool:
        """Whether a later scope made the same thing anew, where its probe can tell: it is no other one then."""
        ask = getattr(self.probes.get(name), "made_again", None)
        try:
            return ask is not None and ask(ident, ledger)
        except Exception as error:
            self.switch_off(name, error)
            return False

    def thing(self, name: str, ident: Ident, ledger: Ledger) -> object | None:
        """Return the object behind an identity, where its probe can hand it out."""
        ask = getattr(self.probes.get(name), "thing", None)
        try:
            return ask(ident, ledger) if ask is not None else None
        except Exception as error:
            self.switch_off(name, error)
            return None

    def switch_off(self, name: str, error: BaseException) -> None:
        """Take a failed probe out: reported once, and never a reason to break a user's test."""
        faults.note(f"probe {name}", error)
        probe = self.probes.pop(name, None)
        self._names.clear()
        self._lasts.clear()
        if probe is not None and name not in ("losses", "watched"):
            self.unavailable.update(dict.fromkeys(probe.kinds, f"switched off after {faults.words(error)}"))
