"""Programs that grow by construction: containers of every sort, held in every place, filled and emptied in every way."""

from __future__ import annotations

import array
import collections
import functools
import io
import itertools
import queue
import sys
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

SHOP = "growing_shop"
Path = tuple[str, ...]
Get = Callable[[], Any]


class Thing:
    """What is added: an object of a class of the user's."""

    def __init__(self, number: int) -> None:
        self.number = number


class Slim:
    """Another, without a dictionary."""

    __slots__ = ("__weakref__", "number")

    def __init__(self, number: int) -> None:
        self.number = number


class Box:
    """Holds a container as an attribute."""

    kept: Any


class SlimBox:
    """Holds a container in a slot."""

    __slots__ = ("kept",)
    kept: Any


class Names(dict[Any, Any]):
    """A subclass of a container, as users have them."""


class Rows(list[Any]):
    """Another, that lies about its length."""

    def __len__(self) -> int:
        return 1


ITEMS: dict[str, Callable[[int], Any]] = {
    "str": lambda number: f"item {number}",
    "bytes": lambda number: b"item %d" % number,
    "int": lambda number: 10**6 + number,
    "small int": lambda number: number % 100,
    "instance": Thing,
    "slim instance": Slim,
    "list": lambda number: [number],
    "tuple": lambda number: (number, str(number)),
    "nested": lambda number: {"rows": [[Thing(number)], {number}]},
    "function": lambda number: lambda: number,
    "error": ValueError,
}
"""What is added."""


@dataclass(frozen=True)
class Sort:
    """A sort of container: how one is made, added to, and how its oldest is taken out; `replace` puts new for old."""

    make: Callable[[], Any]
    add: Callable[[Any, int, Any], object]
    evict: Callable[[Any], object]
    replace: Callable[[Any, Any], object]
    clear: Callable[[Any], object] = lambda container: container.clear()
    length: Callable[[Any], int] = len


def _first(container: Any) -> Any:
    return next(iter(container))


def _put(container: Any, number: int, item: Any) -> None:
    container[number] = item


def _append(container: Any, number: int, item: Any) -> None:
    container.append(item)


def _replace_all(container: Any, item: Any) -> None:
    container[:] = [item]


def _replace_in_set(container: Any, item: Any) -> None:
    container.clear()
    container.add((1, "one"))


def _replace_bytes(container: Any, item: Any) -> None:
    container[:] = container[:1] or type(container)(*("q", [1]) if isinstance(container, array.array) else (b"a",))


def _shorten(container: Any) -> None:
    del container[:1]


def _rewrite(buffer: Any, text: str | bytes) -> None:
    buffer.seek(0)
    buffer.truncate(0)
    buffer.write(text)


def _dictionary(make: Callable[[], Any]) -> Sort:
    return Sort(make, _put, lambda one: one.pop(_first(one)), lambda one, item: _put(one, 0, item))


def _list(make: Callable[[], Any]) -> Sort:
    return Sort(make, _append, lambda one: one.pop(0), _replace_all, length=list.__len__)


SORTS: dict[str, Sort] = {
    "dict": _dictionary(dict),
    "OrderedDict": _dictionary(collections.OrderedDict),
    "defaultdict": _dictionary(lambda: collections.defaultdict(list)),
    "subclass of dict": _dictionary(Names),
    "list": _list(list),
    "subclass of list": _list(Rows),
    "set": Sort(
        set,
        lambda one, number, item: one.add((number, str(number))),
        lambda one: one.remove(_first(one)),
        _replace_in_set,
    ),
    "deque": Sort(
        collections.deque,
        _append,
        lambda one: one.popleft(),
        lambda one, item: (one.append(item), one.popleft() if len(one) > 1 else None),
    ),
    "bytearray": Sort(
        bytearray, lambda one, number, item: one.extend(b"%50d" % number), lambda one: one.clear(), _replace_bytes
    ),
    "array": Sort(
        lambda: array.array("q"),
        lambda one, number, item: one.append(number),
        _shorten,
        _replace_bytes,
        lambda one: one.__delitem__(slice(None)),
    ),
    "BytesIO": Sort(
        io.BytesIO,
        lambda one, number, item: one.write(b"%50d" % number),
        lambda one: _rewrite(one, b""),
        lambda one, item: _rewrite(one, b"again"),
        lambda one: _rewrite(one, b""),
        lambda one: len(one.getvalue()),
    ),
    "StringIO": Sort(
        io.StringIO,
        lambda one, number, item: one.write(f"{number:50}"),
        lambda one: _rewrite(one, ""),
        lambda one, item: _rewrite(one, "again"),
        lambda one: _rewrite(one, ""),
        lambda one: len(one.getvalue()),
    ),
    "SimpleQueue": Sort(
        queue.SimpleQueue,
        lambda one, number, item: one.put(item),
        lambda one: one.get(),
        lambda one, item: (one.put(item), one.get() if one.qsize() > 1 else None),
        lambda one: [one.get() for _ in range(one.qsize())],
        lambda one: one.qsize(),
    ),
}
"""Containers that grow until they are emptied."""


def _module(shop: ModuleType, name: str, container: Any) -> tuple[Get, Path]:
    setattr(shop, name, container)
    return lambda: getattr(shop, name), (name,)


def _in_dict(shop: ModuleType, name: str, container: Any) -> tuple[Get, Path]:
    setattr(shop, name, {"other": 1, "profile": container})
    return lambda: getattr(shop, name)["profile"], (name, "['profile']")


def _in_list(shop: ModuleType, name: str, container: Any) -> tuple[Get, Path]:
    setattr(shop, name, [None, container])
    return lambda: getattr(shop, name)[1], (name, "[1]")


def _in_tuple(shop: ModuleType, name: str, container: Any) -> tuple[Get, Path]:
    setattr(shop, name, (container, 1))
    return lambda: getattr(shop, name)[0], (name, "[0]")


def _of_class(shop: ModuleType, name: str, container: Any) -> tuple[Get, Path]:
    setattr(shop, name, type(name, (), {"kept": container, "__module__": SHOP}))
    return lambda: getattr(shop, name).kept, (f"{name}.kept",)


def _of_instance(shop: ModuleType, name: str, container: Any) -> tuple[Get, Path]:
    box = Box()
    box.kept = container
    setattr(shop, name, box)
    return lambda: getattr(shop, name).kept, (name, "Box.kept")


def _in_slot(shop: ModuleType, name: str, container: Any) -> tuple[Get, Path]:
    box = SlimBox()
    box.kept = container
    setattr(shop, name, box)
    return lambda: getattr(shop, name).kept, (name, "SlimBox.kept")


def _in_namespace(shop: ModuleType, name: str, container: Any) -> tuple[Get, Path]:
    setattr(shop, name, SimpleNamespace(inner=SimpleNamespace(kept=container)))
    return lambda: getattr(shop, name).inner.kept, (name, "SimpleNamespace.inner", "SimpleNamespace.kept")


def _in_closure(shop: ModuleType, name: str, kept: Any) -> tuple[Get, Path]:
    setattr(shop, name, get := lambda: kept)
    return get, (name, f"function {get.__qualname__}", "closure kept")


PLACES: dict[str, Callable[[ModuleType, str, Any], tuple[Get, Path]]] = {
    "module": _module,
    "dict": _in_dict,
    "list": _in_list,
    "tuple": _in_tuple,
    "class": _of_class,
    "instance": _of_instance,
    "slot": _in_slot,
    "namespace": _in_namespace,
    "closure": _in_closure,
}
"""Where a container is held: each puts it there, and says how to get at it and what its path is below the module."""

ENDS = ("never", "each call", "bounded", "full", "every few calls", "replaced")
"""How what was added is taken out again; with "never" it leaks, with "full" it has reached its bound long ago."""
FULL = 60


@dataclass(frozen=True)
class Part:
    """One container of a program, by construction."""

    sort: str
    place: str
    item: str
    end: str
    number: int
    """The bound, or every which call it is emptied."""

    @property
    def leaks(self) -> bool:
        """Whether it grows for ever."""
        return self.end == "never"

    def build(self, shop: ModuleType, name: str) -> tuple[Callable[[int], None], Path]:
        """Put the container in its place, and return what each call does to it and its path."""
        sort, item = SORTS[self.sort], ITEMS[self.item]
        get, path = PLACES[self.place](shop, name, sort.make())
        is_bounded = self.end in ("bounded", "full")
        bound = FULL if self.end == "full" else self.number

        def call(number: int) -> None:
            container = get()
            if self.end == "replaced":
                sort.replace(container, item(number))
                return
            sort.add(container, number, item(number))
            if self.end == "each call" or (self.end == "every few calls" and number % self.number == 0):
                sort.clear(container)
            while is_bounded and sort.length(container) > bound:
                sort.evict(container)

        for number in range(FULL if self.end == "full" else 0):
            call(-number)
        return call, (f"class {SHOP}.{name}" if self.place == "class" else f"module {SHOP}", *path)


@dataclass(frozen=True)
class Other:
    """A container that forgets by itself, or ought to: how its name says."""

    form: str
    number: int

    @property
    def leaks(self) -> bool:
        """Whether it grows for ever."""
        return FORMS[self.form][1]

    def build(self, shop: ModuleType, name: str) -> tuple[Callable[[int], None], Path]:
        """Put the container in its place, and return what each call does to it and its path, if it leaks."""
        call, path = FORMS[self.form][0](shop, name, self.number)
        return call, (f"module {SHOP}", *path)


def _ring(shop: ModuleType, name: str, number: int) -> tuple[Callable[[int], object], Path]:
    setattr(shop, name, collections.deque(maxlen=number * 100))
    return lambda at: getattr(shop, name).append([at]), (name,)


def _cache(bound: bool) -> Callable[[ModuleType, str, int], tuple[Callable[[int], object], Path]]:
    def build(shop: ModuleType, name: str, number: int) -> tuple[Callable[[int], object], Path]:
        @functools.lru_cache(maxsize=number * 100 if bound else None)
        def cached(at: int) -> list[int]:
            return [at]

        setattr(shop, name, cached)
        return cached, (name, "functools._lru_cache_wrapper")

    return build


def _weak(
    make: type, add: Callable[[Any, int, Any], object]
) -> Callable[[ModuleType, str, int], tuple[Callable[[int], object], Path]]:
    def build(shop: ModuleType, name: str, number: int) -> tuple[Callable[[int], object], Path]:
        setattr(shop, name, make())
        return lambda at: add(getattr(shop, name), at, Thing(at)), (name, f"{make.__name__}.data")

    return build


def _followed(
    make: Callable[[], Any], add: Callable[[Any, int, Any], object]
) -> Callable[[ModuleType, str, int], tuple[Callable[[int], object], Path]]:
    def build(shop: ModuleType, name: str, number: int) -> tuple[Callable[[int], object], Path]:
        setattr(shop, name, [])
        setattr(shop, f"WEAK_{name}", make())

        def call(at: int) -> None:
            thing = Thing(at)
            getattr(shop, name).append(thing)
            add(getattr(shop, f"WEAK_{name}"), at, thing)

        return call, (name,)

    return build


def _by_key(container: Any, number: int, thing: Any) -> None:
    container[thing] = [number]


def _by_itself(container: Any, number: int, thing: Any) -> None:
    container[thing] = {"owner": [thing]}


def _add(container: Any, number: int, thing: Any) -> None:
    container.add(thing)


def _scratch(shop: ModuleType, name: str, number: int) -> tuple[Callable[[int], object], Path]:
    def call(at: int) -> None:
        things: list[Any] = [Thing(at) for _ in range(number)]
        things[0].me = things
        with suppress(ValueError):
            raise ValueError(things)

    return call, ()


FORMS: dict[str, tuple[Callable[[ModuleType, str, int], tuple[Callable[[int], Any], Path]], bool]] = {
    "deque with maxlen": (_ring, False),
    "lru_cache with maxsize": (_cache(bound=True), False),
    "lru_cache without": (_cache(bound=False), True),
    "weak values that die": (_weak(weakref.WeakValueDictionary, _put), False),
    "weak keys that die": (_weak(weakref.WeakKeyDictionary, _by_key), False),
    "weak set whose items die": (_weak(weakref.WeakSet, _add), False),
    "weak keys that their values keep": (_weak(weakref.WeakKeyDictionary, _by_itself), True),
    "weak values that a list keeps": (_followed(weakref.WeakValueDictionary, _put), True),
    "weak keys that a list keeps": (_followed(weakref.WeakKeyDictionary, _by_key), True),
    "weak set whose items a list keeps": (_followed(weakref.WeakSet, _add), True),
    "circles that are dropped": (_scratch, False),
}
"""What forgets by itself, and whether it leaks as it is used here."""


class Program:
    """Some parts in a module of their own; `run` is one call of it, `leaking` the paths that a report has to name."""

    def __init__(self, parts: list[Part | Other]) -> None:
        self.shop = ModuleType(SHOP)
        self.leaking: list[Path] = []
        self._numbers = itertools.count(1)
        self._calls: list[Callable[[int], None]] = []
        for place, part in enumerate(parts):
            call, path = part.build(self.shop, f"PART{place}")
            self._calls.append(call)
            if part.leaks:
                self.leaking.append(path)

    def run(self) -> None:
        """Call each part once."""
        number = next(self._numbers)
        for call in self._calls:
            call(number)

    def __enter__(self) -> Program:
        sys.modules[SHOP] = self.shop
        return self

    def __exit__(self, *_: object) -> None:
        del sys.modules[SHOP]
        vars(self.shop).clear()
