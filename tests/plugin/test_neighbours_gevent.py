"""gevent: whoever patches, and when, the leaks of a test are seen, clean tests are quiet, and the run says what is different."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from runs import Outcome, Runs

from no_leaks.plugin import neighbours
from no_leaks.sensors import greenlets

pytest.importorskip("gevent")

PATCH = "from gevent import monkey\nmonkey.patch_all()\n"
WORD = "no-leaks: gevent has patched threading: threads are greenlets, and a greenlet that is no thread is not seen"

SOURCE = """
import concurrent.futures, gevent

def test_greenlets(): assert gevent.spawn(int, "3").get() == 3
def test_thread():
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
def test_pool():
    with concurrent.futures.ThreadPoolExecutor(2) as pool: assert list(pool.map(int, "12")) == [1, 2]
def test_child(): subprocess.run([sys.executable, "-c", ""])
def test_server():
    from gevent.server import StreamServer
    server = StreamServer(("127.0.0.1", 0), lambda client, address: client.close())
    server.start()
    with socket.create_connection(("127.0.0.1", server.server_port)) as client: client.recv(1)
    server.stop()
def test_pipe():
    for end in os.pipe(): os.close(end)
def test_leaky_thread():
    KEPT.append(threading.Event())
    threading.Thread(target=KEPT[-1].wait, daemon=True).start()
def test_leaky_socket(): KEPT.append(socket.socket())
def test_leaky_file(): leak()
def test_after(): gevent.sleep(0)
"""

LEAKS = [("test_leaky_file", "files"), ("test_leaky_socket", "sockets"), ("test_leaky_thread", "threads")]


def leaks(done: Outcome) -> list[tuple[str, str]]:
    """Return test and kind of each proven leak; gevent's hub and its own pool are made once, by whoever is first."""
    proven = [leak for leak in done.document["leaks"] if leak["verdict"] != "once"]
    return [(leak["test"].rpartition("::")[2], leak["kind"]) for leak in proven]


def run(check: Runs, source: str, *args: str) -> Outcome:
    """Run in a child: what is patched stays patched. The canary's answers are asserted at once."""
    done = check.child(source, *args)
    assert set(done.document["canary"].values()) == {True}
    assert done.document["faults"] == {}
    return done


def test_patched_before_the_plugin(check: Runs) -> None:
    """In conftest.py, as gevent asks for."""
    check.pytester.makeconftest(PATCH)
    done = run(check, SOURCE)
    assert (leaks(done), done.counts) == (LEAKS, {"failed": 3, "passed": 7})
    assert WORD in done.out


def test_patched_after_the_plugin(check: Runs) -> None:
    """In the test module, when pytest and its plugins have long imported what is patched."""
    done = run(check, PATCH + SOURCE, "-W", "ignore")
    assert (leaks(done), done.counts) == (LEAKS, {"failed": 3, "passed": 7})
    assert WORD in done.out


def test_patched_while_tests_run(check: Runs) -> None:
    """What our own modules have imported by then is not patched: greenlets go on all the same while a scope settles."""
    done = run(
        check,
        """
def test_patches():
    from gevent import monkey
    monkey.patch_all()
def test_late():
    import gevent
    client = socket.socket()
    gevent.spawn(client.close)
def test_leaky(): leak()
""",
        *("--no-leaks-grace=0.1", "-W", "ignore"),
    )
    assert (leaks(done), done.counts) == ([("test_leaky", "files")], {"failed": 1, "passed": 2})


def test_gevent_without_patches_has_nothing_to_say(check: Runs) -> None:
    """It is imported, and threads are threads; a greenlet that is about to close something may."""
    done = run(
        check,
        """
import gevent
def test_first(): gevent.sleep(0)
def test_closes_soon():
    client = socket.socket()
    gevent.spawn(client.close)
def test_leaky(): leak()
""",
    )
    assert leaks(done) == [("test_leaky", "files")]
    assert WORD not in done.out


@pytest.mark.parametrize(("hub", "turns"), [("a hub", [greenlets.TURN_S]), (None, []), ("current", [])])
def test_greenlets_get_a_turn_where_there_is_a_hub(
    monkeypatch: pytest.MonkeyPatch, hub: str | None, turns: list[float]
) -> None:
    """None is made for that, and the hub itself does not wait. (No coverage is measured of greenlets: stand-ins.)"""
    slept: list[float] = []
    monkeypatch.setitem(sys.modules, "gevent", SimpleNamespace(sleep=slept.append, getcurrent=lambda: "current"))
    monkeypatch.setitem(sys.modules, "gevent._hub_local", SimpleNamespace(get_hub_if_exists=lambda: hub))
    greenlets.spin()
    assert slept == turns


@pytest.mark.parametrize(("patched", "words"), [(True, [WORD]), (False, [])])
def test_only_patched_threads_are_worth_a_word(
    monkeypatch: pytest.MonkeyPatch, patched: bool, words: list[str]
) -> None:
    """Whether gevent is imported says nothing."""
    monkeypatch.setitem(sys.modules, "gevent.monkey", SimpleNamespace(is_module_patched=lambda name: patched))
    assert neighbours.remarks() == words
