"""Readings, samples and suspicions where the interpreter, the system or the object says otherwise than most."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from no_leaks import calls
from no_leaks.ledger import Ledger
from no_leaks.memory import readings, samples
from no_leaks.memory.budget import Budget
from no_leaks.memory.suspicion import FUNCTIONS, Suspicions
from no_leaks.model import Owner
from no_leaks.probes.memory import SUSPECTED, MemoryProbe

pytestmark = pytest.mark.usefixtures("no_outer_session")

KEPT: list[object] = []


@pytest.fixture(autouse=True)
def _emptied() -> Iterator[None]:
    yield
    KEPT.clear()


def test_a_system_that_tells_nothing_of_its_heap_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Native memory is then never growth."""
    monkeypatch.setattr(readings, "_asked", [None])
    assert readings.heap() == 0


def test_an_object_that_does_not_say_its_size_has_none() -> None:
    """What it raises is not ours."""

    class Odd:
        """Raises."""

        def __sizeof__(self) -> int:
            raise RuntimeError("mine")

    assert samples.size(Odd()) == 0
    assert samples.size("text") > 0


@pytest.mark.parametrize("collects", [True, False])
def test_what_a_test_leaves_is_known_once_enough_functions_have_left_it(collects: bool) -> None:
    """Also where the test asks for a collection, and what it made is old with all else."""
    suspicions = Suspicions(Budget())
    with calls._listening():
        for place in range(FUNCTIONS + 1):
            suspicions.begin()
            KEPT.append([])
            if collects:
                gc.collect()
            is_new = suspicions.is_new(f"test_{place}")
            suspicions.clear(f"test_{place}")
            assert is_new == (place < FUNCTIONS)


def test_a_suspicion_is_a_question_and_nothing_to_let_go_of() -> None:
    """What grew is known once it has grown again."""
    probe, book = MemoryProbe(), Ledger(Owner("function", test="test_x"))
    assert probe.describe(("growth",), book) == SUSPECTED
    assert probe.release(("growth",), book) == ""
