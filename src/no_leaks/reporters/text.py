"""Text: a leak as the lines a person reads first, each with a style that the terminal may colour."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from .. import origin
from ..diagnose import origins
from ..model import Evidence, Frame, Leak, Verdict
from ..words import count, without_userinfo
from . import path
from .phrases import brief, duration, owner, sentence, short, verbs

Line: TypeAlias = tuple[str, str]
"""A text without its line end, and a style: "", "title", "bad", "good", "dim" or "source"."""

WIDTH = 88
HEADLINE = 120
TWINS = 4
"""How many more of the same are named one by one, and how many other tests."""

CALLERS = 6
"""Frames that are shown of one stack; the rest is counted."""

_LABEL = 12
_CHAIN = 24
"""Columns that a chain of callers may run over, rather than be broken after its first."""
_INDENT = "  "
_UNDER = " " * (len(_INDENT) + _LABEL)
_DECLARED = (Verdict.ALLOWED, Verdict.KNOWN)


def render(leaks: Sequence[Leak], root: str, *, width: int = WIDTH) -> str:
    """Return the blocks of some leaks as plain text, equal ones folded."""
    return "\n".join(text for text, _ in blocks(leaks, root, width=width))


def blocks(leaks: Sequence[Leak], root: str, *, width: int = WIDTH) -> Iterator[Line]:
    """Yield the lines of some leaks, a blank one between two; equal fingerprints of one test make one block."""
    for place, (first, *twins) in enumerate(fold(leaks)):
        if place:
            yield "", ""
        yield from lines(first, root, width=width, twins=twins)


def fold(leaks: Iterable[Leak]) -> list[list[Leak]]:
    """Group leaks by test, verdict and fingerprint, in the order of their first."""
    groups: dict[tuple[str | None, Verdict, str], list[Leak]] = {}
    for leak in leaks:
        groups.setdefault((leak.test, leak.verdict, leak.fingerprint), []).append(leak)
    return list(groups.values())


def headline(leaks: Sequence[Leak]) -> str:
    """Return "3 leaks: TCP socket opened at src/shop/http.py:31, ..." in at most 120 characters."""
    parts = [brief(first) + (f" ({len(twins) + 1} times)" if twins else "") for first, *twins in fold(leaks)]
    start = f"{count(len(leaks), 'leak')}: "
    for kept in range(len(parts), 0, -1):
        more = ", ..." if kept < len(parts) else ""
        text = start + ", ".join(parts[:kept]) + more
        if len(text) <= HEADLINE:
            return text
    return short(start + ", ".join(parts), HEADLINE)


def lines(leak: Leak, root: str, *, width: int = WIDTH, twins: Sequence[Leak] = ()) -> list[Line]:
    """Return the block of one leak; `twins` are further leaks of the same fingerprint in the same test."""
    return [
        (_title(leak, width), "title"),
        (sentence(leak.summary), "" if leak.verdict in _DECLARED else "bad"),
        *_wrapped(_INDENT, _identity(leak), ", ", width, under=_INDENT * 2),
        *_owner(leak),
        *_places(f"{verbs(leak).made} at", leak.created_at, root, width),
        *_places(verbs(leak).now, () if leak.now_at == leak.created_at else leak.now_at, root, width),
        *_labelled("waits for", leak.waits_for, width),
        *_labelled(verbs(leak).held, path.of(leak), width, sep=" -> "),
        *_labelled("evidence", evidence(leak), width, sep="; "),
        *_labelled("occurrences", _occurrences(leak, twins), width, sep=", "),
        *_labelled("allowed" if leak.verdict is Verdict.ALLOWED else "reason", leak.reason, width),
        *_labelled("fix", leak.hint, width, style="good"),
        *_labelled("if intended", allowance(leak), width, sep=""),
        *_labelled("done", f"{leak.done} after this report" if leak.done else "", width),
        *_labelled("repeat", repeat(leak), width, sep="", style="dim"),
    ]


def evidence(leak: Leak) -> str:
    """Say how it is known: the proof, or the looks and the time that were given it, and its growth per repetition."""
    seen: Evidence = leak.evidence
    parts = [leak.proof] if leak.proof else []
    if seen.attempts and not leak.proof:
        parts.append(f"still {verbs(leak).still} after {count(seen.attempts, 'look')} in {duration(seen.waited_s)}")
    if seen.rounds:
        growth = ", ".join(f"{change:+d}" for change in seen.rounds)
        even = len(set(seen.rounds)) == 1
        often = count(len(seen.rounds), "repetition")
        parts.append(f"{seen.rounds[0]:+d} on each of {often}" if even else f"{growth} on {often}")
    return "; ".join(parts)


def allowance(leak: Leak) -> str:
    """Return the marker that allows this leak, ready to paste; "" where it is allowed already, or no marker could."""
    scope = leak.owner.scope if leak.owner.fixture is not None else ""
    if leak.verdict in _DECLARED or scope in ("package", "session"):
        return ""
    start = "pytestmark = pytest" if scope == "module" else "@pytest"
    return f'{start}.mark.allow_leaks("{leak.kind}", reason="...")'


def repeat(leak: Leak) -> str:
    """Return the command that repeats the test with this kind alone; "" without a test."""
    if leak.test is None:
        return ""
    is_plain = re.search(r'["$`\\!]', leak.test) is None
    test = f'"{leak.test}"' if is_plain else shlex.quote(leak.test)
    return f"pytest {test} --no-leaks --no-leaks-kinds={leak.kind}"


def _title(leak: Leak, width: int) -> str:
    return f" {leak.verdict.value}: {leak.kind} · {leak.fingerprint} · {leak.confidence} ".center(width, "_")


def _identity(leak: Leak) -> str:
    what = leak.resource
    name = what.id if what.id.startswith(what.type) else f"{what.type} {what.id}".strip()
    age = f"{verbs(leak).aged} {duration(leak.age_s)}" if leak.age_s is not None else ""
    return ", ".join(filter(None, (name, what.detail, age)))


def _owner(leak: Leak) -> Iterator[Line]:
    if leak.owner.fixture is not None:
        yield _label("owner", ", ".join(filter(None, (owner(leak.owner), leak.owner.place)))), ""


def _occurrences(leak: Leak, twins: Sequence[Leak]) -> str:
    """Say how often: the other identities in this test, and the other tests."""
    others = [twin.resource.id for twin in twins if twin.resource.id]
    parts = [f"{len(twins) + 1} here" + (f", also {_some(others)}" if others else "")] if twins else []
    if leak.also_in:
        parts.append(f"{leak.occurrences} in all, also in {_some(leak.also_in)}")
    return ", ".join(parts)


def _some(names: Sequence[str]) -> str:
    more = f", and {len(names) - TWINS} more" if len(names) > TWINS else ""
    return ", ".join(names[:TWINS]) + more


def _places(label: str, frames: Sequence[Frame], root: str, width: int) -> Iterator[Line]:
    """Yield where: the first of the user's frames with its source line, its callers, and how many frames are folded."""
    if not frames:
        return
    mine = [frame for frame in origins.ordered(frames) if frame.in_app]
    first, *callers = mine[:CALLERS] or frames[:CALLERS]
    yield _label(label, _place(first)), ""
    source = without_userinfo(origin.source_line(first, root)) if first.in_app else ""
    if source:
        yield f"{' ' * _LABEL}>   {short(source, width - _LABEL - 4)}", "source"
    chain = " · ".join(map(_place, callers))
    folded = (
        _folded(len(mine[CALLERS:]), "frame"),
        _folded(len(frames) - len(mine or frames[:CALLERS]), "library frame"),
    )
    text = "  ".join(filter(None, (chain, *folded)))
    yield from _wrapped(_UNDER, text, " · ", width + _CHAIN, style="dim")


def _folded(number: int, what: str) -> str:
    return f"(+{count(number, what)})" if number else ""


def _place(frame: Frame) -> str:
    return f"{frame.file}:{frame.line} in {frame.function}"


def _label(label: str, text: str) -> str:
    return f"{_INDENT}{label:<{_LABEL - 1}} {text}"


def _labelled(label: str, text: str, width: int, *, sep: str = " ", style: str = "") -> Iterator[Line]:
    return _wrapped(_label(label, ""), text, sep, width, style=style)


def _wrapped(start: str, text: str, sep: str, width: int, *, under: str = "", style: str = "") -> Iterator[Line]:
    """Yield a text in lines that break at `sep` only, so that no path and no code is cut; nothing for no text."""
    if not text:
        return
    line, room = start, False
    for part in text.split(sep) if sep else [text]:
        if room and len(line) + len(sep) + len(part) > width:
            yield line + sep.rstrip(), style
            line, room = under or " " * len(start), False
        line += sep + part if room else part
        room = True
    yield line, style
