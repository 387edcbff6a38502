"""The layers of a Python file, from the outside in: closing the outermost flushes what its user wrote."""

from __future__ import annotations

import io

LAYERS: tuple[type, ...] = (
    io.TextIOWrapper,
    io.BufferedRandom,
    io.BufferedRWPair,
    io.BufferedWriter,
    io.BufferedReader,
    io.FileIO,
)
"""Not io.IOBase: a SpooledTemporaryFile writes itself to disk when it is asked for its descriptor."""


def descriptor_of(thing: object) -> int | None:
    """Return the descriptor of a file, socket or selector; None where it has none or is closed.

    Errors of a foreign `fileno` are its own affair, whatever their class: nothing here depends on it.
    """
    try:
        fd = thing.fileno()  # type: ignore[attr-defined]
    except Exception:
        return None
    return fd if isinstance(fd, int) and fd >= 0 else None
