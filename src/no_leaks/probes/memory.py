"""Memory: whether a test may have grown something; a look only suspects, and the repetition of the test tells."""

from __future__ import annotations

from typing import final

from .. import judge
from ..config import Settings
from ..ledger import Ledger
from ..memory.budget import GRANT_S
from ..memory.proof import Proof
from ..memory.suspicion import Suspicions
from ..model import Ident, Kind, Resource, Sighting, Snapshot
from ..sensors import warnings_

_NOTHING: Snapshot = frozenset()
_SUSPECTED: Snapshot = frozenset({("growth",)})
PLANTED = 150
"""So many objects more the canary's plant has to be seen by."""


@final
class MemoryProbe:
    """Looks at the tests alone: what a wider fixture or a block makes cannot be made again to see whether it grows."""

    name = "memory"
    kinds: tuple[Kind, ...] = ("memory",)

    def __init__(self) -> None:
        self.suspicions = Suspicions()
        self._book: Ledger | None = None
        self._verdict: bool | None = None
        self._is_asked = False
        self._is_allowed = False
        self._rounds = 0

    def tune(self, settings: Settings) -> None:
        """Hear what the scope that begins asks for."""
        self._is_asked = settings.prove_growth
        self._rounds = settings.rounds
        self._is_allowed = any(judge.allows(one, SUSPECTED) for one in settings.allowances)

    def begin(self, ledger: Ledger) -> None:
        """Take what is there for none of this scope's doing; asked again when a wider fixture was set up in it."""
        if ledger.owner.scope in ("function", "canary"):
            self._book, self._verdict = ledger, None
            if ledger.owner.scope == "canary":
                warnings_.collect()  # what other plants have dropped would hide this one, where blocks are counted
            self.suspicions.begin()

    def take(self, ledger: Ledger) -> Snapshot:
        """Say whether the scope that began last is suspected."""
        if ledger is not self._book:
            return _NOTHING
        if ledger.owner.scope == "canary":
            return _SUSPECTED if self.suspicions.is_large(PLANTED) else _NOTHING
        if self._verdict is None:
            self._verdict = self._is_suspected(ledger)
        return _SUSPECTED if self._verdict else _NOTHING

    def _is_suspected(self, ledger: Ledger) -> bool:
        if self._is_allowed:
            return False
        is_new = self.suspicions.is_new(function_of(ledger))
        if self._is_asked or not is_new:
            return self._is_asked
        affords = self.suspicions.is_affordable()
        if not affords:
            self.suspicions.unconfirmed.append(ledger.owner.test or "")
        return affords

    def describe(self, ident: Ident, ledger: Ledger) -> Sighting | None:
        """Say that there is a suspicion: what grew is known once it has grown again."""
        return SUSPECTED

    def release(self, ident: Ident, ledger: Ledger) -> str:
        """Nothing is let go of that somebody may use."""
        return ""

    def proof(self) -> Proof:
        """Return the question that is to be put to the repetitions of the test that was suspected."""
        if self._is_asked:
            return Proof(least=self._rounds, thorough=True)
        return Proof(least=self._rounds, affords=lambda took_s: took_s < GRANT_S, spares=self.suspicions.spares)

    def clear(self, ledger: Ledger) -> None:
        """Hear that a test has not grown when it was repeated."""
        self.suspicions.clear(function_of(ledger))


SUSPECTED = Sighting(
    kind="memory",
    resource=Resource("memory", "in use"),
    summary="objects or native memory were left, more than such tests leave",
    fix="",
)
"""What is unproven; it is replaced by what the proof finds, or dropped."""


def function_of(ledger: Ledger) -> str:
    """Return a test's name without its parameters."""
    return (ledger.owner.test or "").partition("[")[0]
