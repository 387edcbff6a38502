"""Cleanups: whatever their form, they do not keep alive what they clean up, and are called with what they take."""

from __future__ import annotations

import functools
import gc
import weakref
from collections.abc import Callable

import pytest
from backends import Bare, Thing

from no_leaks.resources.callbacks import loosened


def close_it(thing: Thing) -> None:
    """Close by an argument."""
    thing.close()


def closure(thing: Thing) -> Callable[[], None]:
    """Return a function that holds the thing."""
    return lambda: thing.close()  # noqa: PLW0108 - that it is a closure is the point


def closure_beside(thing: Thing, others: list[object]) -> Callable[..., None]:
    """Return a function that holds the thing and something else, and takes an argument."""

    def close(again: Thing, *, twice: bool = False) -> None:
        others.append((again is thing, twice))

    return close


def partial_in_keyword(thing: Thing) -> Callable[..., object]:
    """Return a partial that names the thing."""
    return functools.partial(close_it, thing=thing)


FORMS: dict[str, Callable[[Thing], object]] = {
    "the name of a method": lambda thing: "close",
    "its own method": lambda thing: thing.close,
    "a closure": closure,
    "a partial": lambda thing: functools.partial(close_it, thing),
    "a partial by keyword": partial_in_keyword,
    "a partial of its own method": lambda thing: functools.partial(thing.close),
    "a function of it": lambda thing: close_it,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_cleanup_closes_the_thing(form: str) -> None:
    """Each form ends in one call."""
    thing = Thing()

    loosened(FORMS[form](thing), thing)(thing)  # type: ignore[arg-type]

    assert thing.closed == 1


@pytest.mark.parametrize("form", FORMS)
def test_a_cleanup_keeps_nothing_alive(form: str) -> None:
    """Once the program has dropped the thing it is gone, with the cleanup still there."""
    thing = Thing()
    call = loosened(FORMS[form](thing), thing)  # type: ignore[arg-type]
    watch = weakref.ref(thing)

    del thing
    gc.collect()

    assert watch() is None
    assert callable(call)


def test_a_closure_may_hold_more_and_take_the_thing() -> None:
    """Only the cell that holds the thing is emptied; arguments and defaults stay."""
    heard: list[object] = []
    thing = Thing()

    loosened(closure_beside(thing, heard), thing)(thing)

    assert heard == [(True, False)]


def test_a_closure_over_a_variable_without_a_value_is_called() -> None:
    """An empty cell holds nothing."""
    heard: list[str] = []

    def close() -> None:
        heard.append("closed")
        if not heard:
            print(later)

    loosened(close, Thing())(Thing())
    later = "never"

    assert heard == ["closed"]


def test_a_c_method_of_the_thing_is_called() -> None:
    """A set's own `clear` has no function apart from it."""
    things = {1}

    loosened(things.clear, things)(things)

    assert things == set()


def test_a_callable_without_a_signature_is_called_without_arguments() -> None:
    """What hides its signature is taken to need none."""
    heard: list[tuple[object, ...]] = []

    class Hidden:
        @property
        def __signature__(self) -> object:
            raise ValueError("hidden")

        def __call__(self, *args: object) -> None:
            heard.append(args)

    loosened(Hidden(), Thing())(Thing())

    assert heard == [()]


def test_an_unknown_method_is_refused_at_once() -> None:
    """Not when it is too late."""
    with pytest.raises(TypeError, match="a Bare has no method 'shut' to clean it up by"):
        loosened("shut", Bare())


def test_what_cannot_be_called_is_refused() -> None:
    """A cleanup is a function or a name."""
    with pytest.raises(TypeError, match="not int"):
        loosened(3, Bare())  # type: ignore[arg-type]
