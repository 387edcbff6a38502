"""Ownership: what a wider fixture makes is the fixture's, and a coroutine test owns what it makes on anybody's loop."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ..ledger import Ledger, at_work, end_ledger, open_ledger
from ..model import Ident, Owner, Snapshot
from ..probes.panel import CARRIED
from ..scope import Scope
from ..session import Session


class Fixtures:
    """The wider fixtures that are set up, each with its ledger."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ledgers: dict[int, Ledger] = {}
        self._remembered = False
        self.changed = True
        """Whether a wider scope has opened or closed things since the last look."""

    def around(self, fixturedef: Any, scope: Scope) -> Generator[None, object, object]:
        """Run a wider fixture's set-up under its own ledger; what appears meanwhile is not the test's."""
        names = tuple(name for name in scope.names if name in CARRIED)
        ledger = open_ledger(Owner(fixturedef.scope, fixturedef.argname))
        self._ledgers[id(fixturedef)] = ledger
        before = self._session.panel.look(names, ledger)
        try:
            with at_work(ledger):
                return (yield)
        finally:
            after = self._session.panel.look(names, ledger)
            born: dict[str, Snapshot] = {name: after[name] - before[name] for name in after if name in before}
            scope.adopt(born)
            self._keep_in_words(born.get("descriptors", frozenset()))

    def end(self, fixturedef: Any) -> bool:
        """End a wider fixture's ledger; False if it had none."""
        ledger = self._ledgers.pop(id(fixturedef), None)
        if ledger is not None:
            end_ledger(ledger)
        return ledger is not None

    def remember(self, scope: Scope) -> None:
        """Keep in words, once, what was open before the first test."""
        if not self._remembered:
            self._remembered = True
            self._keep_in_words(scope.before.get("descriptors", frozenset()))

    def closed_by_others(self, scope: Scope) -> Iterator[str]:
        """Yield in words what the scope closed and neither it nor another test had opened."""
        gone: list[Ident] = [ident for name, ident in scope.foreign if name == "descriptors"]
        recall: Callable[[Ident], str | None] | None = getattr(self._session.panel.probes.get("descriptors"), "recall", None)
        for ident in gone if recall is not None else ():
            words = recall(ident)
            if words is not None:
                yield words

    def _keep_in_words(self, idents: Snapshot) -> None:
        remember = getattr(self._session.panel.probes.get("descriptors"), "remember", None)
        if remember is not None:
            remember(idents)


@contextmanager
def own_coroutine(item: pytest.Item, ledger: Ledger) -> Iterator[None]:
    """While it runs, let a coroutine function test begin by naming its own ledger.

    A loop of a wider scope runs its tasks in the context of the fixture that made it, and would hide the test's own leaks.
    """
    function = getattr(item, "obj", None)
    if function is None or not inspect.iscoroutinefunction(function):
        yield
        return

    @functools.wraps(function)
    async def owned(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        with at_work(ledger):
            return await function(*args, **kwargs)

    item.obj = owned  # type: ignore[attr-defined]
    try:
        yield
    finally:
        item.obj = function  # type: ignore[attr-defined]


