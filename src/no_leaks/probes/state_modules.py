"""Attributes of modules and classes that were replaced or deleted and not put back.

Only where the old value was code (a function, class, method, property or module): caches, counters and settings that
fill by themselves are accused of nothing. The look keeps names and values of each namespace, and compares by identity;
no attribute is asked for and no foreign code is called.
Measured: 4 ms a look for 1,188 modules with 80,000 attributes (3.13), of which a scope needs two; the first of a session takes 20 ms.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import (
    BuiltinFunctionType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, Final, TypeGuard, final

from ..ledger import Record
from .state_python import active_patches
from .state_watch import MISSING, Change, Since, Words, called

SKIPPED: frozenset[str] = frozenset({"no_leaks", "_pytest", "pytest", "pluggy", "pyleak"})
"""Packages whose own attributes are not looked at: what they replace while a test runs is their affair."""

HEAP_TYPE: Final = 1 << 9
"""`Py_TPFLAGS_HEAPTYPE`: the attributes of other classes cannot be set."""

_CODE: frozenset[type] = frozenset(
    {
        FunctionType,
        BuiltinFunctionType,
        MethodType,
        MethodDescriptorType,
        WrapperDescriptorType,
        ModuleType,
        staticmethod,
        classmethod,
        property,
        partial,
    }
)
_UNSEEN: frozenset[str] = frozenset({"__annotate__", "__annotate_func__"})
"""Filled by the interpreter itself when first asked for (3.14)."""

_namespace_of: Callable[[type], Mapping[str, object]] = type.__dict__["__dict__"].__get__
_flags_of: Callable[[type], int] = type.__dict__["__flags__"].__get__


@dataclass(frozen=True, slots=True, eq=False)
class _Space:
    """One namespace as it was: its owner, and names and values in the same order."""

    owner: Any
    live: Mapping[str, object]
    names: tuple[str, ...]
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Module:
    """A module's namespace, and those of the classes that it defines."""

    space: _Space
    classes: tuple[_Space, ...]


@final
class Attributes:
    """The watcher of replaced attributes."""

    name = "attributes"
    events: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._known: Mapping[int, _Module] = {}

    def look(self) -> Since:
        """Remember every namespace as it is now."""
        before = self._known = _look(self._known)
        return lambda: _changes(before)

    def words(self, change: Change) -> Words:
        """Say what it was, what it is, and the remedy."""
        name = change.key[0]
        old, new = called(change.old), called(change.new)
        verb = "was deleted" if change.new is MISSING else "was replaced"
        kind = "class attribute" if isinstance(change.place, type) else "module attribute"
        detail = f"was {old}, is now {new}"
        remedy = f'use monkeypatch.setattr("{name}", ...), or `with mock.patch("{name}"):`'
        return Words(
            kind, name, f"the {kind} {name} {verb} and never put back: it was {old} and is now {new}", remedy, detail
        )

    def restore(self, change: Change) -> None:
        """Put the old value back."""
        setattr(change.place, change.key[-1], change.old)

    def made(self, record: Record, change: Change) -> bool:
        """Nothing tells who sets an attribute."""
        return False


def _look(known: Mapping[int, _Module]) -> dict[int, _Module]:
    """Look at every module; what is as it was is not copied again, so that a quiet look allocates next to nothing."""
    looked: dict[int, _Module] = {}
    for name, module in list(sys.modules.items()):
        if type(module) is ModuleType and name.partition(".")[0] not in SKIPPED and id(module) not in looked:
            held = known.get(id(module))
            if held is None or not _is_same(held.space):
                held = _module(module)
            elif not all(map(_is_same, held.classes)):
                held = _Module(held.space, tuple(_space(space.owner, space.live) for space in held.classes))
            looked[id(module)] = held
    return looked


def _module(module: ModuleType) -> _Module:
    space = _space(module, module.__dict__)
    name = module.__dict__.get("__name__")
    classes = {id(cls): cls for cls in space.values if _is_class(cls) and _flags_of(cls) & HEAP_TYPE}
    spaces = (_space(cls, _namespace_of(cls)) for cls in classes.values())
    return _Module(space, tuple(found for found in spaces if found.live.get("__module__") == name))


def _space(owner: object, live: Mapping[str, object]) -> _Space:
    return _Space(owner, live, tuple(live), tuple(live.values()))


def _is_same(space: _Space) -> bool:
    now = tuple(space.live.values())
    return len(now) == len(space.values) and not any(map(operator.is_not, space.values, now))


def _is_class(value: object) -> TypeGuard[type]:
    """Whether a value is a class, asked of its type alone: `isinstance` would ask a lazy object for its `__class__`."""
    return issubclass(type(value), type)


def _changes(before: Mapping[int, _Module]) -> Iterator[Change]:
    differing = [
        space for module in before.values() for space in (module.space, *module.classes) if not _is_same(space)
    ]
    if differing:
        patched = {
            (id(getattr(patcher, "target", None)), getattr(patcher, "attribute", "")) for patcher in active_patches()
        }
        for space in differing:
            yield from (change for change in _changes_in(space) if (id(space.owner), change.key[1]) not in patched)


def _changes_in(space: _Space) -> Iterator[Change]:
    was = dict(zip(space.names, space.values, strict=True))
    # A reload runs the module's code again in the same namespace, with a new spec: nothing was replaced by hand.
    reloaded = space.live.get("__spec__") is not was.get("__spec__")
    if reloaded or str(was.get("__module__", "")).partition(".")[0] in SKIPPED:
        return
    for name, old in was.items():
        if space.live.get(name, MISSING) is not old and _is_code(old) and name not in _UNSEEN:
            yield Change(
                "attributes", (f"{_name_of(space.owner)}.{name}", name), old, space.live.get(name, MISSING), space.owner
            )


def _is_code(value: object) -> bool:
    return type(value) in _CODE or _is_class(value)


def _name_of(owner: Any) -> str:
    return f"{owner.__module__}.{owner.__qualname__}" if _is_class(owner) else str(owner.__name__)
