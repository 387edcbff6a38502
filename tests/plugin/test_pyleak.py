"""pyleak beside us: its plugin steps back, the header says so, and without us it is untouched."""

from __future__ import annotations

import importlib.util

import pytest

from no_leaks.plugin import pyleak

WIRING = """
from no_leaks.plugin import pyleak, table

def pytest_addoption(parser):
    table.add_options(parser)

def pytest_configure(config):
    table.add_markers(config)
    config.line = pyleak.stand_in_for(config)
    assert pyleak.stand_in_for(config) is None

def pytest_report_header(config):
    left = [hook for hook in config.hook.pytest_runtest_call.get_hookimpls() if "pyleak" in str(hook.plugin)]
    return [str(config.line), f"hooks of pyleak: {len(left)}"]
"""
LEAKY = """
import threading, pytest

done = threading.Event()

@pytest.mark.no_leaks("threads")
def test_x():
    threading.Thread(target=done.wait).start()

def test_done():
    done.set()
"""
needs_pyleak = pytest.mark.skipif(importlib.util.find_spec("pyleak") is None, reason="pyleak is not installed")


def run(pytester: pytest.Pytester, *args: str) -> pytest.RunResult:
    pytester.makeconftest(WIRING)
    pytester.makepyfile(LEAKY)
    return pytester.runpytest_subprocess("-p", "no:no_leaks", "-p", "no:randomly", *args)


@needs_pyleak
def test_pyleak_steps_back_and_the_header_says_so(pytester: pytest.Pytester) -> None:
    """Its hook is gone: the leaky test, which it would fail, passes it by."""
    result = run(pytester)
    result.stdout.fnmatch_lines(["no-leaks: checks tests marked no_leaks instead of pyleak*", "hooks of pyleak: 0"])
    result.assert_outcomes(passed=2)


@needs_pyleak
def test_pyleak_steps_back_when_loaded_by_p(pytester: pytest.Pytester) -> None:
    """The name under which it was loaded does not matter."""
    result = run(pytester, "-p", "no:pyleak", "-p", "pyleak.pytest_plugin")
    result.stdout.fnmatch_lines(["no-leaks: checks tests marked no_leaks instead of pyleak*", "hooks of pyleak: 0"])


@needs_pyleak
def test_under_no_leaks_off_pyleak_checks(pytester: pytest.Pytester) -> None:
    """Who switches us off keeps the other check, which fails the leaky test."""
    result = run(pytester, "--no-leaks-off")
    result.stdout.fnmatch_lines(["None", "hooks of pyleak: 1"])
    result.assert_outcomes(passed=1, failed=1)


def test_without_pyleak_there_is_nothing_to_say(pytester: pytest.Pytester) -> None:
    """The usual case: no line."""
    config = pytester.parseconfig("-p", "no:pyleak")
    assert pyleak.stand_in_for(config) is None
