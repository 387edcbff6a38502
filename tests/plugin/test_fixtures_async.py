"""Async fixtures: whatever task or loop runs them, what they make is theirs, in set-up, teardown and between."""

from __future__ import annotations

import importlib.util
from importlib.metadata import version

import pytest
from runs import Runs
from support import anyio_on_trio

needs_asyncio = pytest.mark.skipif(importlib.util.find_spec("pytest_asyncio") is None, reason="needs pytest-asyncio")

FIXTURES = """
{fixture}(scope="session")
async def outer():
    yield
{fixture}(scope="module")
async def wide(outer):
    KEPT.append(socket.socket())
    yield
    leak()
{fixture}(scope="module")
async def value(outer):
    leak()
    return 1
{fixture}(scope="module")
async def tidy(outer):
    with open(os.devnull) as file:
        yield file
{fixture}
async def own(outer):
    KEPT.append(os.pipe())
    yield
    leak()
{mark}
async def test_wide(wide, value, tidy): assert value == 1
{mark}
async def test_own(own): pass
{mark}
async def test_leaky(tidy): leak()
class TestX:
    {fixture}
    async def method(self):
        self.seen = 1
        yield self
    {mark}
    async def test_method(self, method): assert method.seen == {seen} == 1
"""
SEEN = "self.seen" if tuple(map(int, version("anyio").split(".")[:2])) >= (4, 7) else "method.seen"
"""Up to 4.6 anyio binds a method to an instance that is not the test's."""
OWNERS = {
    ("test_leaky", None, "files"),
    ("test_own", None, "files"),
    ("test_own", None, "pipes"),
    ("", "value", "files"),
    ("", "wide", "files"),
    ("", "wide", "sockets"),
}


def _owners(check: Runs, source: str, *flags: str) -> set[tuple[str, str | None, str]]:
    done = check(source, *flags)
    assert done.counts == {"passed": 2, "failed": 2, "errors": 2}
    return {
        ((leak["test"] or "").rpartition("::")[2].partition("[")[0], leak["owner"]["fixture"], leak["kind"])
        for leak in done.document["leaks"]
    }


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_anyios_fixtures_own_what_they_make(check: Runs, backend: str) -> None:
    """Its one task runs them all, those of functions too."""
    if backend == "trio":
        anyio_on_trio()
    source = f"@pytest.fixture(scope='session')\ndef anyio_backend(): return {backend!r}\n" + FIXTURES.format(
        fixture="@pytest.fixture", mark="@pytest.mark.anyio", seen=SEEN
    )
    assert _owners(check, source, "-p", "anyio.pytest_plugin") == OWNERS


@needs_asyncio
def test_pytest_asyncios_fixtures_own_what_they_make(check: Runs) -> None:
    """On a loop of the session."""
    source = "import pytest_asyncio\n" + FIXTURES.format(
        fixture="@pytest_asyncio.fixture", mark="@pytest.mark.asyncio(loop_scope='session')", seen="self.seen"
    )
    flags = ("-p", "pytest_asyncio.plugin", "-o", "asyncio_default_fixture_loop_scope=session")
    assert _owners(check, source, *flags) == OWNERS


def test_a_fixture_that_is_set_up_again_is_as_it_was(check: Runs) -> None:
    """Up to 4.6 anyio leaves its own function and arguments in a fixture: the next set-up has neither."""
    done = check(
        """
@pytest.fixture
def anyio_backend(): return "asyncio"
@pytest.fixture
async def plain(): return 1
@pytest.fixture
async def own(plain):
    KEPT.append(os.pipe())
    yield 2
@pytest.mark.anyio
async def test_first(own, plain): assert own == 2
@pytest.mark.anyio
async def test_second(own, plain): assert own == 2
""",
        *("-p", "anyio.pytest_plugin"),
    )
    assert done.counts == {"failed": 2}
    assert done.leaks == [(f"test_{name}", "pipes") for name in ("first", "first", "second", "second")]


def test_a_task_that_a_fixture_forgets_is_the_fixtures(check: Runs) -> None:
    """Its loop ends with a fixture of the session, and reports it there in the name of the one that ended before."""
    done = check(
        """
@pytest.fixture(scope="session")
def anyio_backend(): return "asyncio"
@pytest.fixture(scope="session")
async def outer(): yield
@pytest.fixture(scope="module")
async def wide(outer):
    KEPT.append(asyncio.create_task(asyncio.sleep(3600)))
    yield
@pytest.mark.anyio
async def test_x(wide): pass
""",
        *("-p", "anyio.pytest_plugin"),
    )
    assert [(leak["kind"], leak["owner"]["fixture"]) for leak in done.document["leaks"]] == [("tasks", "wide")]


def test_a_fixture_that_yields_twice_or_never_is_told_as_ever(check: Runs) -> None:
    """By anyio."""
    done = check(
        """
@pytest.fixture
def anyio_backend(): return "asyncio"
@pytest.fixture
async def twice():
    yield
    yield
@pytest.fixture
async def fails():
    raise ValueError("own")
    yield
@pytest.mark.anyio
async def test_twice(twice): pass
@pytest.mark.anyio
async def test_fails(fails): pass
""",
        *("-p", "anyio.pytest_plugin"),
    )
    assert done.lines("ERROR test_a.py") == [
        "ERROR test_a.py::test_twice - RuntimeError: Async generator fixture did not stop",
        "ERROR test_a.py::test_fails - ValueError: own",
    ]
