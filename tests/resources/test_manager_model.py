"""The manager against a model: any order of registering, closing, giving back, dropping and cleaning up keeps the books right."""

from __future__ import annotations

import gc

from backends import Thing
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from no_leaks.resources import Handle, ResourceManager

KINDS = st.sampled_from(["files", "connections", "tasks"])


class ManagerMachine(RuleBasedStateMachine):
    """The model is a list of what is open, with three counts."""

    handles: Bundle[Handle] = Bundle("handles")

    def __init__(self) -> None:
        super().__init__()
        self.manager = ResourceManager()
        self.open: dict[int, tuple[Handle, Thing]] = {}
        self.created = self.cleaned = self.failed = self.leaked = self.peak = 0

    @rule(target=handles, kind=KINDS, fails=st.booleans())
    def register(self, kind: str, fails: bool) -> Handle:
        """Open one more."""
        thing = Thing(error=OSError() if fails else None)
        handle = self.manager.register(thing, kind=kind)
        self.open[handle.number] = (handle, thing)
        self.created += 1
        self.peak = max(self.peak, len(self.open))
        return handle

    @rule(handle=handles)
    def close(self, handle: Handle) -> None:
        """Close, again or for the first time."""
        _, thing = self.open.pop(handle.number, (None, None))
        try:
            handle.close()
        except OSError:
            self.failed += 1
            assert thing is not None
        else:
            self.cleaned += thing is not None
        assert thing is None or thing.closed == 1

    @rule(handle=handles)
    def give_back(self, handle: Handle) -> None:
        """Closed by other means."""
        entry = self.open.pop(handle.number, None)
        assert handle.unregister() is (entry is not None)
        self.cleaned += entry is not None

    @rule(handle=consumes(handles))
    def drop(self, handle: Handle) -> None:
        """Lose the thing without closing it."""
        self.leaked += self.open.pop(handle.number, None) is not None

    @rule()
    def clean_up(self) -> None:
        """Close all, the youngest first."""
        things = [thing for _, thing in self.open.values()]
        failing = sum(thing.fails for thing in things)
        try:
            self.manager.cleanup()
        except Exception as group:
            raised = len(group.exceptions)  # type: ignore[attr-defined]
        else:
            raised = 0
        assert raised == failing
        self.failed += failing
        self.cleaned += len(things) - failing
        self.open.clear()

    @invariant()
    def the_books_are_right(self) -> None:
        """Every number, and the order."""
        metrics = self.manager.metrics()
        assert [handle.number for handle in self.manager.active()] == list(self.open)
        assert (metrics.created, metrics.total_active, metrics.peak) == (self.created, len(self.open), self.peak)
        assert (metrics.cleaned, metrics.cleanup_errors, metrics.leaked) == (self.cleaned, self.failed, self.leaked)

    def teardown(self) -> None:
        """Leave nothing to the next example."""
        self.open.clear()
        gc.collect()


TestManager = ManagerMachine.TestCase
TestManager.settings = settings(max_examples=40, stateful_step_count=30)
