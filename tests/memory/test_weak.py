"""Weak: what grows with something else is not accused, and what keeps itself alive is."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest

from no_leaks import growth
from no_leaks.memory import weak

pytestmark = pytest.mark.usefixtures("no_outer_session")


class Thing:
    """What is held."""

    next: Any = None


FIRST = Thing()
SEEN: weakref.WeakSet[Thing] = weakref.WeakSet()


def data(container: Any, *items: Any) -> object:
    """Return what a weak container keeps its references in, once it has these."""
    for item in items:
        if isinstance(container, weakref.WeakSet):
            container.add(item)
        else:
            container[item[0]] = item[1]
    return container.data


def plain(thing: Thing) -> dict[str, object]:
    """Return a registry of references that stay when what they refer to dies."""
    return {"thing": weakref.ref(thing)}


@pytest.mark.parametrize(
    ("make", "follows"),
    [
        (lambda thing: data(weakref.WeakSet(), thing), True),
        (lambda thing: data(weakref.WeakValueDictionary(), ("a", thing)), True),
        (lambda thing: data(weakref.WeakKeyDictionary(), (thing, [1])), True),
        (lambda thing: data(weakref.WeakKeyDictionary(), (thing, weakref)), True),
        (lambda thing: data(weakref.WeakKeyDictionary(), (thing, {"owner": [thing]})), False),
        (lambda thing: data(weakref.WeakKeyDictionary(), (thing, thing)), False),
        (lambda thing: data(weakref.WeakSet()), False),
        (plain, False),
        (lambda thing: {"thing": thing}, False),
        (lambda thing: [weakref.ref(thing)], False),
    ],
)
def test_it_follows_what_something_else_keeps(make: Callable[[Thing], object], follows: bool) -> None:
    """A value that keeps its own key is no follower, nor is a reference that nobody takes out again."""
    thing = Thing()
    assert weak.follows(make(thing)) == follows


def test_who_keeps_what_a_weak_container_follows_is_named_where_nothing_countable_does() -> None:
    """A chain of objects that are in a weak set, too."""

    def extend() -> None:
        new = Thing()
        new.next, FIRST.next = FIRST.next, new
        SEEN.add(new)

    try:
        (leak,) = growth(extend)
    finally:
        FIRST.next = None
    assert leak.resource.type.endswith("Thing")
    assert leak.held_by[1] == "FIRST"
