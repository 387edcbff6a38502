"""Cycles: what only the collector can free, written down while a scope asks for it, before any collection takes it away.

A scope begins with nothing young: all that is there is collected, and what stays is old. Its end looks at what is young
then. A collection that comes in between, by itself or because the program asks for it, is told before it begins, and what it is
about to free is looked at first. So that this is rare, the collector waits for `PATIENCE` new objects instead of a few
hundred: to switch it off would let a test that makes much garbage run out of memory, to look at every few hundred objects
costs ten times what making them does.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable
from dataclasses import dataclass, field

from .. import env, faults, ledger
from ..diagnose import circle_rules, circles
from ..diagnose.circles import Circle
from ..ledger import Ledger
from . import garbage, warnings_, window

PATIENCE = 10_000
"""New objects after which the collector comes by itself while a scope is watched: a megabyte or two, and a look of 20 ms."""
OLD = 2
"""The generation of what has outlived all collections."""


@dataclass(slots=True, eq=False)
class Span:
    """One scope that asks for cycles: what it has left so far, by number."""

    outer: Ledger | None = None
    """Who was at work before: a fixture that is set up or torn down has its turn within a test's."""
    found: dict[int, Circle] = field(default_factory=dict[int, Circle])
    fresh: list[int] = field(default_factory=list[int])
    """What was found since somebody last asked: more of its like is counted to it."""


_spans: dict[Ledger, Span] = {}
_outer: set[Ledger] = set()
_at_work: Ledger | None = None
"""Whose garbage it is that is found next: wider fixtures are watched, too, and idle while their tests run."""
_told: set[int] = set()
"""Garbage that has been described, by identity: it keeps its addresses until it is collected."""
_taken: set[int] = set()
"""Garbage that the collection that runs will free."""
_grown: set[int] = set()
"""What was made in a scope and is old by now, by identity."""
_number = 0
_freezes = 0
_thresholds: tuple[int, int, int] | None = None


def begin(book: Ledger) -> None:
    """Begin to watch a scope: what is garbage already is not its own."""
    global _freezes, _thresholds, _at_work
    if _at_work is not None:
        _write(OLD)
    warnings_.collect()
    if _at_work is None:  # what is old now is nobody's
        _forget()
        _freezes = window.freezes
    if not _spans:
        gc.callbacks.append(_on_collection)
        kept = gc.get_threshold()
        if 0 < kept[0] < PATIENCE:
            gc.set_threshold(PATIENCE, *kept[1:])
            _thresholds = kept
    _spans[book] = Span(_at_work)
    _at_work = book
    book.at_end = end


def end(book: Ledger) -> None:
    """Watch a scope no longer; with the last one the collector works again as it did."""
    global _thresholds, _at_work
    span = _spans.pop(book, None)
    if _at_work is book:
        _at_work = span.outer if span is not None and span.outer in _spans else None
    if _spans:
        return
    if _on_collection in gc.callbacks:
        gc.callbacks.remove(_on_collection)
    if _thresholds is not None and gc.get_threshold() == (PATIENCE, *_thresholds[1:]):
        gc.set_threshold(*_thresholds)
    _thresholds = None
    _forget()


def look(book: Ledger) -> frozenset[int]:
    """Look what is garbage now; return the numbers of all that this scope has left so far.

    Who is at work changes right before a look, and between two of them nobody else's turn begins.
    """
    if window.freezes != _freezes:
        window.unfreeze()  # the program has collected: what the scope had made by then was frozen with the rest
    _write(OLD)
    _turn()
    span = _spans[book]
    span.fresh.clear()
    return frozenset(span.found)


def is_watched(book: Ledger) -> bool:
    """Whether a scope is being watched."""
    return book in _spans


def circle(book: Ledger, number: int) -> Circle | None:
    """Return what a number stands for."""
    span = _spans.get(book)
    return span.found.get(number) if span is not None else None


def install() -> None:
    """Take note of what an outer run watches: that is the outer run's to end."""
    _outer.clear()
    _outer.update(_spans)


def remove() -> None:
    """Watch nothing any longer that has begun since, whoever has not ended."""
    for book in [book for book in _spans if book not in _outer]:
        end(book)


def _on_collection(phase: str, info: dict[str, int]) -> None:
    if phase == "start":
        alive, taken = _write(info["generation"])
        if info["generation"] or env.PY314:
            _grown.update(alive)
        _taken.update(taken)
    else:
        _told.difference_update(_taken)
        _taken.clear()


def _turn() -> None:
    """See whose turn it is: one that returns to whom it took it from had been let in, any other is."""
    global _at_work
    now = ledger.current()
    if now is _at_work:
        return
    before = _spans.get(_at_work) if _at_work is not None else None
    if now in _spans and (before is None or before.outer is not now):
        _spans[now].outer = _at_work
    _at_work = now


def _forget() -> None:
    for seen in (_told, _taken, _grown):
        seen.clear()


def _write(generation: int) -> tuple[set[int], set[int]]:
    """Describe the new garbage of the generations up to one; return the identities of what is none, and of all that is."""
    things = _young(generation)
    lost: list[object] = []
    new: list[object] = []
    try:
        if any(map(circle_rules.is_foreign, set(map(type, things)))):
            lost = garbage.unreachable(things)
            new = [thing for thing in lost if id(thing) not in _told]
        taken = set(map(id, lost))
        if generation == OLD:
            _told.clear()  # of what is gone, by whatever way, the address may be another's
        _told.update(taken)
        if new:
            _keep(circles.of(new, ledger.all_ledgers()))
        return set(map(id, things)) - taken, taken
    except Exception as error:
        faults.note("cycles", error)
        return set(), set()
    finally:
        for ours in (new, lost, things):
            ours.clear()


def _keep(found: Iterable[Circle]) -> None:
    global _number
    span = _spans.get(_at_work) if _at_work is not None else None
    if span is None:
        return
    for circle in found:
        like = next((one for one in span.fresh if span.found[one].is_like(circle)), None)
        if like is not None:
            span.found[like] = span.found[like].and_more(circle.times, circle.objects)
        else:
            _number += 1
            span.found[_number] = circle
            span.fresh.append(_number)


def _young(generation: int) -> list[object]:
    """Return what the scopes have made and is in these generations: the young ones, and of the old what has grown there."""
    things = window.listed(0)
    if generation:
        things += window.listed(1)
    if generation == OLD and _grown:
        things += [thing for thing in window.listed(OLD) if id(thing) in _grown]
    return things
