"""Growth where the collector cannot freeze: blocks suspect and all objects are counted; what grows is found, a clean suite quiet."""

from __future__ import annotations

import subprocess
import sys

import pytest
from runs import Outcome, Runs

WHY = "forced: nothing can be frozen here"
CONFTEST = f"""
from no_leaks.memory.budget import Budget
from no_leaks.sensors import window
window._reason = {WHY!r}
Budget.affords = lambda self, seconds: True  # a loaded machine is slow, and that is no finding

def pytest_unconfigure():
    import gc
    print("frozen:", gc.get_freeze_count(), window.freezes)
"""


@pytest.fixture
def without(check: Runs) -> Runs:
    """Runs in which nothing can be frozen."""
    check.pytester.makeconftest(CONFTEST)
    return check


def run(without: Runs, source: str, *args: str) -> Outcome:
    """Run tests for their memory alone, in a process of its own, and see that nothing was frozen there."""
    done = without.child("class Thing: pass\nNAMES = {}\n" + source, "--no-leaks-kinds=memory", *args)
    assert done.lines("frozen: ")[0].endswith(" 0")
    return done


def grown(done: Outcome) -> list[tuple[str, list[str]]]:
    """Return test and holder of each leak that was written."""
    return [(leak["test"].rpartition("::")[2], leak["held_by"]) for leak in done.document["leaks"]]


@pytest.mark.parametrize(
    ("adds", "holder"),
    [
        ("KEPT.extend(Thing() for _ in range(200))", "KEPT"),
        ("NAMES.update((str(len(NAMES)), [1]) for _ in range(200))", "NAMES"),
    ],
)
def test_what_grows_is_found(without: Runs, adds: str, holder: str) -> None:
    """By the blocks that it takes, and then by its length."""
    done = run(without, f"def test_x(): {adds}\ndef test_y(): Thing()")
    assert done.counts == {"failed": 1, "passed": 1}
    assert grown(done) == [("test_x", ["module test_a", holder])]


def test_a_marked_test_is_asked_thoroughly(without: Runs) -> None:
    """One small thing a run, and another beside it that is let go of."""
    source = "@pytest.mark.no_leaks(memory=True)\n"
    done = run(without, f"{source}def test_x(): KEPT.append(3)\n{source}def test_y(): [Thing() for _ in range(300)]")
    assert grown(done) == [("test_x", ["module test_a", "KEPT"])]


def test_a_clean_suite_is_quiet(without: Runs) -> None:
    """Whatever it makes, caches and drops."""
    done = run(
        without,
        """
import functools, itertools, json, re
numbers = itertools.count()
FULL = {-number: Thing() for number in range(300)}

@functools.lru_cache(maxsize=5000)
def cached(number): return [number] * 9

@pytest.mark.parametrize("number", range(5))
def test_made(number): json.loads(json.dumps({str(one): [one] for one in range(500)}))

def test_cached(): [cached(next(numbers)) for _ in range(100)]

def test_full():
    FULL[next(numbers)] = Thing()
    del FULL[next(iter(FULL))]

def test_circle():
    for _ in range(200):
        one = Thing()
        one.me = one

def test_once():
    if not KEPT: KEPT.extend(Thing() for _ in range(500))

def test_pattern(): [re.compile(f"a{next(numbers)}") for _ in range(50)]

def test_fixture(tmp_path, monkeypatch, capsys): (tmp_path / "a").write_text("x"); print("x" * 9999)
""",
    )
    assert (done.counts, grown(done)) == ({"passed": 11}, [])


def test_the_doctor_says_so() -> None:
    """With the reason that the interpreter gives."""
    code = (
        "import sys; from no_leaks.sensors import window; from no_leaks.cli.main import main;"
        f"window._reason = {WHY!r}; sys.exit(main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("gc.freeze()")]
    assert line.split(maxsplit=1)[1] == f"not used: {WHY}; memory is counted in blocks, and then all objects"
