"""Diff: two looks become what was born and what is gone, by identity alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .model import Ident, Snapshot

Look = Mapping[str, Snapshot]
"""One look: probe name -> what it saw."""


class Delta(NamedTuple):
    """Differences as (probe name, identity), sorted, so that two runs give the same order."""

    born: tuple[tuple[str, Ident], ...]
    gone: tuple[tuple[str, Ident], ...]


def diff(before: Look, after: Look) -> Delta:
    """Compare two looks; a probe that is missing in one of them saw nothing there."""
    born: list[tuple[str, Ident]] = []
    gone: list[tuple[str, Ident]] = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, frozenset()), after.get(name, frozenset())
        born += [(name, ident) for ident in sorted(new - old, key=repr)]
        gone += [(name, ident) for ident in sorted(old - new, key=repr)]
    return Delta(tuple(born), tuple(gone))
