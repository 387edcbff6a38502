"""Growth in runs of pytest: a test that adds each time fails, one that fills a cache does not, and the budget is kept."""

from __future__ import annotations

import math
from typing import Any

import pytest
from runs import Outcome, Runs

from no_leaks.memory.budget import Budget

GROWS = """
import itertools
NUMBERS = itertools.count()
class Thing: pass
"""


@pytest.fixture(autouse=True)
def _time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loaded machine is slow, and that is no finding: there is time, unless the budget is none."""
    monkeypatch.setattr(Budget, "affords", lambda self, seconds: self.share > 0)
    monkeypatch.setattr("no_leaks.probes.memory.GRANT_S", math.inf)


def grown(done: Outcome) -> list[tuple[str, str, str]]:
    """Return test, verdict and holder of each leak of memory that was written."""
    return [
        ((leak["test"] or "").rpartition("::")[2], leak["verdict"], " ".join(leak["held_by"]))
        for leak in done.document["leaks"]
        if leak["kind"] == "memory"
    ]


def run(check: Runs, source: str, *args: str, **more: Any) -> Outcome:
    """Run tests for their memory alone."""
    return check(GROWS + source, "--no-leaks-kinds=memory", *args, **more)


@pytest.mark.parametrize(
    ("adds", "holder"),
    [
        ("KEPT.append(Thing())", "module test_a KEPT"),
        ("NAMES[str(next(NUMBERS))] = True", "module test_a NAMES"),
        ("Thing.every = [*getattr(Thing, 'every', ()), Thing()]", "class test_a.Thing Thing.every"),
    ],
)
def test_what_each_run_adds_fails_the_test(check: Runs, adds: str, holder: str) -> None:
    """With the holder; a list that is made anew each time is held by what has it."""
    mark = '@pytest.mark.no_leaks("memory", rounds=3)'  # whatever a loaded machine has time for
    source = f"NAMES = {{}}\n{mark}\ndef test_x(): {adds}\n{mark}\ndef test_y(): Thing()"
    done = check.child(GROWS + source, "--no-leaks-kinds=memory")
    assert done.counts == {"failed": 1, "passed": 1}
    ((test, verdict, held_by),) = grown(done)
    assert (test, verdict) == ("test_x", "leak")
    assert held_by.startswith(holder)


def test_the_report_says_what_grew_where_and_what_to_do(check: Runs) -> None:
    """All that a reader needs stands in it."""
    done = run(check, "def test_x():\n    KEPT.append(Thing())")
    assert done.lines("A list was filled by each run of the test and never emptied.")
    assert done.lines("  grown at    test_a.py:")
    assert done.lines("  held by     module test_a (alive: imported) -> KEPT (suspect: grew by 1 each time)")
    assert done.lines("  evidence    +1 on each of ")
    (leak,) = done.document["leaks"]
    assert (leak["confidence"], set(leak["evidence"]["rounds"])) == ("definite", {1})


def test_a_cache_that_is_warm_after_its_first_use_is_no_leak(check: Runs) -> None:
    """It was filled once; a bounded one stops."""
    done = run(
        check,
        """
        import functools
        @functools.lru_cache(maxsize=1000)
        def cached(number): return [number]
        def test_x(): cached(1)
        def test_y(): cached(next(NUMBERS))
        def test_z():
            if not KEPT: KEPT.append(Thing())
        """.replace("\n        ", "\n"),
    )
    assert (done.counts, grown(done)) == ({"passed": 3}, [])


def test_what_a_fixture_of_the_module_holds_is_named_by_it(check: Runs) -> None:
    """The runner holds its value, and nobody else."""
    done = run(
        check,
        """
        class Jar:
            def __init__(self): self.items = []
        @pytest.fixture(scope="module")
        def jar(): return Jar()
        def test_x(jar): jar.items.append(Thing())
        """.replace("\n        ", "\n"),
    )
    assert grown(done) == [("test_x", "leak", "fixture jar Jar.items")]


def test_what_a_factory_of_a_fixture_writes_down_is_closed_with_it(check: Runs) -> None:
    """It holds what it has made until the fixture ends."""
    done = run(
        check,
        """
        @pytest.fixture(scope="module")
        def make():
            made = []
            yield lambda: made.append(Thing())
            made.clear()
        def test_x(make): make()
        """.replace("\n        ", "\n"),
    )
    assert (done.counts, grown(done)) == ({"passed": 1}, [])


@pytest.mark.parametrize(
    ("args", "mark", "is_seen"),
    [
        ((), "", False),
        (("--no-leaks-kinds=default,-memory",), "", False),
        (("--no-leaks-kinds=default,memory",), "", True),
        ((), '@pytest.mark.no_leaks("memory")\n', True),
        ((), "@pytest.mark.no_leaks(memory=True)\n", True),
    ],
    ids=["default", "taken out", "asked for", "marker", "keyword"],
)
def test_memory_is_looked_at_on_request(check: Runs, args: tuple[str, ...], mark: str, is_seen: bool) -> None:
    """It costs more than the default may."""
    done = check(GROWS + mark + "def test_x(): KEPT.append(Thing())", *args)
    assert grown(done) == ([("test_x", "leak", "module test_a KEPT")] if is_seen else [])


def test_what_is_allowed_is_neither_repeated_nor_told(check: Runs) -> None:
    """There is nothing to ask."""
    done = run(check, '@pytest.mark.allow_leaks("memory", reason="a cache")\ndef test_x(): KEPT.append(Thing())')
    assert (done.counts, done.leaks) == ({"passed": 1}, [])


def test_an_allowance_by_pattern_is_asked_once_it_is_known_what_grew(check: Runs) -> None:
    """Its line is in what is matched."""
    source = '@pytest.mark.allow_leaks("memory", match="test_x", reason="a cache")\ndef test_x(): KEPT.append(Thing())'
    assert grown(run(check, source)) == [("test_x", "allowed", "module test_a KEPT")]


def test_over_the_budget_a_test_is_listed_and_does_not_fail(check: Runs) -> None:
    """Nobody knows whether it grows."""
    done = run(check, "def test_x(): KEPT.append(Thing())", "--no-leaks-budget=0")
    assert (done.counts, done.leaks) == ({"passed": 1}, [])
    assert done.document["unconfirmed_growth"] == ["test_a.py::test_x"]
    assert "unconfirmed growth in 1 test" in done.out


def test_a_marked_test_is_brought_to_a_verdict_whatever_the_budget(check: Runs) -> None:
    """Also where nothing is suspected: a list of small numbers grows in place."""
    done = run(
        check,
        "@pytest.mark.no_leaks(memory=True, rounds=3)\ndef test_x(): KEPT.append(True)",
        "--no-leaks-budget=0",
    )
    assert grown(done) == [("test_x", "leak", "module test_a KEPT")]


def test_what_holds_an_unclosed_file_is_told_with_the_file(check: Runs) -> None:
    """It is one leak."""
    done = check("def test_x(): leak()", "--no-leaks-kinds=files,memory")
    assert done.leaks == [("test_x", "files")]


def test_what_only_the_collection_for_memory_drops_is_told_by_its_own_kind(check: Runs) -> None:
    """A file in a circle is lost when that is collected, after all others have looked."""
    source = "def test_x():\n    one = Thing()\n    one.file, one.itself = open(LEAKED, 'a'), one"
    assert ("test_x", "files") in check(GROWS + source, "--no-leaks-kinds=files,memory").leaks


def test_what_holds_a_watched_object_is_told_with_the_object(check: Runs) -> None:
    """It is one finding, and certain already."""
    watches = "import no_leaks\ndef test_x(): KEPT.append(no_leaks.watch(Thing(), 'it ends'))"
    assert grown(run(check, watches)) == [("test_x", "leak", "module test_a KEPT [0]")]


@pytest.mark.parametrize("fails", ["assert not KEPT.append([])[0]", "pytest.fail('own')"])
def test_a_test_that_fails_is_not_asked(check: Runs, fails: str) -> None:
    """It fails for its own reason."""
    assert run(check, f"def test_x(): {fails}").leaks == []


def test_a_test_that_fails_when_it_is_repeated_is_unconfirmed(check: Runs) -> None:
    """What it adds is not known to grow."""
    done = run(check, "def test_x():\n    KEPT.append(Thing())\n    assert len(KEPT) < 3")
    assert (done.counts, done.leaks) == ({"passed": 1}, [])
    assert done.document["unconfirmed_growth"] == ["test_a.py::test_x"]


def test_what_the_runner_writes_down_is_no_growth(check: Runs) -> None:
    """Output, properties, warnings and finalizers of each repetition are let go of."""
    done = run(
        check,
        """
        @pytest.fixture(scope="session")
        def wide(): return 1
        @pytest.fixture
        def narrow(wide, tmp_path): return tmp_path
        def test_x(narrow, record_property, request):
            print("x" * 1000)
            record_property("a", [1])
            warnings.warn("mine")
            request.getfixturevalue("tmp_path_factory")
        """.replace("\n        ", "\n"),
    )
    assert (done.counts, done.leaks) == ({"passed": 1}, [])


def test_what_a_repetition_leaves_to_a_wider_fixture_to_close_is_closed(check: Runs) -> None:
    """Such a finalizer is the test's, and none of pytest's own."""
    done = run(
        check,
        """
        OPEN, MADE = [], []
        @pytest.fixture(scope="module")
        def make(request):
            def one():
                OPEN.append(True)
                MADE.append(True)
                request.addfinalizer(OPEN.pop)
            yield one
            assert len(MADE) > 2 and not OPEN
        @pytest.fixture
        def own(make): return make
        @pytest.mark.allow_leaks("memory", match="filled", reason="asked after all")
        def test_x(own): own()
        """.replace("\n        ", "\n"),
    )
    assert done.counts == {"passed": 1}


@pytest.mark.parametrize("value", ["-1", "101", "much", ""])
def test_a_budget_that_is_none_is_refused(check: Runs, value: str) -> None:
    """Before any test runs."""
    done = check("def test_x(): pass", f"--no-leaks-budget={value}")
    assert done.result.ret == pytest.ExitCode.USAGE_ERROR
    done.result.stderr.fnmatch_lines(["*is not a percentage, 0 to 100*"])
