"""pytest-timeout: its timer is no leak, a test that exceeds it fails as ever, and a repetition has the limit to itself."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from runs import Runs

pytest.importorskip("pytest_timeout")

TIMEOUT = ("-p", "pytest_timeout")
METHODS = ["signal", "thread"] if sys.platform != "win32" else ["thread"]

SOURCE = """
def test_leaky(): leak()
def test_clean(): pass
def test_thread():
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
"""

methods = pytest.mark.parametrize("method", METHODS)
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGALRM")


@methods
def test_a_timer_is_no_leak(check: Runs, method: str) -> None:
    """It is set around each test, and cancelled after its teardown."""
    done = check(SOURCE, *TIMEOUT, "--timeout=60", f"--timeout-method={method}")
    assert done.leaks == [("test_leaky", "files")]
    assert (done.result.ret, done.counts) == (1, {"failed": 1, "passed": 2})


@posix
def test_a_test_that_takes_too_long_fails_for_that(check: Runs) -> None:
    """What it has left stands beside it, and the next test is checked as ever."""
    source = "def test_slow():\n    leak()\n    threading.Event().wait()\ndef test_after(): leak()"
    done = check.child(source, *TIMEOUT, "--timeout=1", "--timeout-method=signal")
    assert done.leaks == [("test_after", "files"), ("test_slow", "files")]
    assert done.counts == {"failed": 2}
    assert [line.partition(" - ")[2][:6] for line in done.lines("FAILED")] == ["Failed", "1 leak"]


class Recorder:
    """Hears of each timer that is set and cancelled."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def pytest_timeout_set_timer(self, settings: Any) -> None:
        self.heard.append(f"set {settings.method}")

    def pytest_timeout_cancel_timer(self) -> None:
        self.heard.append("cancel")


@methods
def test_each_repetition_has_a_timer_of_its_own(check: Runs, method: str) -> None:
    """The times of the first run and of the repetitions never add up; what is left of the teardown has one, too."""
    recorder = Recorder()
    done = check("def test_x(): leak()", *TIMEOUT, "--timeout=60", f"--timeout-method={method}", plugins=(recorder,))
    assert done.document["leaks"][0]["evidence"]["rounds"] == [1, 1]
    gentle = METHODS[0]
    assert recorder.heard == [
        *(f"set {method}", "cancel", f"set {gentle}", "cancel", f"set {gentle}", "cancel", f"set {method}", "cancel")
    ]


@pytest.mark.parametrize("args", [(), ("--timeout=60", "--timeout-method=thread", "-o", "timeout_func_only=true")])
def test_where_no_timer_covers_the_whole_test_none_is_set_anew(check: Runs, args: tuple[str, ...]) -> None:
    """Without a limit there is none; one for the body alone is set around each body by the plugin itself."""
    recorder = Recorder()
    check("def test_x(): leak()", *TIMEOUT, *args, plugins=(recorder,))
    assert recorder.heard == ["set thread", "cancel"] * (3 if args else 0)


@posix
@methods
def test_a_repetition_that_hangs_ends_itself_and_not_the_run(check: Runs, method: str) -> None:
    """The method "thread" would end the process, for a test that has passed."""
    source = """
def test_hangs_when_repeated():
    leak()
    if len(KEPT) > 1: threading.Event().wait()
def test_after(): pass
"""
    done = check.child(source, *TIMEOUT, "--timeout=1", f"--timeout-method={method}")
    assert done.counts == {"failed": 1, "passed": 1}
    (leak,) = done.document["leaks"]
    assert leak["verdict"] == "unconfirmed"
    assert "when it was repeated it failed (Failed: Timeout" in leak["reason"]


@pytest.mark.usefixtures("clean_faults")
def test_a_timer_that_cannot_be_set_anew_breaks_no_test(check: Runs) -> None:
    """It is noted, and the leak is told as ever."""

    class Fails(Recorder):
        """Its first cancelling, which is ours, raises."""

        def pytest_timeout_cancel_timer(self) -> None:
            super().pytest_timeout_cancel_timer()
            if self.heard.count("cancel") == 1:
                raise ValueError("out of order")

    done = check("def test_x(): leak()", *TIMEOUT, "--timeout=60", plugins=(Fails(),))
    assert done.document["faults"]["pytest-timeout"].startswith("ValueError: out of order")
    assert (done.leaks, done.counts) == ([("test_x", "files")], {"failed": 1})
