"""Ownership: what wider fixtures, unchecked tests and their threads make is never the checked test's; its own always is."""

from __future__ import annotations

import importlib.util

import pytest
from runs import LEAKED_AT, Runs

EVERYTHING = '''
def everything():
    """Yield while something of every kind is open."""
    with open(os.devnull), socket.create_server(("127.0.0.1", 0)):
        done = threading.Event()
        thread = threading.Thread(target=done.wait)
        thread.start()
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
        folder = tempfile.mkdtemp()
        loop = asyncio.new_event_loop()
        yield
        loop.close()
        os.rmdir(folder)
        child.communicate()
        done.set()
        thread.join()
'''
SERVER = """
import socketserver

class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        self.server.kept.append(self.request.dup())
        self.request.sendall(self.request.recv(1))

@pytest.fixture(scope="module")
def server():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.kept = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
        for connection in server.kept: connection.close()

def talk(server):
    with socket.create_connection(server.server_address) as client:
        client.sendall(b"x")
        client.recv(1)
"""
ASYNC_SERVER = """
import contextlib, pytest_asyncio

@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server():
    kept = []
    async def handle(reader, writer):
        kept.append(writer)
        writer.write(await reader.read(1))
    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()
        for writer in kept:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
"""


needs_asyncio = pytest.mark.skipif(importlib.util.find_spec("pytest_asyncio") is None, reason="needs pytest-asyncio")


@pytest.mark.parametrize("scope", ["class", "module", "package", "session"])
def test_what_a_wider_fixture_makes_is_not_the_tests(check: Runs, scope: str) -> None:
    """Asked for, autouse, by mark, late, and by another fixture; neither leak nor foreign close."""
    check.pytester.makepyfile(__init__="")
    wide = f"@pytest.fixture(scope={scope!r}{{}})\ndef {{}}({{}}): yield from everything()\n"
    ways = (
        ("", "asked", ""),
        (", autouse=True", "always", ""),
        ("", "marked", ""),
        ("", "late", "inner"),
        ("", "inner", ""),
    )
    done = check(
        EVERYTHING
        + "".join(wide.format(*way) for way in ways)
        + """
class TestInClass:
    def test_asked(self, asked): pass
    def test_again(self, asked): pass
@pytest.mark.usefixtures("marked")
def test_marked(): pass
def test_late(request): request.getfixturevalue("late")
def test_leaky(): leak()
"""
    )
    assert done.leaks == [("test_leaky", "files")]
    assert done.result.parseoutcomes() == {"failed": 1, "passed": 4}


def test_what_a_wider_fixtures_parameter_closes_is_no_foreign_close(check: Runs) -> None:
    """The old value is torn down while the next test is set up."""
    done = check("""
@pytest.fixture(scope="module", params=[1, 2])
def file(request):
    with open(os.devnull) as file: yield file
def test_a(file): pass
def test_b(file): pass
""")
    assert done.result.parseoutcomes() == {"passed": 4}


@pytest.mark.parametrize("first", ["", "@pytest.mark.no_leaks(False)\n"], ids=["checked", "unchecked"])
def test_what_a_wider_fixtures_threads_make_later_is_the_fixtures(check: Runs, first: str) -> None:
    """Connections that its server accepts, also where a test that nobody checks set it up."""
    done = check(SERVER + first + "def test_first(server): talk(server)\ndef test_second(server): talk(server)")
    assert (done.result.parseoutcomes(), done.leaks) == ({"passed": 2}, [])


def test_what_a_wider_fixtures_threads_close_is_closed_by_no_test(check: Runs) -> None:
    """Its thread opened it in a test that nobody checks, and closes it in the first that is."""
    done = check("""
@pytest.fixture(scope="module")
def steps():
    begin, opened, end = [threading.Event() for _ in range(3)]
    def work():
        begin.wait()
        with socket.socket():
            opened.set()
            end.wait()
    thread = threading.Thread(target=work)
    thread.start()
    yield begin, opened, end, thread
    end.set()
    thread.join()

@pytest.mark.no_leaks(False)
def test_first(steps):
    steps[0].set()
    steps[1].wait()
def test_second(steps):
    steps[2].set()
    steps[3].join()
""")
    assert (done.result.parseoutcomes(), done.leaks) == ({"passed": 2}, [])


def test_what_a_tests_client_leaves_beside_a_server_is_the_tests(check: Runs) -> None:
    """Its own end of the connection, and that only."""
    done = check(
        SERVER
        + """
def test_x(server):
    KEPT.append(socket.create_connection(server.server_address))
    KEPT[0].sendall(b"x")
    KEPT[0].recv(1)
"""
    )
    assert done.leaks == [("test_x", "sockets")]


@needs_asyncio
def test_a_session_loops_server_is_the_fixtures(check: Runs) -> None:
    """pytest-asyncio runs test and server on one loop; what the server's callbacks open is not the test's."""
    done = check(
        ASYNC_SERVER
        + """
@pytest.mark.asyncio(loop_scope="session")
async def test_clean(server):
    reader, writer = await asyncio.open_connection(*server)
    writer.write(b"x")
    await reader.read(1)
    writer.close()
    await writer.wait_closed()
@pytest.mark.asyncio(loop_scope="session")
async def test_task(server):
    KEPT.append(asyncio.create_task(asyncio.sleep(3600)))
@pytest.mark.asyncio(loop_scope="session")
async def test_socket(server):
    KEPT.append(await asyncio.open_connection(*server))
@pytest.mark.asyncio
async def test_own_loop():
    KEPT.append(asyncio.create_task(asyncio.sleep(3600)))
""",
        *("-p", "pytest_asyncio.plugin", "-o", "asyncio_default_fixture_loop_scope=function"),
    )
    assert done.leaks == [("test_own_loop", "tasks"), ("test_socket", "sockets"), ("test_task", "tasks")]
    assert done.counts == {"failed": 3, "passed": 1}


def test_an_unchecked_tests_thread_is_its_own(check: Runs) -> None:
    """What it makes while a marked test runs is not blamed on that one, nor what unmarked neighbours left before."""
    done = check(
        """
go, made, done = threading.Event(), threading.Event(), threading.Event()

def work():
    go.wait()
    KEPT.append(socket.socket())
    made.set()
    done.wait()

def test_unmarked():
    leak()
    KEPT.append(threading.Thread(target=work))
    KEPT[-1].start()
@pytest.mark.no_leaks
def test_marked():
    go.set()
    made.wait()
def test_join():
    done.set()
    KEPT[1].join()
@pytest.mark.no_leaks
def test_after(): pass
@pytest.mark.no_leaks
def test_leaky(): leak()
def test_unmarked_too(): leak()
""",
        switch="",
    )
    assert done.leaks == [("test_leaky", "files")]
    assert done.counts == {"failed": 1, "passed": 5}


def test_what_an_unchecked_test_loses_late_is_nobodys_leak(check: Runs) -> None:
    """It came to light under a ledger that nobody asks for."""
    done = check.child(
        "def test_a(): KEPT.append(open(os.devnull))\n@pytest.mark.no_leaks\ndef test_b(): KEPT.clear()",
        switch="",
    )
    assert (done.counts, done.leaks) == ({"passed": 2}, [])


def test_a_test_that_closes_what_it_did_not_open_is_warned(check: Runs) -> None:
    """Once, with what it closed; the module's teardown closes what it likes."""
    done = check("""
@pytest.fixture(scope="module")
def file(): yield open(__file__)
@pytest.fixture(scope="module")
def other():
    with open(os.devnull) as file: yield file
def test_uses(file, other): pass
def test_closes(file): file.close()
def test_after(): pass
""")
    done.result.assert_outcomes(passed=3, warnings=1)
    done.result.stdout.fnmatch_lines(
        ["*LeakWarning: test_a.py::test_closes closed fd * (*test_a.py), which it did not open"]
    )


def test_the_last_test_of_a_module_is_warned_too(check: Runs) -> None:
    """Although the fixture, whose file it was, is gone when the reports are made."""
    done = check("@pytest.fixture(scope='module')\ndef file(): yield open(__file__)\ndef test_x(file): file.close()")
    done.result.assert_outcomes(passed=1, warnings=1)


def test_closing_what_was_open_before_the_first_test_is_warned(check: Runs) -> None:
    """Nobody knows who opened it."""
    done = check("KEPT.append(open(__file__))\ndef test_x(): KEPT.pop().close()")
    done.result.assert_outcomes(passed=1, warnings=1)


def test_closing_what_an_earlier_test_left_is_not_warned(check: Runs) -> None:
    """It is done a favour."""
    done = check("""
@pytest.mark.allow_leaks(reason="the next one closes it")
def test_a(): leak()
def test_b(): KEPT.pop().close()
""")
    assert done.result.parseoutcomes() == {"passed": 2}


def test_a_foreign_close_fails_where_warnings_are_errors(check: Runs) -> None:
    """A test, and not the run."""
    source = "@pytest.fixture(scope='module')\ndef file(): yield open(__file__)\ndef test_x(file): file.close()"
    done = check(source, "-W", "error::no_leaks.errors.LeakWarning")
    assert (done.result.ret, done.counts) == (1, {"failed": 1})
    assert "closed fd" in done.lines("FAILED")[0]


def test_a_foreign_close_stands_beside_a_failure(check: Runs) -> None:
    """The test's own reason comes first."""
    source = """
@pytest.fixture(scope='module')
def file(): yield open(__file__)
def test_x(file):
    file.close()
    assert 1 == 2
"""
    done = check(source, "-W", "error::no_leaks.errors.LeakWarning")
    assert done.lines("FAILED") == ["FAILED test_a.py::test_x - assert 1 == 2"]
    done.result.stdout.fnmatch_lines(["*- leaks -*", "test_a.py::test_x closed fd *"])


def test_nobody_is_warned_where_descriptors_are_not_looked_at(check: Runs) -> None:
    """Only the kinds that are checked are known."""
    done = check(
        "@pytest.fixture(scope='module')\ndef file(): yield open(__file__)\ndef test_x(file): file.close()",
        "--no-leaks-kinds=threads",
    )
    assert done.result.parseoutcomes() == {"passed": 1}


def test_a_wider_fixture_that_fails_is_no_leak_of_the_test(check: Runs) -> None:
    """Its error stays the first reason."""
    done = check(
        "@pytest.fixture(scope='module')\ndef f():\n    leak()\n    1 / 0\ndef test_x(f): pass\ndef test_y(f): pass"
    )
    assert (done.counts, done.leaks) == ({"errors": 2}, [("", "files")])


@needs_asyncio
def test_what_the_test_of_a_wider_loop_leaks_is_found_at_its_own_place(check: Runs) -> None:
    """The wrapper that names the test's ledger is not in the way of its name or its report."""
    done = check(
        "@pytest.mark.asyncio(loop_scope='module')\nasync def test_x(): leak()\n"
        "@pytest.mark.asyncio(loop_scope='module')\nasync def test_y(): assert 1 == 2",
        *("-p", "pytest_asyncio.plugin", "-o", "asyncio_default_fixture_loop_scope=function"),
    )
    assert done.lines("FAILED") == [
        f"FAILED test_a.py::test_x - 1 leak: file opened at {LEAKED_AT}",
        "FAILED test_a.py::test_y - assert 1 == 2",
    ]
    assert "owned" not in done.out
