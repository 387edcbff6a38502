"""The nouns of the flow: what a probe saw, what the judge made of it, and who owns it; plain values all."""

# Annotations are evaluated here (no __future__): a NamedTuple would have to compile each of them from its text.
from collections.abc import Hashable
from enum import Enum
from types import CodeType
from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = str
Ident: TypeAlias = tuple[Hashable, ...]
Snapshot: TypeAlias = frozenset[Ident]
Spot: TypeAlias = tuple[str, Ident]
"""Where a thing was seen: the probe's name and the identity."""
Places: TypeAlias = tuple[tuple[str, int, str], ...]
RawStack: TypeAlias = tuple[tuple[CodeType, int], ...]
Collection: TypeAlias = Literal["", "ours", "asked", "automatic"]
"""Why the garbage collector is at work: not at all, for our settling, asked by the program, or by itself."""


class Verdict(str, Enum):
    """What the judge says of one thing left behind (design: "Verdicts")."""

    LEAK = "leak"
    ONCE = "once"
    UNCONFIRMED = "unconfirmed"
    ALLOWED = "allowed"
    KNOWN = "known"

    @property
    def fails(self) -> bool:
        """Whether a test with this verdict fails under the default settings."""
        return self in (Verdict.LEAK, Verdict.UNCONFIRMED)


class Frame(NamedTuple):
    """One line of a stack: `file` is relative to the root folder, with "/"; `in_app` is the user's own code."""

    file: str
    line: int
    function: str
    in_app: bool


class Owner(NamedTuple):
    """Who answers for a resource: a scope ("function" … "session"), a fixture's name or None, a test's node id or None."""

    scope: str
    fixture: str | None = None
    test: str | None = None
    place: str = ""
    """Where the fixture was written: "tests/conftest.py:12"."""


class Resource(NamedTuple):
    """What it is: type ("socket"), identity ("fd 11") and detail ("127.0.0.1:50214 -> 127.0.0.1:8081")."""

    type: str
    id: str
    detail: str = ""


class Sighting(NamedTuple):
    """One thing that is there and should not be, as a probe describes it; it holds no object of the test."""

    kind: Kind
    resource: Resource
    summary: str
    """One sentence with the verb that made it and the verb that is missing: "a TCP socket was opened and never closed"."""
    fix: str
    """The remedy as code or as one short sentence."""
    stack: RawStack = ()
    """Raw creation stack, innermost first; empty where no Python code was seen to create it."""
    places: Places = ()
    """Where there is no raw stack: creation as `(file, line, function)`, innermost first (a coroutine's origin)."""
    now: tuple[Frame, ...] = ()
    """Where it is at the moment, innermost first (threads, tasks)."""
    waits_for: str = ""
    proof: str = ""
    """Why this is certain without repeating the test; empty where it is only still there."""
    age_s: float | None = None
    once: str = ""
    """Why running the scope again would add no more, where that is known without running it again."""
    excuse: str = ""
    """The name of the rule that excuses it; it still covers what it explains."""
    daemon: bool = False
    """Whether it is a daemon thread (pyleak's `exclude_daemon_threads`)."""
    asked: bool = False
    """Whether the program itself has asked for this verdict: whatever the kinds, and without repeating anything."""
    held_by: tuple[str, ...] = ()
    """Who holds it, where that need not be looked for: a circle, edge by edge."""
    covers_fds: tuple[int, ...] = ()
    """Descriptors that this finding explains (an event loop's own selector and pipe) and that are not reported again."""


class Evidence(NamedTuple):
    """How hard it was looked for: looks taken, seconds waited, growth per repetition."""

    attempts: int = 0
    waited_s: float = 0.0
    rounds: tuple[int, ...] = ()


_NONE = Evidence()


class Leak(NamedTuple):
    """A judged and explained finding: what the report prints, the gate counts and JSON carries."""

    fingerprint: str
    kind: Kind
    verdict: Verdict
    confidence: str
    """"definite" where proven, "probable" where it is still there after the grace and was not repeated."""
    test: str | None
    owner: Owner
    summary: str
    resource: Resource
    created_at: tuple[Frame, ...] = ()
    now_at: tuple[Frame, ...] = ()
    waits_for: str = ""
    held_by: tuple[str, ...] = ()
    evidence: Evidence = _NONE
    proof: str = ""
    hint: str = ""
    age_s: float | None = None
    done: str = ""
    """What was done about it: "closed", "cancelled", "killed"; empty where nothing could be done safely."""
    reason: str = ""
    """Why it is allowed, in the user's words."""
    shown: bool = False
    """Whether a report of its owner's shows it: the end of the run need not."""
    occurrences: int = 1
    also_in: tuple[str, ...] = ()
