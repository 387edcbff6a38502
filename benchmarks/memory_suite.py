"""What memory.py measures: a suite of clean tests beside a heap of a given size, and the ways of looking for leaks in it."""

from __future__ import annotations

from pathlib import Path

WORK = """
def work():
    kept = [dict(number=number) for number in range(20)]
    assert len(kept) == 20
"""

TESTS = """
import pytest
from work import work

@pytest.mark.parametrize("number", range({count}))
def test_clean(number):
    work()
"""

PSLEAK = """
import psleak
from work import work

class TestClean(psleak.MemoryLeakTestCase):
    pass

for number in range({count}):
    setattr(TestClean, f"test_{{number}}", lambda self: self.execute(work))
"""

CONFTEST = """
import gc, json, os, time
import pytest

VARIANT = os.environ["BENCH_VARIANT"]
gc.disable()
HEAP = [[None] for _ in range(int(os.environ["BENCH_OBJECTS"]))]
gc.enable()

STARTED = []

def pytest_runtest_logstart():
    # From the second test on: the first pays for what a tool does once.
    STARTED.append(time.process_time())

@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop(session):
    result = yield
    with open(os.environ["BENCH_RESULT"], "w") as file:
        json.dump({"cpu": time.process_time() - STARTED[1], "tests": len(STARTED) - 1}, file)
    return result

if VARIANT == "memray":
    def pytest_collection_modifyitems(items):
        for item in items:
            item.add_marker(pytest.mark.limit_leaks("1 MB"))

if VARIANT == "census":
    from collections import Counter

    def census():
        gc.collect()
        return Counter(type(thing).__name__ for thing in gc.get_objects())

    @pytest.fixture(autouse=True)
    def look():
        before = census()
        yield
        assert sum((census() - before).values()) < 1000

if VARIANT == "pympler":
    from pympler.tracker import SummaryTracker
    TRACKER = SummaryTracker()

    @pytest.fixture(autouse=True)
    def look():
        yield
        TRACKER.diff()
"""


def write(folder: Path, count: int, *, psleak: bool) -> Path:
    """Write a suite of `count` tests and return its folder; psleak's are written as it wants them."""
    home = folder / f"{'psleak' if psleak else 'suite'}-{count}"
    if not home.exists():
        home.mkdir()
        (home / "conftest.py").write_text(CONFTEST)
        (home / "work.py").write_text(WORK)
        (home / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
        (home / "test_clean.py").write_text((PSLEAK if psleak else TESTS).format(count=count))
    return home
