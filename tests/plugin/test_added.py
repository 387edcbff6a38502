"""Kinds that a run's own plugins, conftest files and packages add, in real runs of pytest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from runs import Runs

from no_leaks import customs, unregister_kind

DRIVER = """
class Pool:
    living = []

    def __init__(self):
        self.living.append(self)

    def close(self):
        self.living.remove(self)


class PoolKind:
    name = "db_pools"
    type = Pool

    def living(self):
        return Pool.living

    def describe(self, pool):
        return "pool of orders"

    def close(self, pool):
        pool.close()
"""
HOOK = """
from driver import PoolKind

def pytest_no_leaks_kinds(config):
    return [PoolKind()]
"""
TESTS = """
import pytest
from driver import Pool

@pytest.fixture(scope="session")
def shared():
    pool = Pool()
    yield pool
    pool.close()

def test_leaks(shared): Pool()
def test_closes(shared): Pool().close()

@pytest.mark.no_leaks(db_pools=False)
def test_not_asked(): Pool()

@pytest.mark.allow_leaks("db_pools", reason="kept")
def test_allowed(): Pool()
"""


@pytest.fixture(autouse=True)
def forgotten(clean_faults: None) -> Iterator[None]:
    """A kind that was switched off in an inner run is not the next one's."""
    yield
    for name in customs.names():
        unregister_kind(name)


def test_a_conftest_adds_a_kind(check: Runs, pytester: pytest.Pytester) -> None:
    """It is checked, named in markers, and gone after the run."""
    pytester.makepyfile(driver=DRIVER)
    pytester.makeconftest(HOOK)
    found = check(TESTS)

    assert found.counts == {"failed": 1, "passed": 3}
    leak = next(leak for leak in found.document["leaks"] if leak["verdict"] == "leak")
    assert (leak["kind"], leak["resource"]["id"]) == ("db_pools", "pool of orders")
    assert leak["created_at"][0]["function"] == "test_leaks"
    assert customs.names() == ()


def test_a_list_names_it(check: Runs, pytester: pytest.Pytester) -> None:
    """On the command line, alone."""
    pytester.makepyfile(driver=DRIVER)
    pytester.makeconftest(HOOK.replace("[PoolKind()]", "PoolKind"))

    assert check(TESTS, "--no-leaks-kinds=db_pools").counts == {"failed": 1, "passed": 3}


def test_a_conftest_further_down_adds_one_too(check: Runs, pytester: pytest.Pytester) -> None:
    """Once it is collected; a plugin that has nothing to add says None."""
    pytester.makepyfile(driver=DRIVER)
    pytester.makeconftest("def pytest_no_leaks_kinds(): return None")
    folder = pytester.mkdir("below")
    (folder / "conftest.py").write_text(HOOK)
    (folder / "test_b.py").write_text(TESTS)

    assert check("", "below").counts == {"failed": 1, "passed": 3}


def test_what_is_broken_is_named_and_the_run_goes_on(check: Runs, pytester: pytest.Pytester) -> None:
    """The hook of a conftest that raises, and a kind that fails while it is asked."""
    pytester.makepyfile(driver=DRIVER.replace("return Pool.living", "return 1 / 0"))
    pytester.makeconftest(HOOK)
    folder = pytester.mkdir("below")
    (folder / "conftest.py").write_text("def pytest_no_leaks_kinds(config): raise ValueError('no driver')")
    (folder / "test_b.py").write_text(TESTS)
    found = check("", "below")

    assert found.counts == {"passed": 4}
    assert "ZeroDivisionError" in found.document["faults"]["kind db_pools"]
    named = next(words for part, words in found.document["faults"].items() if part.endswith("conftest.py"))
    assert "no driver" in named
    assert any("db_pools" in line for line in found.lines("not working:"))


def test_a_kind_of_another_name_is_still_a_mistake(check: Runs, pytester: pytest.Pytester) -> None:
    """And what has been added is among the valid ones."""
    pytester.makepyfile(driver=DRIVER)
    pytester.makeconftest(HOOK)
    found = check(TESTS, "--no-leaks-kinds=db_pool")

    assert found.result.ret == pytest.ExitCode.USAGE_ERROR
    found.result.stderr.fnmatch_lines(["*did you mean 'db_pools'?*"])
