"""Path: the holders of what grew, each said to be alive or suspect, and why; of anything else, their bare names."""

from __future__ import annotations

from ..model import Leak

ROOTS = (
    ("module ", "imported"),
    ("class ", "defined"),
    ("thread ", "running"),
    ("task ", "pending"),
    ("event loop ", "open"),
    ("fixture ", "its scope goes on"),
    ("frame ", "running"),
)
"""What needs no holder, by how its name begins, and why it is alive."""
STEPS = (
    ("[", "an item"),
    ("closure ", "a variable of its function"),
    ("function ", "referred to"),
    ("bound method ", "referred to"),
)
"""What is held by the one before it, by how its name begins."""


def of(leak: Leak) -> str:
    """Return the holders, outermost first: "module shop (alive: imported) -> _CACHE (suspect: grew by 1 each time)"."""
    nodes = leak.held_by
    if leak.kind == "memory" and leak.evidence.rounds and nodes:
        *alive, last = nodes
        reasons = [_reason(node, is_first=not place) for place, node in enumerate(alive)]
        nodes = (
            *(f"{node} (alive: {reason})" for node, reason in zip(alive, reasons, strict=True)),
            f"{last} (suspect: grew by {_growth(leak.evidence.rounds)} each time)",
        )
    return " -> ".join(nodes)


def _reason(node: str, *, is_first: bool) -> str:
    for start, reason in (*ROOTS, *STEPS) if is_first else STEPS:
        if node.startswith(start):
            return reason
    return "an attribute" if "." in node else "a variable"


def _growth(rounds: tuple[int, ...]) -> str:
    low, high = min(rounds), max(rounds)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
