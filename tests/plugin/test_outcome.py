"""Outcomes: a passed test that leaked fails once; one with a reason of its own keeps it, and shows its leaks beside it."""

from __future__ import annotations

import pytest
from runs import LEAKED_AT, Runs


def test_a_passed_test_that_leaked_fails_once(check: Runs) -> None:
    """One F, one entry in the summary, one in the count, one failure and no error in JUnit's XML, exit code 1."""
    done = check("def test_leaky(): leak()\ndef test_clean(): pass")
    assert done.result.ret == pytest.ExitCode.TESTS_FAILED
    assert done.counts == {"failed": 1, "passed": 1}
    assert [line.split()[1] for line in done.lines("test_a.py")] == ["F."]
    assert done.lines("FAILED") == [f"FAILED test_a.py::test_leaky - 1 leak: file opened at {LEAKED_AT}"]
    assert done.lines("ERROR") == []
    assert done.cases == {"test_leaky": ["failure"], "test_clean": []}
    assert done.leaks == [("test_leaky", "files")]


def test_a_failed_test_keeps_its_own_reason_first(check: Runs) -> None:
    """Its leaks stand in a section below, and it is counted once."""
    done = check("def test_x():\n    leak()\n    assert 1 == 2")
    assert done.counts == {"failed": 1}
    assert done.lines("FAILED") == ["FAILED test_a.py::test_x - assert 1 == 2"]
    assert done.cases == {"test_x": ["failure"]}
    order = ["assert 1 == 2", "- leaks -", "A file was opened and never closed."]
    assert [done.out.index(words) for words in order] == sorted(done.out.index(words) for words in order)


@pytest.mark.parametrize(
    ("source", "counts", "case"),
    [
        ("def test_x():\n    leak()\n    pytest.fail('own')", {"failed": 1}, ["failure"]),
        (
            "@pytest.fixture\ndef f():\n    leak()\n    pytest.fail('own')\ndef test_x(f): pass",
            {"errors": 1},
            ["error"],
        ),
        (
            "@pytest.fixture\ndef f():\n    yield\n    pytest.fail('own')\ndef test_x(f): leak()",
            {"passed": 1, "errors": 1},
            ["error"],
        ),
        (
            "@pytest.mark.xfail(strict=True)\ndef test_x(): leak()",
            {"failed": 1},
            ["failure"],
        ),
    ],
    ids=["body", "set-up", "teardown", "strict xpass"],
)
def test_a_reason_of_its_own_stays_where_it_was(
    check: Runs, source: str, counts: dict[str, int], case: list[str]
) -> None:
    """It is counted as without the plugin, and the leak is shown beside it."""
    done = check(source)
    assert (done.counts, done.cases) == (counts, {"test_x": case})
    assert done.leaks == [("test_x", "files")]
    assert "A file was opened and never closed." in done.out
    assert not any("1 leak:" in line for line in done.lines("FAILED") + done.lines("ERROR"))


@pytest.mark.parametrize(
    "source",
    [
        "@pytest.mark.xfail\ndef test_x():\n    leak()\n    assert 0",
        "@pytest.mark.xfail(strict=True)\ndef test_x():\n    leak()\n    assert 0",
        "@pytest.fixture\ndef f():\n    leak()\n    pytest.xfail('own')\ndef test_x(f): pass",
    ],
    ids=["xfail", "strict", "set-up"],
)
def test_an_expected_failure_stays_expected(check: Runs, source: str) -> None:
    """It failed, as it should; its leak is in the report's data."""
    done = check(source)
    assert (done.result.ret, done.counts, done.cases) == (0, {"xfailed": 1}, {"test_x": ["skipped"]})
    assert done.leaks == [("test_x", "files")]


@pytest.mark.parametrize(
    "source",
    [
        "@pytest.mark.xfail\ndef test_x(): leak()",
        "def test_x():\n    leak()\n    pytest.skip('own')",
        "def test_x(request): request.addfinalizer(leak)",
        "@pytest.fixture\ndef f():\n    yield\n    leak()\ndef test_x(f): pass",
    ],
    ids=["unexpected pass", "skip in the body", "finalizer", "teardown of a fixture"],
)
def test_what_did_not_fail_and_leaked_is_failed(check: Runs, source: str) -> None:
    """Whatever else it would have been called."""
    done = check(source)
    assert (done.counts, done.cases) == ({"failed": 1}, {"test_x": ["failure"]})
    assert done.lines("FAILED") == [f"FAILED test_a.py::test_x - 1 leak: file opened at {LEAKED_AT}"]


def test_a_skip_by_a_leaking_fixture_is_an_error(check: Runs) -> None:
    """The set-up is all there was of it, and a failed set-up is called an error."""
    done = check("@pytest.fixture\ndef f():\n    leak()\n    pytest.skip('own')\ndef test_x(f): pass")
    assert (done.counts, done.cases) == ({"errors": 1}, {"test_x": ["error"]})


def test_a_clean_skip_stays_a_skip(check: Runs) -> None:
    """By mark, in the body and in a fixture."""
    done = check("""
@pytest.fixture
def f(): pytest.skip('own')
def test_f(f): pass
@pytest.mark.skip
def test_m(): pass
def test_b(): pytest.skip('own')
""")
    assert (done.result.ret, done.counts, done.leaks) == (0, {"skipped": 3}, [])


def test_cases_of_unittest_are_tests_like_others(check: Runs) -> None:
    """Body, setUp, tearDown and addCleanup belong to the test; setUpClass to the class."""
    done = check("""
class TestBody(unittest.TestCase):
    def test_body(self): leak()
    def test_cleanup(self): self.addCleanup(leak)
    def test_closed(self):
        file = open(os.devnull)
        self.addCleanup(file.close)
    def test_skipped(self): self.skipTest("own")
class TestSetUp(unittest.TestCase):
    def setUp(self): leak()
    def test_set_up(self): pass
class TestTearDown(unittest.TestCase):
    def tearDown(self): leak()
    def test_tear_down(self): pass
class TestBoth(unittest.TestCase):
    def setUp(self): self.file = open(os.devnull)
    def tearDown(self): self.file.close()
    def test_both(self): pass
class TestClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.socket = socket.socket()
    @classmethod
    def tearDownClass(cls): cls.socket.close()
    def test_class(self): pass
    def test_again(self): pass
""")
    leaky = ["test_body", "test_cleanup", "test_set_up", "test_tear_down"]
    assert [test for test, _ in sorted(done.leaks)] == leaky
    assert sorted(name for name, below in done.cases.items() if below == ["failure"]) == leaky
    assert done.counts == {"failed": 4, "passed": 4, "skipped": 1}


def test_isolated_asyncio_cases_are_tests_like_others(check: Runs) -> None:
    """Their context is copied when the case is made, maybe before the test began: the site is found all the same."""
    done = check.child("""
class TestAsync(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self): self.task = asyncio.create_task(asyncio.sleep(0))
    async def test_awaited(self): await self.task
    async def test_file(self):
        await self.task
        leak()
    async def test_task(self):
        await self.task
        self.other = asyncio.create_task(asyncio.sleep(3600))
""")
    assert sorted(done.leaks) == [("test_file", "files"), ("test_task", "tasks")]
    assert [leak["created_at"][0]["file"] for leak in done.document["leaks"]] == ["test_a.py", "test_a.py"]
    assert done.counts == {"failed": 2, "passed": 1}


def test_leaks_of_sub_tests_are_the_tests(check: Runs) -> None:
    """All of them in one failure."""
    done = check("""
class TestSub(unittest.TestCase):
    def test_sub(self):
        for number in range(2):
            with self.subTest(number=number):
                leak()
""")
    assert done.counts["failed"] == 1
    assert done.lines("FAILED") == [
        f"FAILED test_a.py::TestSub::test_sub - 2 leaks: file opened at {LEAKED_AT} (2 times)"
    ]


def test_classes_functions_modules_and_parameters(check: Runs) -> None:
    """xunit's set-up and teardown stand where they belong, and each parameter is a test."""
    done = check("""
class TestMethods:
    def setup_method(self): self.file = open(os.devnull)
    def teardown_method(self): self.file.close()
    def test_clean(self): pass
    def test_leaky(self): leak()
class TestClass:
    def setup_class(cls): cls.file = open(os.devnull)
    def teardown_class(cls): cls.file.close()
    def test_one(self): pass
    def test_two(self): pass
def setup_module(): globals()["file"] = open(os.devnull)
def teardown_module(): file.close()
def setup_function(): globals()["other"] = open(os.devnull)
def teardown_function(): other.close()
@pytest.mark.parametrize("leaky", [False, True])
def test_parameter(leaky):
    if leaky: leak()
""")
    assert done.leaks == [("test_leaky", "files"), ("test_parameter[True]", "files")]
    assert done.counts == {"failed": 2, "passed": 4}


def test_doctests_are_tests_like_others(check: Runs) -> None:
    """They have neither function nor fixtures."""
    done = check(
        'def leaky():\n    """\n    >>> leak()\n    """\ndef clean():\n    """\n    >>> 1\n    1\n    """',
        "--doctest-modules",
    )
    assert done.counts == {"failed": 1, "passed": 1}
    assert done.lines("FAILED") == [f"FAILED test_a.py::test_a.leaky - 1 leak: file opened at {LEAKED_AT}"]


@pytest.mark.parametrize("marker", ["no_leaks(action='warn')", "no_leaks(thread_action='warn')"])
def test_an_action_of_warn_warns(check: Runs, marker: str) -> None:
    """The test passes, at its own place stands a warning, and the report has the leak."""
    done = check(f"""
@pytest.mark.{marker}
def test_x():
    done = threading.Event()
    KEPT.append(done)
    threading.Thread(target=done.wait, name="worker", daemon=True).start()
""")
    done.result.assert_outcomes(passed=1, warnings=1)
    assert done.leaks == [("test_x", "threads")]
    done.result.stdout.fnmatch_lines(["*LeakWarning: test_a.py::test_x: *thread*worker*"])


def test_a_leak_warning_that_is_an_error_fails_the_test(check: Runs) -> None:
    """Never the run: an internal error would be ours."""
    done = check("def test_x(): leak()", "--no-leaks-action=warn", "-W", "error::no_leaks.errors.LeakWarning")
    assert (done.result.ret, done.counts) == (1, {"failed": 1})
    assert done.lines("FAILED") == [f"FAILED test_a.py::test_x - 1 leak: file opened at {LEAKED_AT}"]


def test_pyleaks_action_of_log_logs(check: Runs, caplog: pytest.LogCaptureFixture) -> None:
    """No failure, no warning: a line in the log, for leaks of that kind only."""
    done = check("""
@pytest.mark.no_leaks(task_action="log")
def test_x():
    async def main(): KEPT.append(asyncio.create_task(asyncio.sleep(3600), name="left"))
    asyncio.run(main())
@pytest.mark.no_leaks(task_action="log")
def test_y(): leak()
""")
    assert done.counts == {"failed": 1, "passed": 1}
    assert done.leaks == [("test_x", "tasks"), ("test_y", "files")]
    assert [record.getMessage().partition(":")[0] for record in caplog.records if record.name == "no_leaks"] == [
        "test_a.py"
    ]


def test_hard_and_soft_leaks_of_one_test(check: Runs) -> None:
    """The failure lists what fails; the warning says the rest."""
    done = check("""
@pytest.mark.no_leaks(thread_action="warn")
def test_x():
    leak()
    done = threading.Event()
    KEPT.append(done)
    threading.Thread(target=done.wait, daemon=True).start()
""")
    done.result.assert_outcomes(failed=1, warnings=1)
    assert done.lines("FAILED") == [f"FAILED test_a.py::test_x - 1 leak: file opened at {LEAKED_AT}"]


def test_a_marker_that_the_test_adds_counts(check: Runs) -> None:
    """Allowing by request.applymarker is told at the end; so is an action."""
    done = check("""
def test_allowed(request):
    leak()
    request.applymarker(pytest.mark.allow_leaks("files", reason="known late"))
def test_warned(request):
    leak()
    request.applymarker(pytest.mark.no_leaks(action="warn"))
""")
    done.result.assert_outcomes(passed=2, warnings=1)
    assert [leak["verdict"] for leak in done.document["leaks"]] == ["allowed", "leak"]


def test_a_wrong_marker_that_the_test_adds_fails_it(check: Runs) -> None:
    """It is too late for a usage error, and the leak is said too."""
    done = check("""
def test_x(request):
    leak()
    request.applymarker(pytest.mark.allow_leaks("files"))
def test_y(request):
    leak()
    request.applymarker(pytest.mark.no_leaks(action="warn"))
    request.applymarker(pytest.mark.allow_leaks("filse", reason="misspelt"))
""")
    assert done.counts == {"failed": 2}
    assert done.leaks == [("test_x", "files"), ("test_y", "files")]
    assert "needs a reason" in done.out
    assert "1 leak:" in done.lines("FAILED test_a.py::test_x")[0]


def test_what_is_allowed_is_listed_and_does_not_fail(check: Runs) -> None:
    """By kind, by a pattern on the description and by one on the creation site."""
    done = check("""
@pytest.mark.allow_leaks("files", reason="by kind")
def test_kind(): leak()
@pytest.mark.allow_leaks(match="leaked[0-9]+", reason="by path")
def test_description(): leak()
@pytest.mark.allow_leaks("files", match="test_a.py:6 leak", reason="by place")
def test_site(): leak()
@pytest.mark.allow_leaks("sockets", reason="of another kind")
def test_other_kind(): leak()
@pytest.mark.allow_leaks("files", match="elsewhere", reason="of another place")
def test_other_place(): leak()
""")
    assert done.counts == {"failed": 2, "passed": 3}
    assert [(leak["verdict"], leak["reason"]) for leak in done.document["leaks"]] == [
        ("allowed", "by path"),
        ("allowed", "by kind"),
        ("leak", ""),
        ("leak", ""),
        ("allowed", "by place"),
    ]
    assert [line.rpartition(" - ")[2] for line in sorted(done.lines("allowed "))] == ["by path", "by kind", "by place"]
