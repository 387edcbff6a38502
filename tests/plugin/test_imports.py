"""Imports: what a module's body makes is the session's, whoever imports it first; what a test makes by hand is its own."""

from __future__ import annotations

import sys

import pytest
from runs import Runs

from no_leaks import rules
from no_leaks.origin import DEPTH

LAZY = """
import builtins, concurrent.futures, os, socket, subprocess, sys, tempfile, threading

def make():
    kept.append(open(os.devnull))

kept = []
class Body: make()
kept.append(socket.socket())
kept += os.pipe()
done = threading.Event()
threading.Thread(target=done.wait, daemon=True).start()
pool = concurrent.futures.ThreadPoolExecutor()
pool.submit(int)
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
folder = tempfile.mkdtemp()
open(os.devnull)
"""
BY_IMPORT = {
    "statement": "import lazy",
    "from": "from lazy import kept",
    "import_module": "import importlib; importlib.import_module('lazy')",
    "__import__": "__import__('lazy')",
    "package": "from package import member",
    "importorskip": "pytest.importorskip('lazy')",
}
BY_HAND = {
    "exec": "exec('import os; KEPT.append(open(os.devnull))', globals())",
    "runpy": "import runpy; KEPT.append(runpy.run_path('script.py')['kept'])",
    "loader": "spec = util.spec_from_file_location('x', 'script.py')\n    module = util.module_from_spec(spec)\n"
    "    spec.loader.exec_module(module)\n    KEPT.append(module.kept)",
    "reload": "import script; importlib.reload(script); KEPT.append(script.kept)",
    "later": "import script; KEPT.append(script.make())",
}


class _End:
    """Ends what the lazy module started."""

    def pytest_unconfigure(self) -> None:
        lazy = sys.modules.pop("lazy", None)
        if lazy is not None:
            lazy.done.set()
            lazy.pool.shutdown()
            lazy.child.communicate()
            lazy.os.rmdir(lazy.folder)
            for thing in lazy.kept:
                lazy.os.close(thing) if isinstance(thing, int) else thing.close()


@pytest.fixture
def lazy(pytester: pytest.Pytester) -> None:
    """Put a module within reach that makes something of many a kind, and a package that imports it."""
    pytester.makepyfile(lazy=LAZY)
    pytester.mkpydir("package").joinpath("member.py").write_text("import lazy")
    pytester.makepyfile(script="import os\nkept = open(os.devnull)\ndef make(): return open(os.devnull)")
    pytester.syspathinsert()


@pytest.mark.usefixtures("lazy")
@pytest.mark.parametrize("way", BY_IMPORT)
def test_what_a_module_makes_when_a_test_imports_it_is_no_leak(check: Runs, way: str) -> None:
    """Whatever the spelling."""
    done = check(f"def test_x():\n    {BY_IMPORT[way]}\ndef test_leaky(): leak()", plugins=(_End(),))
    assert (done.counts, done.leaks) == ({"passed": 1, "failed": 1}, [("test_leaky", "files")])


@pytest.mark.usefixtures("lazy")
@pytest.mark.parametrize("scope", ["function", "module", "session"])
def test_nor_when_a_fixture_does(check: Runs, scope: str) -> None:
    """Of any scope."""
    done = check(
        f"@pytest.fixture(scope={scope!r})\ndef wide(): import lazy\ndef test_x(wide): pass", plugins=(_End(),)
    )
    assert (done.counts, done.leaks) == ({"passed": 1}, [])


@pytest.mark.usefixtures("lazy")
@pytest.mark.parametrize("way", BY_HAND)
def test_what_a_test_runs_by_hand_is_its_own(check: Runs, way: str) -> None:
    """A module's body that it executes itself, and a function that it calls after the import."""
    done = check(f"import importlib\nfrom importlib import util\ndef test_x():\n    {BY_HAND[way]}")
    assert done.leaks == [("test_x", "unclosed" if way == "reload" else "files")]


def test_a_block_in_a_modules_body_answers_for_what_it_makes(pytester: pytest.Pytester) -> None:
    """The module is being imported; what the block itself imports is no leak there either."""
    pytester.makepyfile(lazy="kept = open(__file__)")
    pytester.makepyfile(
        block="""
from no_leaks import LeakError, no_leaks
with no_leaks("files"):
    import lazy
try:
    with no_leaks("files"):
        kept = open(__file__)
except LeakError:
    print("SEEN")
"""
    )
    script = pytester.makepyfile(script="import block")
    pytester.runpython(script).stdout.fnmatch_lines(["SEEN"])


def _stack(*names: tuple[str, str]) -> rules.RawStack:
    codes = [compile("", file, "exec").replace(co_name=name) for name, file in names]
    return tuple((code, 0) for code in codes)


BODY = ("<module>", "lib.py")
MACHINERY = ("_call_with_frames_removed", "<frozen importlib._bootstrap>")
LOADING = ("_load_unlocked", "<frozen importlib._bootstrap>")
TEST = ("test_x", "test_a.py")


@pytest.mark.parametrize(
    ("names", "imported"),
    [
        ((("make", "lib.py"), BODY, MACHINERY, LOADING, TEST), True),
        ((BODY, ("exec_module", "rewrite.py"), LOADING, TEST), True),
        ((BODY, MACHINERY, TEST), False),
        ((BODY, TEST), False),
        ((TEST, LOADING), False),
        ((BODY, ("_load_unlocked", "mine.py"), TEST), False),
        ((("f", "lib.py"),) * (DEPTH - 2) + (BODY, MACHINERY), True),
        ((("f", "lib.py"),) * (DEPTH - 2) + (BODY, TEST), False),
        ((BODY, MACHINERY), False),
        ((), False),
    ],
)
def test_the_rule_asks_for_a_body_that_the_import_system_runs(
    names: tuple[tuple[str, str], ...], imported: bool
) -> None:
    """The module's frame, and further out the one that loads it; a stack that is cut off between them will do."""
    assert rules.name_of(rules.STACKS, _stack(*names)) == ("import" if imported else "")
