"""The kinds of resources that a manager counts: those of this package, and what programs add."""

from __future__ import annotations

BUILTIN = ("files", "connections", "tasks", "threads", "processes", "locks", "pools")

_seen: set[str] = set()


def see(kind: str) -> None:
    """Know a kind from now on; raises ValueError for what can be no attribute `active_<kind>`."""
    if kind not in _seen and kind not in BUILTIN:
        if not kind.isidentifier():
            raise ValueError(f"{kind!r} is not a kind: a kind is one word of letters, digits and '_', such as 'files'")
        _seen.add(kind)


def is_known(kind: str) -> bool:
    """Whether anybody has ever registered this kind, or could."""
    return kind in BUILTIN or kind in _seen


def known() -> tuple[str, ...]:
    """Return every kind that is known."""
    return (*BUILTIN, *sorted(_seen))
