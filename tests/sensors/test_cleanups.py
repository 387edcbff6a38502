"""What an abandoned async generator still has to clean up, read from real generators that stand at a yield."""

from __future__ import annotations

import builtins
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, nullcontext
from pathlib import Path
from typing import Any

import pytest

from no_leaks.sensors import cleanups

Agen = AsyncGenerator[int, None]
Make = Callable[[], Agen]


def begun(make: Make) -> Agen:
    """Run a generator to its first yield, outside of any loop."""
    agen = make()
    step = agen.__anext__()
    with pytest.raises(StopIteration):
        step.send(None)  # type: ignore[attr-defined] # an awaitable is a generator at heart
    return agen


async def in_with() -> Agen:
    with nullcontext():
        yield 1


async def in_async_with() -> Agen:
    async with aclosing(in_with()):
        yield 1


async def before_finally() -> Agen:
    try:
        yield 1
    finally:
        print(end="")


async def before_bare_except() -> Agen:
    try:
        yield 1
    except:
        raise


async def before_generator_exit() -> Agen:
    try:
        yield 1
    except GeneratorExit:
        raise


async def before_attribute() -> Agen:
    try:
        yield 1
    except (ValueError, builtins.BaseException):
        raise


@pytest.mark.parametrize(
    "make", [in_with, in_async_with, before_finally, before_bare_except, before_generator_exit, before_attribute]
)
def test_who_stands_where_closing_runs_something_is_pending(make: Make) -> None:
    """A `with` or `async with`, a `finally`, and whatever catches GeneratorExit."""
    assert cleanups.is_pending(begun(make))


async def bare() -> Agen:
    yield 1


async def after_with() -> Agen:
    with nullcontext():
        pass
    yield 1


async def before_exception() -> Agen:
    try:
        yield 1
    except Exception:  # GeneratorExit is none
        raise


async def in_finally() -> Agen:
    try:
        pass
    finally:
        yield 1


async def beside_functions() -> Agen:
    def inner() -> None:
        with nullcontext():
            pass

    inner()
    yield max(0, 1, key=lambda number: number)


@pytest.mark.parametrize("make", [bare, after_with, before_exception, in_finally, beside_functions])
def test_who_stands_elsewhere_has_nothing_to_clean_up(make: Make) -> None:
    """Dropping it leaves nothing open."""
    assert not cleanups.is_pending(begun(make))


def test_a_finished_generator_is_not_pending() -> None:
    """Its frame is gone."""
    agen = begun(bare)
    with pytest.raises(StopAsyncIteration):
        agen.__anext__().send(None)  # type: ignore[attr-defined]
    assert not cleanups.is_pending(agen)


def made_from(source: str, file: str) -> Agen:
    """Begin the generator `make` of a source."""
    names: dict[str, Any] = {}
    exec(compile(source, file, "exec"), names)
    return begun(names["make"])


SOURCE = "async def make():\n    try:\n        yield 1\n    finally:\n        pass\n"


@pytest.mark.parametrize(
    ("kept", "pending"),
    [(SOURCE, True), (SOURCE.replace("make", "other"), False), ("async def make(:\n", False), ("\0", False)],
    ids=["as it was", "another function", "no Python", "no text"],
)
def test_the_source_decides_and_where_it_is_gone_nothing_is_claimed(tmp_path: Path, kept: str, pending: bool) -> None:
    """A file may have changed since, or hold something else by now."""
    file = tmp_path / "made.py"
    file.write_text(kept)
    assert cleanups.is_pending(made_from(SOURCE, str(file))) is pending


def test_without_a_source_nothing_is_claimed() -> None:
    """Generated code has no file."""
    assert not cleanups.is_pending(made_from(SOURCE, "<generated>"))
