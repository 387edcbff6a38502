"""`no_leaks.growth(fn)`: calls a function again and again, and returns what grows each time."""

from __future__ import annotations

import collections
import ctypes
import functools
import gc
import itertools
import weakref
from array import array
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, ClassVar

import psutil
import pytest
from support import here

from no_leaks import SettingError, growth
from no_leaks.memory import readings

pytestmark = pytest.mark.usefixtures("no_outer_session")


class Thing:
    """What is kept."""

    every: ClassVar[list[object]] = []

    def __init__(self) -> None:
        self.items: collections.deque[object] = collections.deque()
        self.next: Thing | None = None


KEPT: list[object] = []
BY_NAME: dict[str, str] = {}
numbers = itertools.count()


@pytest.fixture(autouse=True)
def _emptied() -> Iterator[None]:
    yield
    for container in (KEPT, BY_NAME, Thing.every):
        container.clear()


def test_a_list_that_grows_is_named_with_its_holder_and_the_line() -> None:
    """All that it takes to find it."""
    line = here() + 3

    def keep() -> None:
        KEPT.append(Thing())

    (leak,) = growth(keep)
    assert leak.resource.type == "list"
    assert leak.held_by[-1] == "KEPT"
    assert leak.created_at[0].line == line
    assert set(leak.evidence.rounds) == {1}
    assert (leak.kind, leak.verdict.value, leak.confidence) == ("memory", "leak", "definite")


def test_a_dictionary_of_strings_is_found_though_the_collector_knows_of_none_of_it() -> None:
    """It is found in what holds it."""
    (leak,) = growth(lambda: BY_NAME.update({f"name {next(numbers)}": f"value {next(numbers)}"}))
    assert (leak.resource.type, leak.held_by[-1]) == ("dict", "BY_NAME")


def test_a_list_of_small_numbers_is_found_though_nothing_is_made() -> None:
    """Its length tells."""
    (leak,) = growth(lambda: KEPT.append(True))
    assert leak.held_by[-1] == "KEPT"


@pytest.mark.parametrize(
    "make", [lambda: [0] * 100, lambda: [Thing() for _ in range(9)], lambda: Thing().items.append(1)]
)
def test_what_is_let_go_of_is_no_growth(make: Callable[[], object]) -> None:
    """However much there was."""
    assert growth(make) == ()


def test_what_asks_for_a_collection_is_counted_as_well() -> None:
    """All that was young is old then, and all has to be counted."""

    def keep() -> None:
        gc.collect()
        KEPT.append(Thing())

    (leak,) = growth(keep)
    assert leak.held_by[-1] == "KEPT"


def test_a_bounded_cache_is_no_leak() -> None:
    """Neither Python's own nor one that forgets the oldest by itself."""
    own: collections.OrderedDict[int, list[int]] = collections.OrderedDict()
    ring: collections.deque[object] = collections.deque(maxlen=5_000)

    @functools.lru_cache(maxsize=5_000)
    def cached(number: int) -> list[int]:
        return [number]

    def remember() -> None:
        own[next(numbers)] = [1]
        if len(own) > 8:  # as many calls are counted before those that watch
            own.popitem(last=False)

    assert growth(lambda: cached(next(numbers))) == ()
    assert growth(lambda: ring.append([1])) == ()
    assert growth(remember) == ()


def test_a_cache_without_bound_is_a_leak_and_named_by_its_function() -> None:
    """The dictionary of `lru_cache` has no name of its own."""

    @functools.cache
    def cached(number: int) -> list[int]:
        return [number]

    (leak,) = growth(lambda: cached(next(numbers)))
    assert leak.resource.id.endswith("cached")
    assert "maxsize" in leak.hint


def test_a_chain_of_objects_is_named_by_its_type() -> None:
    """There is no container that grows."""
    first = Thing()

    def extend() -> None:
        new = Thing()
        new.next, first.next = first.next, new

    (leak,) = growth(extend)
    assert leak.resource.type.endswith("Thing")
    assert "each time" in leak.resource.detail


@pytest.fixture
def allocate() -> Iterator[Callable[[int], None]]:
    """Have a C library give out memory, and free it in the end."""
    if not hasattr(psutil, "heap_info") or not readings.heap():
        pytest.skip("this system does not say how much of its heap is in use")
    most = 1_000
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
    made = (ctypes.c_void_p * most)()
    places = iter(range(most))

    def one(size: int) -> None:
        made[next(places)] = libc.malloc(size)

    yield one
    for address in made:
        libc.free(address)


@pytest.mark.parametrize("size", [100, 1 << 10, 4 << 10, 64 << 10, 1 << 20])
def test_native_memory_is_told_by_its_bytes(allocate: Callable[[int], None], size: int) -> None:
    """A C library that is never told to free; what is small has to grow for longer."""
    (leak,) = growth(lambda: allocate(size))
    assert leak.resource.type == "native memory"
    assert min(leak.evidence.rounds) >= size // 2


def test_native_memory_that_comes_to_rest_is_none(allocate: Callable[[int], None]) -> None:
    """A C library's own table, that is full after some calls."""
    filled = iter(range(50))
    assert growth(lambda: [allocate(100) for _ in islice(filled, 1)]) == ()


@pytest.mark.parametrize(
    "add",
    [lambda: KEPT.append(3), lambda: KEPT.append("x" * 50), lambda: BY_NAME.update({f"name {next(numbers):45}": "x"})],
    ids=["int", "str", "dict"],
)
def test_one_small_thing_a_call_is_found(add: Callable[[], object]) -> None:
    """Unknown to the collector, and less than a page a day."""
    (leak,) = growth(add)
    assert leak.held_by[-1] in ("KEPT", "BY_NAME")
    assert set(leak.evidence.rounds) == {1}


def test_a_coroutine_function_is_refused_with_what_to_write() -> None:
    """Called, it would do nothing."""

    async def never() -> None: ...

    with pytest.raises(SettingError, match=r"asyncio\.run"):
        growth(never)


@pytest.mark.parametrize("rounds", [1, 0, -1, True, "4", 1.5])
def test_a_number_of_rounds_that_proves_nothing_is_refused(rounds: Any) -> None:
    """One repetition may be a cache that is filled late."""
    with pytest.raises(SettingError, match="repetitions, 2 to 1000"):
        growth(lambda: None, rounds=rounds)


def test_what_the_function_raises_passes() -> None:
    """And everything is put back."""
    calls: list[int] = []

    def fail() -> None:
        calls.append(1)
        if len(calls) > 2:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        growth(fail)
    assert growth(lambda: None) == ()


def test_weak_references_see_nothing_of_it() -> None:
    """What a function drops is gone for it at once, and in a cycle with its own collection."""
    gone: list[bool] = []

    def drop() -> None:
        thing = Thing()
        thing.next = thing
        reference = weakref.ref(thing)
        del thing
        gc.collect()
        gone.append(reference() is None)
        gone[:] = gone[-3:]

    assert growth(drop) == ()
    assert all(gone)


def test_numbers_in_an_array_are_bytes_of_the_program() -> None:
    """It is unknown to the collector, and named all the same."""
    holder = Thing()
    holder.items.append(data := array("q"))
    (leak,) = growth(lambda: data.append(1))
    assert leak.resource.type == "array.array"
