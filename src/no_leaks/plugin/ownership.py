"""Ownership: what a wider fixture makes is the fixture's, and a coroutine test owns what it makes on anybody's loop."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import pytest

from ..ledger import Ledger, end_ledger, enter, leave, open_ledger
from ..model import Ident, Owner, Snapshot
from ..scope import Scope
from ..session import Session
from . import coroutines, fixtures


class Fixtures:
    """Who is at work beside the checked test: the wider fixtures that are set up, and tests that nobody checks."""

    def __init__(self, session: Session, wider: fixtures.Wider) -> None:
        self.wider = wider
        self._session = session
        self._unchecked: tuple[Ledger, tuple[Ledger | None, Ledger | None]] | None = None
        self._remembered = False
        self.changed = True
        """Whether a wider scope has opened or closed things since the last look."""

    def around(self, fixturedef: Any, request: Any, test: Scope | None) -> Generator[None, object, object]:
        """Run a wider fixture's set-up in its own scope; a test that is not checked has none, the fixture has one all the same."""
        try:
            return (yield from self.wider.set_up(fixturedef, request, test))
        finally:
            if test is not None:
                self._session.panel.begin(test.last, test.ledger)  # what the fixture keeps is no growth of the test's
            if fixturedef is not self.wider.repeated:
                self._keep_in_words(self.wider.descriptors_of(fixturedef))

    def end(self, fixturedef: Any, test: Scope | None) -> None:
        """Judge a wider fixture, and forget what its teardown has closed: look anew before the next test."""
        made = self.wider.descriptors_of(fixturedef)
        if self.wider.end(fixturedef, test):
            tuple(self._words_of(made))
            self.changed = True

    def begin_unchecked(self, item: pytest.Item) -> None:
        """Name a ledger of its own as the one at work in a test that nobody checks: what its threads do later is its own."""
        book = open_ledger(Owner("function", test=item.nodeid))
        self._unchecked = book, enter(book)

    def end_unchecked(self) -> None:
        """End that ledger, if there is one; whatever comes to light under it is nobody's leak."""
        if self._unchecked is not None:
            (book, outer), self._unchecked = self._unchecked, None
            self.wider.keep_apart_unchecked(book)
            end_ledger(book)
            leave(book, outer)
            book.judged = sys.maxsize

    def remember(self, scope: Scope) -> None:
        """Keep in words, once, what was open before the first test; what a fixture's threads opened, they may close."""
        if not self._remembered:
            self._remembered = True
            before, describe = scope.before.get("descriptors", frozenset()), self._session.panel.describe
            self._keep_in_words(frozenset(one for one in before if describe("descriptors", one, scope.ledger)))

    def closed_by_others(self, scope: Scope) -> Iterator[str]:
        """Yield in words what the scope closed and neither it nor another test had opened."""
        yield from self._words_of(ident for name, ident in scope.foreign if name == "descriptors")

    def _words_of(self, idents: Iterable[Ident]) -> Iterator[str]:
        recall = getattr(self._session.panel.probes.get("descriptors"), "recall", None)
        if recall is not None:
            yield from filter(None, map(recall, idents))

    def _keep_in_words(self, idents: Snapshot) -> None:
        remember = getattr(self._session.panel.probes.get("descriptors"), "remember", None)
        if remember is not None:
            remember(idents)


def own_coroutine(item: pytest.Item, ledger: Ledger) -> Callable[[], None] | None:
    """Let a coroutine function test begin by naming its own ledger; return what puts its function back, None for others.

    A loop of a wider scope runs its tasks in the context of the fixture that made it, and would hide the test's own leaks.
    """
    function = getattr(item, "obj", None)
    if function is None or not inspect.iscoroutinefunction(function):
        return None
    item.obj = coroutines.of_function(function, ledger)  # type: ignore[attr-defined]
    return functools.partial(setattr, item, "obj", function)
