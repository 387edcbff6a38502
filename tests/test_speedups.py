"""The compiled half: used where it was built, switched off by a variable, and missed with a word."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig

import pytest

from no_leaks import speedups


def test_a_variable_switches_the_compiled_half_off() -> None:
    """Whoever suspects it can do without."""
    assert speedups.load({speedups.OFF: "1"}) == (None, "switched off by NO_LEAKS_PURE")


def test_where_it_was_not_built_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package then does all in Python."""
    monkeypatch.setitem(sys.modules, "no_leaks._speedups", None)
    monkeypatch.delattr("no_leaks._speedups", raising=False)
    compiled, why = speedups.load({})
    assert compiled is None
    assert why.startswith("not built when the package was installed")


def test_where_it_was_built_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in has the place of the module that this installation may lack."""
    monkeypatch.setitem(sys.modules, "no_leaks._speedups", sys)
    monkeypatch.delattr("no_leaks._speedups", raising=False)
    assert speedups.load({}) == (sys, "")


@pytest.mark.skipif(
    bool(os.environ.get(speedups.OFF) or sysconfig.get_config_var("Py_GIL_DISABLED") or not shutil.which("cc")),
    reason="it is not built here",
)
def test_where_there_is_a_compiler_it_was_built() -> None:
    """Else all that tests it would be skipped, and nobody would know."""
    assert speedups.load()[1] == ""
