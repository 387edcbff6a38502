"""The matrix of places: who is blamed for what is made where, by what kind it is and how the test ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from runs import Outcome, Runs, only_young

KINDS = ("files", "sockets", "pipes", "fds", "processes", "threads", "tasks", "temp", "unclosed")
FEW = ("files", "threads", "unclosed")
"""What a test leaves does not depend on its end and its kind at once: a look, a patient look, and a loss will do."""
HELPER = """
import asyncio, os, pathlib, socket, subprocess, sys, tempfile, threading

KEPT, DONE = [], threading.Event()

def make(kind):
    KEPT.append(MAKE[kind]())

def start():
    thread = threading.Thread(target=DONE.wait)
    thread.start()
    return thread

MAKE = {
    "files": lambda: open(os.devnull),
    "sockets": socket.socket,
    "pipes": os.pipe,
    "fds": lambda: os.open(os.curdir, os.O_RDONLY),
    "processes": lambda: subprocess.Popen(["sleep", "3600"]),
    "threads": start,
    "tasks": asyncio.new_event_loop,
    "temp": lambda: pathlib.Path(tempfile.mkdtemp()),
    "unclosed": lambda: open(os.devnull) and None,
}
"""
HEAD = "import unittest, pytest\nfrom kinds import make\n"
END = {
    "pass": "pass",
    "fail": "assert 1 == 2",
    "skip": "pytest.skip('not today')",
    "xfail": "pytest.xfail('known')",
    "error": "pass",
}
"""How a test's body ends; an error comes from a fixture that is set up last."""

STEPS = (
    *((scope, "up") for scope in ("function", "class", "module", "package", "session")),
    *((scope, step) for scope in ("function", "session") for step in ("down", "final")),
)
"""Scopes of fixtures, and where they make something: in set-up, in teardown, in a finalizer."""


def _fixture(scope: str, step: str, kind: str) -> str:
    make = f"make({kind!r})"
    body = {"up": f"{make}\n    yield", "down": f"yield\n    {make}", "final": f"request.addfinalizer(lambda: {make})"}
    arguments = f"(scope={scope!r})" if scope != "function" else ""
    return f"""
@pytest.fixture{arguments}
def {scope}_{step}_{kind}(request):
    {body[step]}
def test_{scope}_{step}_{kind}({scope}_{step}_{kind}, zz_last): {{end}}
"""


BROKEN = "\n@pytest.fixture\ndef zz_last():\n    {}\n"


def _xunit(kind: str) -> str:
    return f"""
class TestMethod_{kind}:
    def setup_method(self): make({kind!r})
    def test_setup_method_{kind}(self, zz_last): {{end}}
class TestTeardown_{kind}:
    def teardown_method(self): make({kind!r})
    def test_teardown_method_{kind}(self, zz_last): {{end}}
class TestClass_{kind}:
    @classmethod
    def setup_class(cls): make({kind!r})
    def test_setup_class_{kind}(self, zz_last): {{end}}
@pytest.mark.usefixtures("zz_last")
class TestUnit_{kind}(unittest.TestCase):
    def setUp(self): make({kind!r})
    def test_setUp_{kind}(self): {{end}}
@pytest.mark.usefixtures("zz_last")
class TestCleanup_{kind}(unittest.TestCase):
    def setUp(self): self.addCleanup(make, {kind!r})
    def test_addCleanup_{kind}(self): {{end}}
@pytest.mark.usefixtures("zz_last")
class TestUnitClass_{kind}(unittest.TestCase):
    @classmethod
    def setUpClass(cls): make({kind!r})
    def test_setUpClass_{kind}(self): {{end}}
"""


def _bodies(kind: str) -> str:
    return f"""
def test_body_{kind}(zz_last):
    make({kind!r})
    {{end}}
def test_import_{kind}(zz_last):
    import imported_{kind}
    {{end}}
@pytest.fixture
def importing_{kind}(): import imported_too_{kind}
def test_import_in_fixture_{kind}(importing_{kind}, zz_last): {{end}}
"""


def _source(outcome: str, kinds: tuple[str, ...]) -> str:
    cells = [*(_fixture(*step, kind) for kind in kinds for step in STEPS), *map(_xunit, kinds), *map(_bodies, kinds)]
    broken = BROKEN.format("1 / 0" if outcome == "error" else "pass")
    module = f"def setup_module():\n    for kind in {kinds}: make(kind)\n"
    return f"{HEAD}{broken}{module}" + "".join(cells).replace("{end}", END[outcome])


def _expected(outcome: str, kinds: tuple[str, ...]) -> set[tuple[str, str, str]]:
    """Return (test, fixture, kind) of each leak: what the test or its own fixtures make is the test's, else the fixture's."""
    cells: set[tuple[str, str, str]] = set()
    for kind in kinds:
        tests = [f"{scope}_{step}" for scope, step in STEPS if scope == "function"]
        # A set-up that fails runs neither body nor unittest's own; pytest's xunit fixtures come first.
        tests += ["setup_method", "teardown_method", *(["body", "setUp", "addCleanup"] if outcome != "error" else [])]
        fixtures = [f"{scope}_{step}_{kind}" for scope, step in STEPS if scope != "function"]
        xunit = [
            f"setup_class of TestClass_{kind}",
            f"setUpClass of TestUnitClass_{kind}",
            "setup_module of test_all.py",
        ]
        cells |= {(f"test_{name}_{kind}", "", kind) for name in tests}
        cells |= {("", fixture, kind) for fixture in (*fixtures, *xunit)}
    return cells


def _counts(outcome: str, kinds: tuple[str, ...]) -> dict[str, int]:
    """Return what pytest counts: each leaking test fails once, each leaking fixture is an error."""
    tests, leaking, errors = 18 * len(kinds), 8 * len(kinds), 8 * len(kinds) + 1
    match outcome:
        case "pass":
            return {"failed": leaking, "passed": tests - leaking, "errors": errors}
        case "skip":
            return {"failed": leaking, "skipped": tests - leaking, "errors": errors}
        case "error":
            return {"errors": tests + errors}
        case _:
            return {f"{outcome}ed": tests, "errors": errors}


class _End:
    """Ends and removes what the inner tests have made."""

    def pytest_unconfigure(self) -> None:
        kinds: Any = sys.modules.get("kinds")
        kinds.DONE.set()
        for thing in kinds.KEPT:
            _close(thing)


def _close(thing: Any) -> None:
    match thing:
        case int():
            os.close(thing)
        case (int(first), int(second)):
            os.close(first)
            os.close(second)
        case Path():
            thing.rmdir()
        case subprocess.Popen():
            thing.kill()
            thing.wait()
        case threading.Thread():
            thing.join()
        case None:
            pass
        case _:
            thing.close()


def _run(check: Runs, outcome: str, kinds: tuple[str, ...]) -> Outcome:
    pytester = check.pytester
    pytester.makepyfile(kinds=HELPER, __init__="")
    pytester.makeconftest(
        f"import sys\nsys.path.insert(0, {str(pytester.path)!r})\nfrom kinds import *\nfor kind in MAKE: make(kind)"
    )
    for kind in kinds:
        body = f"from kinds import make\nmake({kind!r})"
        pytester.makepyfile(**{f"imported_{kind}": body, f"imported_too_{kind}": body})
    pytester.makepyfile(test_all=_source(outcome, kinds))
    flags = ("-p", "no_leaks", "--no-leaks", "--no-leaks-report=json:leaks.json", "--no-leaks-grace=0")
    with only_young():
        result = pytester.runpytest_inprocess(*flags, "--no-leaks-confirm=never", "-q", "--tb=no", plugins=[_End()])
    return Outcome(result, pytester.path)


@pytest.mark.parametrize("outcome", END)
def test_everything_is_blamed_on_who_made_it(check: Runs, outcome: str) -> None:
    """A cell for each place and kind; what imports make is blamed on nobody."""
    kinds = KINDS if outcome == "pass" else FEW
    done = _run(check, outcome, kinds)
    leaks = [
        ((leak["test"] or "").rpartition("::")[2], leak["owner"]["fixture"] or "", leak["kind"])
        for leak in done.document["leaks"]
    ]
    assert sorted(set(leaks) ^ _expected(outcome, kinds)) == []
    assert done.document["faults"] == {}
    assert done.counts == _counts(outcome, kinds)
