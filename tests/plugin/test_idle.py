"""An idle plugin: where nothing is to be checked nothing of it is imported, and nothing runs for any test."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from no_leaks import plugin
from no_leaks.plugin import table

PROBE = """
import sys, pytest

def pytest_runtest_setup(item):
    item.config.seen = hooks(item.config)

def hooks(config):
    names = ("pytest_runtest_protocol", "pytest_runtest_setup", "pytest_runtest_call", "pytest_runtest_teardown",
             "pytest_fixture_setup", "pytest_fixture_post_finalizer", "pytest_runtestloop", "pytest_runtest_logreport")
    return [f"{name} by {impl.plugin_name}" for name in names for impl in getattr(config.hook, name).get_hookimpls()
            if "no_leaks" in impl.plugin_name]

def pytest_unconfigure(config):
    loaded = sorted(name for name in sys.modules if name.startswith("no_leaks"))
    print("LOADED", *loaded)
    print("HOOKS", *getattr(config, "seen", ()))
"""


Idle = Callable[..., tuple[pytest.RunResult, list[str], str]]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Idle:
    """Run in a process of its own; return the result, which of our modules were loaded, and our hooks for each test."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def go(source: str, *args: str) -> tuple[pytest.RunResult, list[str], str]:
        pytester.makeconftest(PROBE)
        pytester.makepyfile(source)
        result = pytester.runpytest_subprocess("-p", "no_leaks", "-s", *args)
        (loaded,) = [line for line in result.outlines if line.startswith("LOADED")]
        (hooks,) = [line for line in result.outlines if line.startswith("HOOKS")]
        return result, loaded.split()[1:], hooks.removeprefix("HOOKS").strip()

    return go


def test_an_idle_plugin_loads_words_only_and_hooks_no_test(run: Idle) -> None:
    """No flag, no ini key, no marker: neither settings nor session."""
    result, loaded, hooks = run("def test_x(): open(__file__).close()")
    result.assert_outcomes(passed=1)
    assert loaded == [
        "no_leaks",
        "no_leaks.names",
        "no_leaks.plugin",
        "no_leaks.plugin.given",
        "no_leaks.plugin.loading",
        "no_leaks.plugin.pyleak",
        "no_leaks.plugin.table",
    ]
    assert hooks == ""


def test_a_marked_test_wakes_it(run: Idle) -> None:
    """The run time is registered for the run."""
    _, loaded, hooks = run("import pytest\n@pytest.mark.no_leaks\ndef test_x(): pass")
    assert "no_leaks.session" in loaded
    assert "pytest_runtest_protocol by no_leaks_runtime" in hooks


@pytest.mark.parametrize("flags", [("--no-leaks-off", "--no-leaks"), ("--no-leaks-grace=1",)])
def test_where_no_test_is_checked_no_hook_runs(run: Idle, flags: tuple[str, ...]) -> None:
    """Settings are read; that is all."""
    _, loaded, hooks = run("import pytest\n@pytest.mark.allow_leaks(reason='own')\ndef test_x(): pass", *flags)
    assert "no_leaks.session" not in loaded
    assert hooks == ""


def test_a_wrong_ini_value_wakes_it(pytester: pytest.Pytester) -> None:
    """It is told as what it is, a usage error."""
    config = pytester.parseconfig("-p", "no:pyleak", "-o", "no_leaks=maybe")
    assert table.is_asked(config)
    assert pytester.runpytest_inprocess("-p", "no:pyleak", "-o", "no_leaks=maybe").ret == pytest.ExitCode.USAGE_ERROR


def test_a_worker_that_hands_in_nothing_loads_nothing(pytester: pytest.Pytester) -> None:
    """pytest-xdist tells of each worker that goes, also of one that crashed."""
    plugin.pytest_testnodedown(object())


def test_it_loads_by_itself_and_can_be_blocked(pytester: pytest.Pytester) -> None:
    """-p no:no_leaks: neither options nor markers."""
    pytester.makepyfile("def test_x(): pass")
    fixed = ("-p", "no:pyleak", "-p", "no:randomly")
    pytester.runpytest_subprocess(*fixed, "--no-leaks").stdout.fnmatch_lines(["no-leaks: 1 test checked, no leaks;*"])
    assert pytester.runpytest_subprocess(*fixed, "-p", "no:no_leaks", "--no-leaks").ret == pytest.ExitCode.USAGE_ERROR


def test_it_loads_by_p_where_autoload_is_off(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """-p no_leaks names the entry point."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makepyfile("kept = []\ndef test_x(): kept.append(open(__file__))")
    result = pytester.runpytest_subprocess("-p", "no_leaks", "--no-leaks", "--no-leaks-grace=0")
    result.assert_outcomes(failed=1)
    assert pytester.runpytest_subprocess("--no-leaks").ret == pytest.ExitCode.USAGE_ERROR


def test_importing_the_library_never_loads_the_plugin(pytester: pytest.Pytester) -> None:
    """Nor pytest."""
    code = (
        "import sys, no_leaks; no_leaks.no_leaks; sys.exit('pytest' in sys.modules or 'no_leaks.plugin' in sys.modules)"
    )
    assert pytester.run(sys.executable, "-c", code).ret == 0


@pytest.mark.parametrize("switch", ["enable", "disable"])
def test_loading_it_leaves_the_collector_switched_as_it_was(run: Idle, switch: str) -> None:
    """The collector pauses while our modules are loaded, and not for longer."""
    source = f"import gc\ngc.{switch}()\ndef test_x(): assert gc.isenabled() is {switch == 'enable'}"
    result, _, _ = run(source, "--no-leaks")
    result.assert_outcomes(passed=1)
