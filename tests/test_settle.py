"""Settle: patience is attempts first and time second, and the same steps are driven by sleeping or by a loop."""

from __future__ import annotations

import asyncio
import sys
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


Main = Callable[[], Coroutine[Any, Any, str]]


def _asyncio(main: Main) -> str:
    return asyncio.run(main())


def _trio(main: Main) -> str:
    import trio

    return trio.run(main)


def _guest(main: Main) -> str:
    """Run trio within a loop of asyncio's."""
    import trio

    async def host() -> str:
        loop = asyncio.get_running_loop()
        over = loop.create_future()
        trio.lowlevel.start_guest_run(
            main, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=over.set_result
        )
        outcome: Any = await over
        return str(outcome.unwrap())

    return asyncio.run(host())


@pytest.mark.parametrize("backend", [_asyncio, _trio, _guest])
def test_steps_are_driven_on_either_loop(backend: Callable[[Main], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop goes on meanwhile: what is about to finish there can; whose task it is, that one sleeps."""
    import trio

    slept: list[tuple[str, float]] = []

    def sleep_of(name: str) -> Callable[[float], Coroutine[Any, Any, None]]:
        async def sleep(seconds: float) -> None:
            slept.append((name, seconds))

        return sleep

    monkeypatch.setattr(asyncio, "sleep", sleep_of("asyncio"))
    monkeypatch.setattr(trio, "sleep", sleep_of("trio"))
    assert backend(lambda: arun(steps())) == "settled"
    name = "asyncio" if backend is _asyncio else "trio"
    assert slept == [(name, 0.25), (name, 0.5)]


def test_trio_is_not_asked_for_where_nobody_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It need not be there."""
    monkeypatch.delitem(sys.modules, "trio", raising=False)
    assert asyncio.run(arun(steps_without_pauses())) == "settled"


def steps_without_pauses() -> Steps[str]:
    """Return at once, having yielded no more than the loop."""
    yield 0
    return "settled"
