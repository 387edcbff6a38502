"""Census: every container that grew is found, tracked by the collector or not, and no other."""

from __future__ import annotations

import io
from array import array
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import pytest

from no_leaks.memory import census


class Named(dict[Any, Any]):
    """A subclass that says nothing true of its length."""

    def __len__(self) -> int:
        return 1_000_000


HOME: dict[str, Any] = {}

ADDERS: list[tuple[object, Callable[[Any], object]]] = [
    ([], lambda one: one.append("x")),
    ({"a": "b"}, lambda one: one.update({f"k{len(one)}": "v"})),
    (set(), lambda one: one.add(len(one))),
    (deque(), lambda one: one.append(1)),
    (bytearray(), lambda one: one.extend(b"x")),
    (array("q"), lambda one: one.append(1)),
    (io.BytesIO(), lambda one: one.write(b"x")),
    (OrderedDict(), lambda one: one.update({object(): 1})),
    (defaultdict(list), lambda one: one[object()]),
    (Named(), lambda one: one.update({object(): 1})),
]


@pytest.fixture
def kept() -> Any:
    """A place that the program holds things in."""
    yield HOME
    HOME.clear()


@pytest.mark.parametrize(("container", "add"), ADDERS, ids=[type(one).__name__ for one, _ in ADDERS])
def test_a_container_that_grew_is_found(kept: dict[str, Any], container: Any, add: Callable[[Any], object]) -> None:
    """With its length before and after."""
    kept["it"] = container
    add(container)
    length = census.length_of(container)
    before = census.take()
    add(container)
    add(container)
    found = [one for one in census.grown(before, 2) if one.container is container]
    assert length is not None
    assert [(one.before, one.after) for one in found] == [(length, length + 2)]


def test_one_that_grew_less_than_asked_is_not(kept: dict[str, Any]) -> None:
    """What grew once did not grow on each repetition."""
    kept["it"] = container = [1]
    before = census.take()
    container.append(2)
    assert not [one for one in census.grown(before, 2) if one.container is container]


def test_what_is_no_container_has_no_length() -> None:
    """Nor has a buffer that is closed."""
    closed = io.BytesIO()
    closed.close()
    assert [census.length_of(one) for one in (1, "text", closed)] == [None, None, None]
