"""Owners: who holds what grew, where that is no module, class, thread or loop: a runner's fixture, or the object itself.

The value of a fixture is held by the runner alone, and the search for holders leaves the runner out.
"""

from __future__ import annotations

import gc
from types import CellType, FrameType, ModuleType
from typing import Any, cast

from ..diagnose import frames, holders, roots, steps

BOOK = "closure"
"""What a factory of a fixture's writes down, to close it at the fixture's end."""
DEPTH = 6
BREADTH = 50
"""Objects of one level whose holders are asked for."""
_TABLES = (dict, list, tuple, set, frozenset)


def path_to(container: object) -> tuple[str, ...]:
    """Return who holds a container, outermost first; () where that is the runner itself, or nobody to be seen."""
    name = roots.Roots().name(container)
    return (name[1],) if name is not None else holders.path_to(container) or _path_by_fixture(container)


def _path_by_fixture(container: object) -> tuple[str, ...]:
    """Go up until a fixture's definition holds it; else name the nearest object of the program's that does."""
    nodes, up = [container], [-1]
    seen = {id(container), id(nodes)}
    nearest, start = -1, 0
    for _ in range(DEPTH):
        end = len(nodes)
        for place in range(start, min(end, start + BREADTH)):
            for holder in gc.get_referrers(nodes[place]):
                if id(holder) in seen or isinstance(holder, (FrameType, ModuleType)):
                    continue
                fixture = _fixture(holder) if type(nodes[place]) is tuple else ""  # its result; the rest is its own
                if fixture:
                    return (fixture, *_names(nodes, up, place))
                if frames.is_hidden_module(roots.module_of(holder)):
                    continue
                seen.add(id(holder))
                nodes.append(holder)
                up.append(place)
                if nearest < 0 and type(holder) not in _TABLES:
                    nearest = len(nodes) - 1
        start = end
    return _names(nodes, up, nearest) if nearest > 0 else ()


def _fixture(holder: object) -> str:
    """Name a fixture by its definition, of whatever runner; "" for anything else."""
    # Until 3.10 is dropped: what an object has is held by its dictionary, and not by itself.
    name = type(holder).__name__
    has = cast("dict[Any, Any]", holder) if name == "dict" else {}
    if "cached_result" not in has and name != "FixtureDef":
        return ""
    return f"fixture {has.get('argname') or getattr(holder, 'argname', '')}"


def _names(nodes: list[object], up: list[int], place: int) -> tuple[str, ...]:
    chain: list[object] = []
    while place >= 0:
        chain.append(nodes[place])
        place = up[place]
    if any(type(one) is CellType for one in chain):
        return (BOOK,)
    chain = [one for one in chain if type(one) is not tuple or one is chain[-1]]
    return steps.names(chain, is_rooted=False)
