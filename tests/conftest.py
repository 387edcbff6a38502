"""Fixtures that many tests share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

# Test files are imported by path (importmode=importlib), so that their helpers have to be put within reach.
sys.path.insert(0, str(Path(__file__).parent))

from support import Watch, alone, own_faults

# A loaded machine is slow, and that is no finding.
hypothesis.settings.register_profile("no_leaks", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("no_leaks")


@pytest.fixture
def clean_faults() -> Iterator[None]:
    """Faults and strays that a test provokes are its own; the run around it keeps its own."""
    with own_faults():
        yield


@pytest.fixture
def watch(no_outer_session: None) -> Iterator[Callable[..., Watch]]:
    """Make `watch(*kinds, **settings)`: a session that listens and looks, with one scope open; all is undone afterwards."""
    made: list[Watch] = []

    def make(*kinds: str, **settings: object) -> Watch:
        made.append(Watch(*kinds, **settings))
        return made[-1]

    yield make
    for one in reversed(made):
        one.stop()


@pytest.fixture
def no_outer_session(clean_faults: None) -> Iterator[None]:
    """As if no session were running around this test."""
    with alone():
        yield
