"""Origins: where a sighting was made, as its reader wants it: the user's own frames first, the library's after them."""

from __future__ import annotations

from collections.abc import Iterable

from .. import origin
from ..model import Frame, Leak, Sighting


def created_at(sighting: Sighting, root: str) -> tuple[Frame, ...]:
    """Return the creation frames of a sighting: the user's innermost first, then the library's innermost first."""
    return ordered(called_at(sighting, root))


def called_at(sighting: Sighting, root: str) -> tuple[Frame, ...]:
    """Return the creation frames of a sighting in the order of the calls, innermost first."""
    return origin.frames_of(sighting.stack, root) or origin.frames_at(sighting.places, root)


def ordered(frames: Iterable[Frame]) -> tuple[Frame, ...]:
    """Put the user's frames before the library's; within each the order stays."""
    return tuple(sorted(frames, key=lambda frame: not frame.in_app))


def site(leak: Leak) -> Frame | None:
    """Return the one frame to name where there is room for one; None where no Python code was seen to create it."""
    return leak.created_at[0] if leak.created_at else None
