"""Steps: the words for a path of holders, from a container down to what it holds: `_CLIENTS`, `['profile']`, `Client._conn`."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from types import (
    AsyncGeneratorType,
    CellType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
)
from typing import cast

from ..words import masked, safe_repr, type_name
from . import frames

LONGEST_KEY = 40
_PLAIN = (str, bytes, int, float, complex, type(None), tuple, frozenset)
_TOKEN = re.compile(r"(?=[^\d]*\d)(?=[^a-zA-Z]*[a-zA-Z])[\w+=.-]{20,}|\b(?:sk|pk|ghp|gho|xox[abp]|AKIA|eyJ)[\w-]{8,}")
_CLASS_SPACE = vars(type)["__dict__"]
_NAME = vars(type)["__name__"]
_MRO = vars(type)["__mro__"]
_items = cast("Callable[[object], Iterable[tuple[object, object]]]", vars(dict)["items"])
"""A dictionary's own items: a subclass may have any others."""


def names(chain: Sequence[object], *, is_rooted: bool = True) -> tuple[str, ...]:
    """Name each step of a chain of holders, outermost first; steps that only mean "its attributes" add no word."""
    words: list[str] = []
    space_of = ""
    for place in range(len(chain) - 1):
        holder, child = chain[place], chain[place + 1]
        # By `type` throughout: `isinstance` asks a proxy or a mock for its `__class__`, which may be anything.
        if issubclass(type(holder), dict):
            words.append(_item(holder, child, space_of, is_module=place == 0 and is_rooted))
            space_of = ""
            continue
        space_of = _space(holder, child)
        if isinstance(child, CellType):
            words.append(_closure(chain[place - 1], child))
        elif not space_of:
            words.append(_word(holder, child, is_root=place == 0 and is_rooted))
    return tuple(word for word in words if word)


def key(thing: object) -> str:
    """Return a dictionary's key as it may be shown: bounded, without secrets, and without running a repr of the user's."""
    if type(thing) not in _PLAIN:
        return f"[{type_name(thing)}]"
    text = masked(safe_repr(thing, 1_000))
    text = _TOKEN.sub("***", text)
    return f"[{text if len(text) <= LONGEST_KEY else text[: LONGEST_KEY - 2] + '…' + text[-1]}]"


def _item(holder: object, child: object, space_of: str, *, is_module: bool) -> str:
    found = next((name for name, value in list(_items(holder)) if value is child or name is child), None)
    if isinstance(found, str) and (space_of or is_module):
        return f"{space_of}.{found}" if space_of else found
    return key(found)


def _space(holder: object, child: object) -> str:
    """Return the name of a class or instance if the child is its namespace; "" otherwise."""
    if not issubclass(type(child), dict):
        return ""
    if issubclass(type(holder), type):
        return str(_NAME.__get__(holder))
    return type(holder).__name__ if _namespace(holder) is child else ""


def _namespace(thing: object) -> object:
    """Return an instance's own `__dict__` by the interpreter's slot, past any property of that name; None without one."""
    for cls in _MRO.__get__(type(thing)):
        slot = _CLASS_SPACE.__get__(cls).get("__dict__")
        if isinstance(slot, (GetSetDescriptorType, MemberDescriptorType)):  # the latter for C's own: SimpleNamespace
            return slot.__get__(thing)
    return None


def _word(holder: object, child: object, *, is_root: bool) -> str:
    for kind, name in _NAMED:
        if issubclass(type(holder), kind):
            word = name(holder, child)
            if word is not None:
                return word
    attribute = _attribute(holder, child)
    if attribute:
        return f"{type(holder).__name__}.{attribute}"
    return "" if is_root else type_name(holder)


def _attribute(holder: object, child: object) -> str:
    """Return the attribute of an instance that is the child: in its namespace or in a slot; "" where native code holds it."""
    space = _namespace(holder)
    if issubclass(type(space), dict):
        for name, value in list(_items(space)):
            if value is child:
                return str(name)
    for cls in _MRO.__get__(type(holder)):
        for name, slot in _CLASS_SPACE.__get__(cls).items():
            if isinstance(slot, MemberDescriptorType) and _slot(slot, holder) is child:
                return str(name)
    return ""


def _slot(slot: MemberDescriptorType, holder: object) -> object:
    try:
        return slot.__get__(holder)
    except AttributeError:
        return None


def _index(iterate: Callable[[object], Iterable[object]]) -> Callable[[object, object], str | None]:
    # The class's own iterator: a subclass may have any other.
    def name(holder: object, child: object) -> str | None:
        return next((f"[{place}]" for place, value in enumerate(list(iterate(holder))) if value is child), None)

    return name


def _closure(function: object, cell: CellType) -> str:
    if not isinstance(function, FunctionType):
        return ""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    return next((f"closure {name}" for name, other in cells if other is cell), "")


def _function(holder: object, child: object) -> str | None:
    assert isinstance(holder, FunctionType)
    return f"function {holder.__qualname__}"


def _method(holder: object, child: object) -> str | None:
    assert isinstance(holder, MethodType)
    return f"bound method {getattr(holder.__func__, '__qualname__', type_name(holder.__func__))}"


def _frame(holder: object, child: object) -> str | None:
    assert isinstance(holder, FrameType)
    return frames.variable(holder, child)


def _suspended(attribute: str) -> Callable[[object, object], str | None]:
    def name(holder: object, child: object) -> str | None:
        # Until 3.10 the frame is a step of its own, and names the variable.
        return "" if isinstance(child, FrameType) else frames.variable(getattr(holder, attribute), child)

    return name


def _error(holder: object, child: object) -> str | None:
    assert isinstance(holder, BaseException)
    for name in ("__traceback__", "__cause__", "__context__"):
        if vars(BaseException)[name].__get__(holder) is child:
            return f"{type(holder).__name__}.{name}"
    return None


def _no_word(holder: object, child: object) -> str | None:
    return ""


_NAMED: tuple[tuple[type, Callable[[object, object], str | None]], ...] = (
    (list, _index(list.__iter__)),  # type: ignore[arg-type]
    (tuple, _index(tuple.__iter__)),  # type: ignore[arg-type]
    (deque, _index(deque.__iter__)),  # type: ignore[arg-type]
    (set, lambda holder, child: "{…}"),
    (frozenset, lambda holder, child: "{…}"),
    (CellType, _no_word),
    (FunctionType, _function),
    (MethodType, _method),
    (FrameType, _frame),
    (BaseException, _error),
    (GeneratorType, _suspended("gi_frame")),
    (CoroutineType, _suspended("cr_frame")),
    (AsyncGeneratorType, _suspended("ag_frame")),
)
