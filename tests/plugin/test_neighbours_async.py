"""Async frameworks and their plugins: on whatever loop a test runs, its leak is its own, and a clean test is quiet."""

from __future__ import annotations

from importlib.metadata import version

import pytest
from runs import Runs
from support import anyio_on_trio

ASYNCIO = ("-p", "pytest_asyncio.plugin", "-o", "asyncio_default_fixture_loop_scope=function")
ANYIO = ("-p", "anyio.pytest_plugin")
TRIO = ("-p", "pytest_trio.plugin")

TASKS = """
async def forget():
    KEPT.append(asyncio.create_task(asyncio.sleep(100)))
    await asyncio.sleep(0)
async def keep():
    task = asyncio.create_task(asyncio.sleep(0))
    await task
"""


@pytest.fixture(autouse=True)
def _installed() -> None:
    for name in ("pytest_asyncio", "anyio", "pytest_trio", "trio", "uvloop"):
        pytest.importorskip(name)


@pytest.mark.parametrize("scope", ["function", "class", "module", "package", "session"])
def test_a_task_left_on_a_loop_of_any_scope_is_the_tests(check: Runs, scope: str) -> None:
    """pytest-asyncio, strict: the loop lives on, the leak is found at the test's end."""
    if scope == "package" and version("pytest-asyncio").startswith("0."):
        pytest.skip("it wants a package around the test")
    done = check(
        TASKS
        + f"""
@pytest.mark.asyncio(loop_scope="{scope}")
class TestLoop:
    async def test_leaky(self): await forget()
    async def test_clean(self): await keep()
    async def test_opens(self): leak()
""",
        *ASYNCIO,
    )
    assert done.leaks == [("test_leaky", "tasks"), ("test_opens", "files")]
    assert (done.result.ret, done.counts) == (1, {"failed": 2, "passed": 1})


def test_auto_mode_is_checked_likewise(check: Runs) -> None:
    """Coroutine tests and fixtures without any mark."""
    done = check(
        TASKS
        + """
@pytest.fixture
async def resource():
    task = asyncio.create_task(asyncio.sleep(100))
    yield task
    task.cancel()
    await asyncio.wait([task])
async def test_leaky(resource): await forget()
async def test_clean(resource): await keep()
def test_plain(): pass
""",
        *ASYNCIO,
        "--asyncio-mode=auto",
    )
    assert done.leaks == [("test_leaky", "tasks")]
    assert done.counts == {"failed": 1, "passed": 2}


POLICIES = {
    "asyncio": "asyncio.DefaultEventLoopPolicy",
    "uvloop": "uvloop.EventLoopPolicy",
}


@pytest.mark.parametrize("kinds", ["default", "sockets", "pipes", "fds", "tasks"])
@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_the_loop_that_pytest_asyncio_keeps_ready_is_nobodys(check: Runs, policy: str, kinds: str) -> None:
    """Up to 0.26 it makes a fresh one after each test: its descriptors are excused as it is, whatever is looked at."""
    done = check(
        f"""
import uvloop
asyncio.set_event_loop_policy({policy}())
@pytest.mark.asyncio
async def test_first(): await asyncio.sleep(0)
@pytest.mark.asyncio
async def test_second(): await asyncio.sleep(0)
def test_plain(): pass
""",
        *ASYNCIO,
        f"--no-leaks-kinds={kinds}",
    )
    assert done.leaks == []
    assert done.counts == {"passed": 3}


def test_what_is_left_beside_that_loop_is_the_tests(check: Runs) -> None:
    """A pipe and a loop of its own are told as ever."""
    done = check(
        """
import uvloop
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
@pytest.mark.asyncio
async def test_pipe(): KEPT.extend(map(open, os.pipe(), "rw"))
@pytest.mark.asyncio
async def test_loop(): KEPT.append(asyncio.new_event_loop())
""",
        *ASYNCIO,
    )
    assert done.leaks == [("test_loop", "tasks"), ("test_pipe", "pipes"), ("test_pipe", "pipes")]


SERVER = """
import pytest_asyncio

@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def address():
    async def answer(reader, writer):
        await reader.read()
        writer.close()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()
    server.close()  # and no more: from 3.12 on wait_closed() waits for the client that a test forgets

@pytest.mark.asyncio(loop_scope="session")
class TestServer:
    async def test_talks(self, address):
        reader, writer = await asyncio.open_connection(*address)
        writer.close()
        await writer.wait_closed()
    async def test_leaky(self, address):
        KEPT.append(await asyncio.open_connection(*address))
    async def test_after(self, address): await asyncio.sleep(0)
"""


def test_a_session_server_answers_and_nobody_is_blamed_for_it(check: Runs) -> None:
    """What it accepts is its own, to the end of a connection whose client a test forgets: that one is the test's."""
    done = check(SERVER, *ASYNCIO)
    assert {test for test, _ in done.leaks if test} == {"test_leaky"}
    assert (done.counts["failed"], done.counts["passed"]) == (1, 2)


@pytest.mark.parametrize(
    "backend", ["'asyncio'", "('asyncio', {'use_uvloop': True})"], ids=["asyncio", "asyncio on uvloop"]
)
def test_anyios_plugin_on_asyncio(check: Runs, backend: str) -> None:
    """Its runner keeps one loop for the fixtures and the test."""
    done = check(
        TASKS
        + f"""
@pytest.fixture
def anyio_backend(): return {backend}
@pytest.fixture
async def resource(anyio_backend):
    yield asyncio.get_running_loop()
@pytest.mark.anyio
async def test_leaky(resource): await forget()
@pytest.mark.anyio
async def test_clean(resource): await keep()
@pytest.mark.anyio
async def test_opens(): leak()
""",
        *ANYIO,
    )
    assert done.leaks == [("test_leaky", "tasks"), ("test_opens", "files")]
    assert done.counts == {"failed": 2, "passed": 1}


def test_anyios_plugin_on_trio(check: Runs) -> None:
    """A task group ends before its test does; what is no task can be forgotten."""
    anyio_on_trio()
    done = check(
        """
import anyio
@pytest.fixture
def anyio_backend(): return "trio"
@pytest.mark.anyio
async def test_leaky():
    async with anyio.create_task_group() as group: group.start_soon(anyio.sleep, 0)
    KEPT.append(socket.socket())
@pytest.mark.anyio
async def test_clean():
    async with anyio.create_task_group() as group: group.start_soon(anyio.sleep, 0)
    await anyio.to_thread.run_sync(int)
""",
        *ANYIO,
    )
    assert done.leaks == [("test_leaky", "sockets")]
    assert done.counts == {"failed": 1, "passed": 1}


def test_pytest_trio(check: Runs) -> None:
    """Its fixtures, nursery and mode; a system task that is left is a leak like a forgotten socket."""
    done = check(
        """
import trio
@pytest.fixture
async def resource(nursery):
    nursery.start_soon(trio.sleep_forever)
    yield
    nursery.cancel_scope.cancel()
async def test_leaky(resource): KEPT.append(trio.socket.socket())
async def test_clean(resource): await trio.to_thread.run_sync(int)
@pytest.mark.trio
async def test_marked(autojump_clock): await trio.sleep(1000)
""",
        *TRIO,
        "-o",
        "trio_mode=true",
    )
    assert done.leaks == [("test_leaky", "sockets")]
    assert done.counts == {"failed": 1, "passed": 2}


def test_isolated_asyncio_test_cases(check: Runs) -> None:
    """unittest's own runner, with its set-ups, clean-ups and subtests."""
    done = check(
        TASKS
        + """
class TestCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.file = await asyncio.to_thread(open, os.devnull)
        self.addAsyncCleanup(asyncio.to_thread, self.file.close)
    async def test_clean(self):
        with self.subTest("part"): await keep()
    async def test_leaky(self): await forget()
class TestPlain(unittest.TestCase):
    def setUp(self):
        self.file = open(os.devnull)
        self.addCleanup(self.file.close)
    def test_tidy(self): assert not self.file.closed
    def test_opens(self): leak()
"""
    )
    assert done.leaks == [("test_leaky", "tasks"), ("test_opens", "files")]
    assert (done.counts["failed"], done.counts["passed"]) == (2, 2)


def test_loops_of_several_frameworks_in_one_run(check: Runs) -> None:
    """pytest-asyncio, anyio and unittest side by side: each leak once, at its own test."""
    done = check(
        TASKS
        + """
@pytest.fixture
def anyio_backend(): return "asyncio"
@pytest.mark.asyncio
async def test_asyncio(): await forget()
@pytest.mark.anyio
async def test_anyio(): await forget()
class TestCase(unittest.IsolatedAsyncioTestCase):
    async def test_unittest(self): await forget()
def test_run(): asyncio.run(forget())
def test_clean(): asyncio.run(keep())
""",
        *ASYNCIO,
        *ANYIO,
    )
    assert sorted(done.leaks) == [(f"test_{name}", "tasks") for name in ("anyio", "asyncio", "run", "unittest")]
    assert done.counts == {"failed": 4, "passed": 1}
