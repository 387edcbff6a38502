"""Fixture factories: what a wider fixture's own function makes for a test is the fixture's, which closes it at its end."""

from __future__ import annotations

import pytest
from runs import Runs

FACTORY = """
@pytest.fixture(scope={scope!r})
def make():
    made = []
    def new(how):
        made.append(how())
        return made[-1]
    yield new
    for one in made:
        {close}
"""
END = """
def end(one):
    if isinstance(one, threading.Thread): one.done.set(), one.join()
    elif isinstance(one, subprocess.Popen): one.communicate()
    elif isinstance(one, str): os.rmdir(one)
    elif isinstance(one, tuple): [os.close(each) for each in one]
    else: one.close()
"""
THINGS = """
class Thread(threading.Thread):
    def __init__(self):
        super().__init__(target=lambda: self.done.wait())
        self.done = threading.Event()
        self.start()
def child(): return subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
HOW = [lambda: open(os.devnull), socket.socket, os.pipe, Thread, child, tempfile.mkdtemp, asyncio.new_event_loop]
"""


@pytest.mark.parametrize("scope", ["class", "module", "package", "session"])
def test_what_a_factory_closes_at_its_end_is_no_leak(check: Runs, scope: str) -> None:
    """Of any kind, and made in a fixture of the test's, too."""
    done = check(
        THINGS
        + END
        + FACTORY.format(scope=scope, close="end(one)")
        + """
@pytest.fixture
def mine(make): return make(HOW[0])
class TestX:
    @pytest.mark.parametrize("how", HOW)
    def test_x(self, make, mine, how): make(how)
    def test_leaky(self, make):
        make(HOW[0])
        leak()
"""
    )
    assert (done.counts, done.leaks) == ({"passed": 7, "failed": 1}, [("test_leaky", "files")])


def test_what_a_factory_does_not_close_is_its_own(check: Runs) -> None:
    """It cannot be made again by setting the fixture up once more."""
    done = check(FACTORY.format(scope="module", close="pass") + "def test_x(make): KEPT.append(make(socket.socket))")
    assert done.counts == {"passed": 1, "errors": 1}
    (leak,) = done.document["leaks"]
    assert (leak["owner"]["fixture"], leak["verdict"]) == ("make", "unconfirmed")


def test_what_a_test_makes_with_what_a_fixture_gave_it_is_the_tests(check: Runs) -> None:
    """The fixture's own functions have no part in it."""
    done = check("""
@pytest.fixture(scope="module")
def path(): return os.devnull
@pytest.fixture(scope="module")
def opener(): return open
def test_x(path, opener): KEPT.append(opener(path))
""")
    assert done.leaks == [("test_x", "files")]
