"""Settle: patience is attempts first and time second, and the same steps are driven by sleeping or by a loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from no_leaks.settle import ATTEMPTS, FIRST_S, LONGEST_S, Patience, Steps, arun, run

GRACES = st.floats(0, 60, allow_nan=False)


@given(GRACES)
def test_the_pauses_are_the_grace_in_sum(grace_s: float) -> None:
    """No more than the user allowed, and all of it."""
    assert sum(Patience(grace_s).delays()) == pytest.approx(grace_s)


@given(GRACES)
def test_there_are_always_enough_attempts(grace_s: float) -> None:
    """On a loaded machine the clock runs and the looks do not: a grace of zero still looks 20 times."""
    assert len(list(Patience(grace_s).delays())) >= ATTEMPTS


@given(GRACES)
def test_no_pause_is_longer_than_the_longest(grace_s: float) -> None:
    """What ends is seen to have ended soon after."""
    pauses = list(Patience(grace_s).delays())
    assert all(0 <= pause <= LONGEST_S for pause in pauses)
    assert pauses[0] == min(FIRST_S, grace_s)


@given(st.floats(0.01, 60, allow_nan=False))
def test_the_pauses_grow_up_to_the_last(grace_s: float) -> None:
    """The common case ends within microseconds, the rare one gets the time."""
    pauses = [pause for pause in Patience(grace_s).delays() if pause]
    assert pauses[:-1] == sorted(pauses[:-1])


def steps() -> Steps[str]:
    """Ask for two pauses and return."""
    yield 0.25
    yield 0.5
    return "settled"


def test_steps_are_driven_by_sleeping() -> None:
    """Each pause is slept, and the result is the stage's."""
    slept: list[float] = []
    assert run(steps(), slept.append) == "settled"
    assert slept == [0.25, 0.5]


def _asyncio(main: Callable[[], Coroutine[Any, Any, str]]) -> str:
    return asyncio.run(main())


def _trio(main: Callable[[], Coroutine[Any, Any, str]]) -> str:
    import trio

    return trio.run(main)


@pytest.mark.parametrize("backend", [_asyncio, _trio])
def test_steps_are_driven_on_either_loop(
    backend: Callable[[Callable[[], Coroutine[Any, Any, str]]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop goes on meanwhile: what is about to finish there can."""
    import anyio

    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(anyio, "sleep", sleep)
    assert backend(lambda: arun(steps())) == "settled"
    assert slept == [0.25, 0.5]
