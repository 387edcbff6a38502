"""The blocking probe: a loop that is held up right now, in another thread or by the scope's own callback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from no_leaks import ledger as ledgers
from no_leaks import origin
from no_leaks.ledger import Ledger
from no_leaks.model import Owner
from no_leaks.probes.blocking import BlockingProbe
from no_leaks.sensors import blocking
from no_leaks.sensors import blocking_watch as watch


class Held:
    """A loop in another thread, held up until it is let go."""

    def __init__(self, ledger: Ledger) -> None:
        self.seen, self.free = threading.Event(), threading.Event()
        self.ledger = ledger
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with ledgers.at_work(self.ledger):
            asyncio.run(self.main())

    async def main(self) -> None:
        """Hold up the loop."""
        assert self.free.wait(30)

    def let_go(self) -> None:
        """Let the loop end."""
        self.free.set()
        self.thread.join()


@pytest.fixture
def held(no_outer_session: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """Return a loop that is held up and that the monitor has seen."""
    made = Held(Ledger(Owner("function")))
    monkeypatch.setattr(watch, "on_sample", made.seen.set)
    blocking.install()
    blocking.configure(0.001, 0.001)
    made.thread.start()
    assert made.seen.wait(30)
    yield made
    made.let_go()
    blocking.remove()
    blocking.configure(0.2, 0.01)


def test_a_loop_held_up_right_now_is_seen(held: Held) -> None:
    """It is described with the stack where it stands."""
    probe = BlockingProbe()
    (ident,) = probe.take(held.ledger)
    found = probe.describe(ident, held.ledger)
    assert found is not None
    assert "so far" in found.proof
    assert any(frame.function == "Held.main" or frame.function == "main" for frame in origin.frames_of(found.stack))
    assert found.now == origin.frames_of(found.stack)


def test_it_is_not_another_scopes(held: Held) -> None:
    """A callback belongs to the ledger it runs under."""
    assert BlockingProbe().take(Ledger(Owner("function"))) == frozenset()


def test_it_is_forgotten_once_it_has_ended(held: Held) -> None:
    """What has ended is in the ledger's losses, and no longer the probe's."""
    probe = BlockingProbe()
    (ident,) = probe.take(held.ledger)
    held.let_go()
    assert probe.take(held.ledger) == frozenset()
    assert probe.describe(ident, held.ledger) is None
    assert probe.release(ident, held.ledger) == ""
    assert len([loss for loss in held.ledger.losses if "main" in loss.summary]) == 1


def test_it_is_told_once(held: Held) -> None:
    """After it was reported it is not reported again when it ends."""
    probe = BlockingProbe()
    (ident,) = probe.take(held.ledger)
    assert probe.release(ident, held.ledger) == ""
    assert probe.describe(ident, held.ledger) is None
    assert probe.take(held.ledger) == frozenset()
    held.let_go()
    assert [loss for loss in held.ledger.losses if "main" in loss.summary] == []
