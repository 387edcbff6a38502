"""What the garbage collector had to close: `ResourceWarning`s and never-awaited coroutines, caught without changing any filter's effect.

A tuple in front of `warnings.filters` sees each warning and matches none: its "message pattern" keeps the text, its
"category" decides. Filters that a test puts in front of it (`pytest.warns`, `simplefilter`) come first, as they should.
Private parts of CPython: the order of checks in `warnings` (message, then category; 3.10 to 3.13) and
`warnings._warn_unawaited_coroutine`, which the interpreter calls by name. The canary proves both at start.
"""

from __future__ import annotations

import gc
import itertools
import linecache
import sys
import warnings
from collections import deque
from collections.abc import Callable
from types import CoroutineType, FrameType
from typing import Any

from .. import births, deaths, faults, ledger, origin
from ..model import Collection, Places, Resource, Sighting

_text = ""
_own_collection = False
_collection: Collection = ""
_original: Callable[[CoroutineType[Any, Any, Any]], None] | None = None
_origin_depth: int | None = None
_waiting: deque[Callable[[Any], None]] = deque()
_loading = False
asked: Callable[[bool], None] | None = None
"""Told when the program is about to collect in full (True), and when it has: `window.py` unfreezes for it what is frozen."""

ORIGIN_DEPTH = 1
"""Frames that each coroutine, awaited or not, remembers of its creation: up to 1 us each, since the interpreter looks up lines."""


class _Pattern:
    """Stands where a filter has its message pattern."""

    def match(self, text: str) -> bool:
        global _text
        _text = text
        return True


class _Category(type):
    """Stands where a filter has its category: told of the warning's class, it takes note and says no."""

    def __subclasscheck__(cls, category: type, is_finalizing: Callable[[], bool] = sys.is_finalizing) -> bool:
        # At the interpreter's end this module is empty, and a filter in somebody's copied list may outlive it.
        if is_finalizing() or not issubclass(category, ResourceWarning):
            return False
        try:
            _heard(_text, origin.frame_up(1))
        except Exception as error:
            faults.note("unclosed", error)
        return _own_collection


class _Listener(Warning, metaclass=_Category):
    """The category of the listening filter."""


_FILTER: Any = ("ignore", _Pattern(), _Listener, None, 0)


def install() -> None:
    """Learn of never-awaited coroutines and of collections; the filter itself is set anew for each scope."""
    global _original, _origin_depth
    if _original is None:
        _original = warnings._warn_unawaited_coroutine  # type: ignore[attr-defined]
        warnings._warn_unawaited_coroutine = _unawaited  # type: ignore[attr-defined]
        gc.callbacks.append(_on_collection)
        _origin_depth = sys.get_coroutine_origin_tracking_depth()
        if _origin_depth == 0:
            sys.set_coroutine_origin_tracking_depth(ORIGIN_DEPTH)


def remove() -> None:
    """Put everything back."""
    global _original, _origin_depth
    unlisten()
    if _original is not None:
        warnings._warn_unawaited_coroutine = _original  # type: ignore[attr-defined]
        _original = None
    if _on_collection in gc.callbacks:
        gc.callbacks.remove(_on_collection)
    if _origin_depth == 0 and sys.get_coroutine_origin_tracking_depth() == ORIGIN_DEPTH:
        sys.set_coroutine_origin_tracking_depth(0)
    _origin_depth = None


def listen() -> None:
    """Put the listening filter in front: pytest makes a new list of filters for each test."""
    filters: list[Any] = warnings.filters  # type: ignore[assignment]
    if not filters or filters[0] is not _FILTER:
        if _FILTER in filters:
            filters.remove(_FILTER)  # copied from an outer list, and covered since: heard twice, it would be told twice
        filters.insert(0, _FILTER)
        warnings._filters_mutated()  # type: ignore[attr-defined]


def unlisten() -> None:
    """Take the listening filter out of the list that is in force."""
    filters: list[Any] = warnings.filters  # type: ignore[assignment]
    if _FILTER in filters:
        filters.remove(_FILTER)
        warnings._filters_mutated()  # type: ignore[attr-defined]


def collect() -> int:
    """Run a full collection whose warnings are ours alone: they are findings, and pytest must not report them again."""
    global _own_collection
    listen()
    _own_collection = True
    try:
        return gc.collect()
    finally:
        _own_collection = False


def _on_collection(phase: str, info: dict[str, int]) -> None:
    global _collection
    deaths.collection(begins=phase == "start")
    if phase == "start":
        births.remember()
        _collection = "ours" if _own_collection else "asked" if _is_asked_for(info) else "automatic"
        if _collection == "asked" and asked is not None:
            asked(True)
    else:
        was_asked, _collection = _collection == "asked", ""
        if was_asked and asked is not None:
            asked(False)


def _is_asked_for(info: dict[str, int]) -> bool:
    """Whether the program itself called `gc.collect()`: in full, and from code that has the word."""
    if info["generation"] < 2:
        return False
    try:
        return "collect" in origin.frame_up(2).f_code.co_names
    except ValueError:
        return False  # a thread without a frame of Python


def _heard(text: str, frame: FrameType | None) -> None:
    collection = _collection
    _tell(lambda dropped: dropped.write(text, frame, collection))


def _tell(tell: Callable[[Any], None]) -> None:
    """Hand a loss to `dropped`, which is loaded for the first one; what falls while it is being loaded waits."""
    global _loading
    _waiting.append(tell)
    if _loading:
        return
    _loading = True
    try:
        from . import dropped
    finally:
        _loading = False
    while _waiting:
        _waiting.popleft()(dropped)


def _unawaited(coroutine: CoroutineType[Any, Any, Any]) -> None:
    """Stand in for `warnings._warn_unawaited_coroutine`: take note, then warn in the words of the interpreter."""
    message = f"coroutine '{coroutine.__qualname__}' was never awaited"
    try:
        if not _is_answered_for(message):
            _note_coroutine(coroutine, origin.frame_up(1))
    except Exception as error:
        faults.note("never-awaited coroutines", error)
    if not _own_collection:
        # The original would blame this frame; without tracking of the user's own its text has no origin either.
        origin_words = _origin_words(coroutine) if _origin_depth else ""
        warnings.warn(message + origin_words, category=RuntimeWarning, stacklevel=2, source=coroutine)


def _origin_words(coroutine: CoroutineType[Any, Any, Any]) -> str:
    """Return what the interpreter (3.10 to 3.14) says of a coroutine's creation where the user has it tracked."""
    import traceback

    places: Places = coroutine.cr_origin or ()
    frames = [(file, line, name, linecache.getline(file, line)) for file, line, name in reversed(places)]
    lines = ["\nCoroutine created at (most recent call last)\n", *traceback.format_list(frames)] if frames else []
    return "".join(lines).rstrip("\n")


def _is_answered_for(message: str) -> bool:
    """Whether a filter that the test put in front of ours decides: `pytest.warns`, or a `simplefilter` of its own."""
    filters: list[Any] = warnings.filters if _FILTER in warnings.filters else []  # type: ignore[assignment]
    in_front = itertools.takewhile(lambda one: one is not _FILTER, filters)
    return any(
        issubclass(RuntimeWarning, category) and (text is None or text.match(message))
        for _, text, category, *_ in in_front
    )


def _note_coroutine(coroutine: CoroutineType[Any, Any, Any], frame: FrameType | None) -> None:
    book = ledger.current() or (ledger.innermost() if _collection else None)
    if book is None:
        return
    code = coroutine.cr_code
    places: Places = coroutine.cr_origin or ((code.co_filename, code.co_firstlineno, code.co_name),)
    if coroutine.cr_origin and not (_origin_depth or _collection):
        places += origin.places_above(frame, *places[0])
    sighting = Sighting(
        kind="tasks",
        resource=Resource(
            "coroutine",
            coroutine.__qualname__,
            f"defined at {origin.relative(code.co_filename, origin.root())}:{code.co_firstlineno}",
        ),
        summary=f"the coroutine {coroutine.__name__}() was called and never awaited: its body did not run",
        fix=f"await {coroutine.__name__}(...), or wrap it in asyncio.create_task(...) and await that",
        places=places,
        proof="Python destroyed it before its first step",
    )
    collection = _collection
    _tell(lambda dropped: dropped.keep(sighting, book, frame, collection))
