"""Replacements of other people's functions: put in place once, and taken back only where nobody has replaced them since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Make: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


class Patches:
    """What one sensor replaced; a name that does not exist is left alone and reported by `put`."""

    def __init__(self) -> None:
        self._done: list[tuple[Any, str, Any, Any, bool]] = []

    def put(self, holder: Any, name: str, make: Make) -> bool:
        """Replace `holder.name` by `make(original)`; return whether it is replaced now."""
        original = getattr(holder, name, None)
        if holder is None or original is None:
            return False
        if any(holder is done[0] and name == done[1] for done in self._done):
            return True
        replacement = make(original)
        own = name in vars(holder)
        setattr(holder, name, replacement)
        self._done.append((holder, name, original, replacement, own))
        return True

    def undo(self) -> None:
        """Put everything back; where somebody else wrapped ours, ours stays beneath and is inert without a ledger."""
        while self._done:
            holder, name, original, replacement, own = self._done.pop()
            if holder.__dict__.get(name) is replacement:
                if own:
                    setattr(holder, name, original)
                else:
                    delattr(holder, name)
