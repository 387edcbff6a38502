"""Phrases: the verbs of each kind, and the short forms of time and text that every report shares."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..diagnose import origins
from ..model import Leak, Owner

ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Verbs:
    """How a kind is spoken of: made ("opened"), still there ("open"), for how long ("open for"), where it is, and what holds it."""

    made: str
    still: str
    aged: str
    now: str = "now at"
    held: str = "held by"


OPENED = Verbs("opened", "open", "open for")
STARTED = Verbs("started", "running", "running for")
CREATED = Verbs("created", "there", "there for")
VERBS: dict[str, Verbs] = {
    "files": OPENED,
    "sockets": OPENED,
    "pipes": OPENED,
    "fds": OPENED,
    "unclosed": Verbs("opened", "open", "open for", "dropped at"),
    "processes": STARTED,
    "threads": STARTED,
    "tasks": Verbs("created", "pending", "pending for"),
    "temp": Verbs("created", "on disk", "on disk for"),
    "memory": Verbs("grown", "there", "there for"),
    "state": Verbs("changed", "changed", "changed for"),
    "watched object": Verbs("watched", "alive", "alive for"),
    "cycles": Verbs("tied", "there", "there for", held="circle"),
    "blocking": Verbs("blocked", "blocked", "blocked for"),
}
"""By kind, or by the type of a resource that is spoken of otherwise; what is not here is `CREATED`."""

_MADE = re.compile(r"^(?:an? |the )?(?P<noun>.+?) (?:was|were) (?P<verb>\w+)\b")


def owner(who: Owner) -> str:
    """Say who answers, for what is no test's: "fixture 'server' (session scope)", "setup_module of test_a.py"."""
    if who.fixture is None:
        return who.scope
    return who.fixture if " of " in who.fixture else f"fixture {who.fixture!r} ({who.scope} scope)"


def verbs(leak: Leak) -> Verbs:
    """Return the verbs of what a leak is."""
    return VERBS.get(leak.resource.type) or VERBS.get(leak.kind, CREATED)


def duration(seconds: float) -> str:
    """Return a length of time with two digits or so: "63 ms", "0.42 s", "2 min 5 s"."""
    if seconds < 0.1:
        return f"{seconds * 1e3:.0f} ms" if seconds >= 0.001 else f"{seconds * 1e6:.0f} us"
    if seconds < 120:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def sentence(text: str) -> str:
    """Return a summary as a sentence: a capital first, a full stop last."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def short(text: str, longest: int) -> str:
    """Cut a text to a length; the last character says so."""
    return text if len(text) <= longest else text[: longest - 1] + ELLIPSIS


def brief(leak: Leak) -> str:
    """Say what leaked in a few words: "TCP socket opened at src/shop/http.py:31"."""
    made = _MADE.match(leak.summary)
    what = f"{made['noun']} {made['verb']}" if made else f"{leak.resource.type} {verbs(leak).made}"
    site = origins.site(leak)
    return f"{what} at {site.file}:{site.line}" if site is not None else f"{what} ({leak.resource.id})"
