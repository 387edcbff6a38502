"""Fixtures of the tests that run pytest inside a test."""

from __future__ import annotations

import pytest
from runs import Runs


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Run pytest without pytest-asyncio, which warns each run that does not set an ini key of its own.

    And without those that run items in their own way: pytest-rerunfailures leaves a server open, flaky prints a report.
    """
    others = ("asyncio", "rerunfailures", "flaky", "run-parallel")
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-p no:{name}" for name in others))
    return pytester


@pytest.fixture
def check(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Run pytest with the real plugin on a test file, everything checked and no grace: `check(source, *args)`."""
    return Runs(pytester, monkeypatch)
