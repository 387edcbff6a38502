"""Holders: who holds an object, on real objects."""

from __future__ import annotations

import asyncio
import functools
import gc
import sys
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from no_leaks import faults
from no_leaks.diagnose.holders import Limits, is_passing, path_to

HOME = "shop_registry_of_test"


class Thing:
    """What is held."""


class Client:
    """What holds, by an attribute."""

    shared: object = None

    def __init__(self, conn: object) -> None:
        self._conn = conn

    def close(self) -> None:
        """Be a method."""


class Slotted:
    """What holds, by a slot."""

    __slots__ = ("conn", "other")

    def __init__(self, conn: object) -> None:
        self.conn = conn


@pytest.fixture
def home(clean_faults: None) -> Iterator[Any]:
    """A module that tests hang things into."""
    module = sys.modules[HOME] = ModuleType(HOME)
    yield module
    module.__dict__.clear()
    del sys.modules[HOME]


def path_in(home: object, hang: Callable[[Thing], object]) -> tuple[str, ...]:
    """Hang a thing somewhere and return who holds it, below the module of these tests."""
    thing = Thing()
    home.value = hang(thing)  # type: ignore[attr-defined]
    path = path_to(thing)
    assert path[:2] == (f"module {HOME}", "value"), path
    assert faults.noted() == {}
    return path[2:]


def test_a_variable_of_a_module(home: Any) -> None:
    """The shortest path: module and name."""
    assert path_in(home, lambda thing: thing) == ()


def test_a_dictionary_and_an_attribute(home: Any) -> None:
    """The path of the best report: the key and the owning class are named."""
    assert path_in(home, lambda thing: {"profile": Client(thing)}) == ("['profile']", "Client._conn")


@pytest.mark.parametrize("box", [list, tuple, deque])
def test_an_index(box: Callable[[list[object]], object], home: Any) -> None:
    """Sequences name the place."""
    assert path_in(home, lambda thing: box([Thing(), thing])) == ("[1]",)


@pytest.mark.parametrize("box", [set, frozenset])
def test_a_set(box: Callable[[list[object]], object], home: Any) -> None:
    """A set has no places to name."""
    assert path_in(home, lambda thing: box([thing])) == ("{…}",)


def test_a_key_that_is_the_thing(home: Any) -> None:
    """A dictionary holds its keys too; an object is named by its class, without its repr."""
    assert path_in(home, lambda thing: {thing: 1}) == (f"[{Thing.__module__}.Thing]",)


def test_a_slot(home: Any) -> None:
    """Slots are named as attributes are."""
    assert path_in(home, Slotted) == ("Slotted.conn",)


def test_a_closure(home: Any) -> None:
    """The function and its variable are named."""

    def make(thing: Thing) -> Callable[[], Thing]:
        return lambda: thing

    (function, closure) = path_in(home, make)
    assert function.startswith("function ")
    assert function.endswith("<lambda>")
    assert closure == "closure thing"


def test_a_bare_cell(home: Any) -> None:
    """A tuple of cells without its function names no variable."""

    def make(thing: Thing) -> object:
        return (lambda: thing).__closure__

    assert path_in(home, make) == ()


def test_a_default_argument(home: Any) -> None:
    """What else a function holds is named by the function alone."""

    def make(thing: Thing) -> Callable[..., object]:
        def with_default(value: Thing = thing) -> Thing:
            return value

        return with_default

    (function, index) = path_in(home, make)
    assert function.endswith("with_default")
    assert index == "[0]"


def test_a_bound_method(home: Any) -> None:
    """A callback holds the object whose method it is."""
    assert path_in(home, lambda thing: Client(thing).close) == ("bound method Client.close", "Client._conn")


def test_a_partial(home: Any) -> None:
    """Native classes are named by their members."""
    assert path_in(home, lambda thing: functools.partial(print, thing)) == ("partial.args", "[0]")


def test_an_exception(home: Any) -> None:
    """What native code holds without a name is named by the class of its holder."""
    assert path_in(home, ValueError) == ("ValueError", "[0]")


def test_a_namespace_that_is_lent_out(home: Any) -> None:
    """A dictionary of attributes that is held without its object is a dictionary like any other."""
    assert path_in(home, lambda thing: vars(Client(thing))) == ("['_conn']",)


def test_attributes_that_were_asked_for(home: Any) -> None:
    """Somebody's `vars()` makes the attributes an object of their own, and the path no longer."""

    def make(thing: Thing) -> Client:
        client = Client(thing)
        assert vars(client)
        return client

    assert path_in(home, make) == ("Client._conn",)


def test_an_attribute_of_a_sequence(home: Any) -> None:
    """A list of the user's may hold by an attribute what it does not hold by place."""

    class Bag(list[object]):
        __slots__ = ("conn",)
        conn: object

    def make(thing: Thing) -> Bag:
        bag = Bag()
        bag.conn = thing
        return bag

    assert path_in(home, make) == ("Bag.conn",)


def test_an_empty_slot_is_passed_over(home: Any) -> None:
    """A slot that was never filled has no value to compare."""

    class Pair:
        __slots__ = ("before", "conn")
        conn: object

    def make(thing: Thing) -> Pair:
        pair = Pair()
        pair.conn = thing
        return pair

    assert path_in(home, make) == ("Pair.conn",)


def test_an_attribute_without_a_slot(home: Any) -> None:
    """A class with both kinds of attributes names the one that holds."""

    class Both(Slotted):
        def __init__(self, thing: Thing) -> None:
            self.first, self.second = 1, thing

    assert path_in(home, Both) == ("Both.second",)


def test_a_traceback_keeps_its_frames(home: Any) -> None:
    """An exception that is kept keeps the variables of the function that raised it."""

    def fail(kept: Thing) -> None:
        raise ValueError

    def make(thing: Thing) -> BaseException | None:
        try:
            fail(thing)
        except ValueError as error:
            return error
        return None

    assert path_in(home, make)[-1] in ("frame fail: variable kept", "frame make: variable thing")


def test_a_suspended_generator(home: Any) -> None:
    """The variable of a function that waits to go on."""

    def counting(kept: Thing) -> Iterator[Thing]:
        yield kept

    def make(thing: Thing) -> Iterator[Thing]:
        generator = counting(thing)
        next(generator)
        return generator

    assert path_in(home, make) == ("frame counting: variable kept",)


def test_a_finished_generator_has_no_frame(home: Any) -> None:
    """A generator that has ended holds nothing, whatever it held before."""

    async def listing(kept: Thing) -> AsyncIterator[Thing]:
        yield kept

    assert path_in(home, listing) == ("frame listing: variable kept",)


def test_a_class(clean_faults: None) -> None:
    """A class is a root of its own."""
    thing = Thing()
    Client.shared = thing
    try:
        assert path_to(thing) == (f"class {Client.__module__}.Client", "Client.shared")
    finally:
        Client.shared = None


def test_a_running_thread(clean_faults: None) -> None:
    """The variable of a function that runs in another thread, and that thread's name."""
    ready, done = threading.Event(), threading.Event()

    def work(sock: Thing) -> None:
        ready.set()
        done.wait()

    thing = Thing()
    thread = threading.Thread(target=work, args=(thing,), name="worker-a")
    thread.start()
    ready.wait()
    try:
        assert path_to(thing) == ("thread worker-a", "frame work: variable sock")
    finally:
        done.set()
        thread.join()


def test_an_attribute_of_a_running_thread(clean_faults: None) -> None:
    """A thread that runs is a root, what it holds its attribute."""
    ready, done = threading.Event(), threading.Event()

    class Worker(threading.Thread):
        conn: object = None

        def run(self) -> None:
            ready.set()
            done.wait()

    worker, thing = Worker(name="worker-b"), Thing()
    worker.conn = thing
    worker.start()
    ready.wait()
    try:
        assert path_to(thing)[:2] == ("thread worker-b", "Worker.conn")
    finally:
        done.set()
        worker.join()


def test_a_thread_does_not_hold_itself(home: Any) -> None:
    """A thread's own frames and the interpreter's table of threads say nothing of who holds it."""
    ready, done = threading.Event(), threading.Event()

    def work() -> None:
        ready.set()
        done.wait()

    home.pool = [threading.Thread(target=work)]
    home.pool[0].start()
    ready.wait()
    try:
        assert path_to(home.pool[0]) == (f"module {HOME}", "pool", "[0]")
    finally:
        done.set()
        home.pool[0].join()


def test_a_pending_task(clean_faults: None) -> None:
    """A coroutine that waits holds its variables, and its task is a root."""

    async def hold(conn: Thing) -> None:
        await asyncio.Event().wait()

    async def main() -> tuple[str, ...]:
        things = [Thing()]
        task = asyncio.ensure_future(hold(things[0]))
        await asyncio.sleep(0)
        weak = weakref.ref(things.pop())
        found = path_to(weak())
        task.cancel()
        return found

    first, last = asyncio.run(main())
    assert first.startswith("task ")
    assert first.endswith("hold")
    assert last == "frame hold: variable conn"


def test_an_open_loop(clean_faults: None) -> None:
    """An event loop is a root: it holds what is scheduled on it."""
    loop, thing = asyncio.new_event_loop(), Thing()
    handle = loop.call_later(3600, print, thing)
    try:
        assert path_to(thing)[0].startswith("event loop ")
    finally:
        handle.cancel()
        loop.close()


def test_a_running_function_only_where_nothing_lasts(clean_faults: None) -> None:
    """A variable of this thread's own functions ends by itself, and is the last to be named."""
    thing = Thing()
    assert path_to(thing) == ("frame test_a_running_function_only_where_nothing_lasts: variable thing",)


def test_nobody(clean_faults: None) -> None:
    """What only the call itself holds has no holder."""
    assert path_to(Thing()) == ()


def test_garbage(clean_faults: None) -> None:
    """A circle that nobody reaches is no holder."""

    def circle() -> weakref.ref[Thing]:
        thing = Thing()
        thing.me = [thing]  # type: ignore[attr-defined]
        return weakref.ref(thing)

    gc.disable()
    try:
        assert path_to(circle()()) == ()
    finally:
        gc.enable()


def test_a_weak_reference_holds_nothing(home: Any) -> None:
    """Neither does its callback count: it goes with the reference."""
    client = Client(Thing())
    home.value = weakref.ref(Thing, client.close)  # type: ignore[arg-type]
    assert path_to(client) == ("frame test_a_weak_reference_holds_nothing: variable client",)


def test_a_secret_key_is_masked(home: Any) -> None:
    """Tokens and passwords serve as keys."""
    assert path_in(home, lambda thing: {"eyJhbGciOiJIUzI1NiIsInR5cCI6": thing}) == ("['***']",)


def test_odd_objects_break_nothing(home: Any) -> None:
    """Attributes, comparison and repr that raise, and a false class, are not asked."""

    class Odd:
        def __init__(self, thing: Thing) -> None:
            self.thing = thing

        def __getattr__(self, name: str) -> object:
            raise RuntimeError(name)

        def __eq__(self, other: object) -> bool:
            raise RuntimeError

        def __repr__(self) -> str:
            raise RuntimeError

        def __hash__(self) -> int:
            return 1

        @property  # type: ignore[misc]  # a false class is what mocks have
        def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # likewise
            return dict

    assert path_in(home, lambda thing: {Odd(Thing()): [Odd(thing)]})[1:] == ("[0]", "Odd.thing")


def test_nothing_is_kept(home: Any) -> None:
    """After the search the thing goes as soon as its holder lets go."""
    thing = Thing()
    home.value = Client(thing)
    weak = weakref.ref(thing)
    path_to(thing)
    del thing, home.value
    assert weak() is None


def test_the_search_is_bounded_in_depth(home: Any) -> None:
    """A holder further away is not looked for."""
    thing = Thing()
    home.value = [[[[thing]]]]
    assert path_to(thing, limits=Limits(depth=2))[:1] != (f"module {HOME}",)


def test_the_search_is_bounded_in_objects(home: Any) -> None:
    """A thing that everything holds is not followed everywhere."""
    thing = Thing()
    home.value = [[[thing]] for _ in range(50)]
    assert path_to(thing, limits=Limits(objects=300))[:1] == (f"module {HOME}",)
    assert path_to(thing, limits=Limits(objects=1))[:1] != (f"module {HOME}",)


def test_a_fault_is_noted_and_names_nobody(clean_faults: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that breaks never breaks a report."""

    def broken(*things: object) -> list[object]:
        raise RuntimeError("no referrers")

    monkeypatch.setattr(gc, "get_referrers", broken)
    assert path_to(Thing()) == ()
    assert "no referrers" in faults.noted()["holders"]


@pytest.mark.parametrize(
    ("root", "passing"),
    [
        ("module shop.registry", False),
        ("module logging", False),
        ("class shop.Client", False),
        ("thread worker-1", False),
        ("module subprocess", True),
        ("task fetch", True),
        ("event loop _UnixSelectorEventLoop", True),
        ("frame test_x: variable sock", True),
    ],
)
def test_a_holder_that_may_use_the_thing_again_is_not_passing(root: str, passing: bool) -> None:
    """What a module, class or thread still has is not taken from its hands."""
    assert is_passing((root, "Client._conn")) is passing
