"""Library: a checked block, sync and async, and a decorator, without pytest."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from support import here

import no_leaks as package
from no_leaks import LeakError, no_leaks
from no_leaks.errors import LeakWarning, SettingError

pytestmark = pytest.mark.usefixtures("no_outer_session")

WITHOUT_PYTEST = """
import os, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("pytest", "_pytest", "pluggy"):
            raise ImportError(f"{name} is not there")

sys.meta_path.insert(0, Blocker())
from no_leaks import LeakError, no_leaks

kept = []
try:
    with no_leaks("files", grace=0):
        kept.append(open(os.devnull))
except LeakError as error:
    assert [leak.kind for leak in error.leaks] == ["files"]
    assert "A file was opened and never closed." in str(error)
else:
    raise SystemExit("not seen")
with no_leaks(grace=0):
    open(os.devnull).close()
print("both", "pytest" in sys.modules)
"""


@pytest.fixture
def kept() -> Iterator[list[Any]]:
    """Hold things; they are closed afterwards."""
    things: list[Any] = []
    yield things
    for thing in things:
        thing.close()


def test_a_block_that_leaves_something_raises(kept: list[Any]) -> None:
    """With every leak, and their report as the message."""
    with pytest.raises(LeakError) as caught, no_leaks("sockets", "files", grace=0):
        kept.append(socket.socket())
        kept.append(open(os.devnull))
        line = here() - 1
    assert sorted(leak.kind for leak in caught.value.leaks) == ["files", "sockets"]
    (opened,) = [leak for leak in caught.value.leaks if leak.kind == "files"]
    assert (opened.created_at[0].line, opened.owner.scope, opened.test) == (line, "block", None)
    assert "A file was opened and never closed." in str(caught.value)
    assert isinstance(caught.value, AssertionError)


def test_a_clean_block_passes() -> None:
    """Every default kind is checked, and a value can be returned from within."""
    with no_leaks(grace=0) as block, open(os.devnull), socket.socket():
        pass
    assert isinstance(block, package.library.Block)  # type: ignore[attr-defined]


def test_a_thing_from_outside_may_stay(kept: list[Any]) -> None:
    """What was open before is not the block's."""
    kept.append(open(os.devnull))
    with no_leaks("files", grace=0):
        pass


def test_only_the_named_kinds_are_checked(kept: list[Any]) -> None:
    """And `kind=False` takes one out."""
    with no_leaks("sockets", grace=0):
        kept.append(open(os.devnull))
    with no_leaks(files=False, unclosed=False, grace=0):
        kept.append(open(os.devnull))


def test_false_checks_nothing(kept: list[Any]) -> None:
    """The same words as the marker's."""
    with no_leaks(False):
        kept.append(open(os.devnull))


def test_an_unknown_kind_is_a_setting_error() -> None:
    """Before anything runs."""
    with pytest.raises(SettingError, match="socket"):
        no_leaks("socket")


def test_the_bodys_own_exception_stays(kept: list[Any]) -> None:
    """What a failed block left is not what it failed for; afterwards nothing listens."""
    with pytest.raises(ZeroDivisionError) as caught, no_leaks("files", grace=0):
        kept.append(open(os.devnull))
        1 / 0
    assert caught.value.__context__ is None
    with no_leaks("files", grace=0):
        pass


def test_a_block_can_be_used_again_but_not_inside_itself(kept: list[Any]) -> None:
    """One open scope each."""
    block = no_leaks("files", grace=0)
    with block:
        pass
    with block, pytest.raises(RuntimeError, match="make a new one"):
        block.__enter__()
    with pytest.raises(LeakError), block:
        kept.append(open(os.devnull))


def test_an_inner_blocks_leak_is_the_inner_ones(kept: list[Any]) -> None:
    """And the outer one is told of nothing twice."""
    with no_leaks("files", grace=0), pytest.raises(LeakError), no_leaks("files", grace=0):
        kept.append(open(os.devnull))


def test_after_an_inner_block_the_outer_one_still_sees(kept: list[Any]) -> None:
    """It goes on listening, with the site."""
    with pytest.raises(LeakError) as caught, no_leaks("files", grace=0):
        with no_leaks("files", grace=0):
            pass
        kept.append(open(os.devnull))
        line = here() - 1
    assert caught.value.leaks[0].created_at[0].line == line


def test_a_decorated_function_is_checked_at_each_call(kept: list[Any]) -> None:
    """It keeps its name, arguments and value."""

    @no_leaks("files", grace=0)
    def read(leak: bool) -> int:
        """Read."""
        if leak:
            kept.append(open(os.devnull))
        return 7

    assert (read(False), read.__name__, read.__doc__) == (7, "read", "Read.")
    with pytest.raises(LeakError):
        read(leak=True)
    assert read(False) == 7


def test_the_bare_decorator_checks_all_defaults(kept: list[Any]) -> None:
    """Without a call."""

    @no_leaks
    def clean() -> int:
        return 7

    @no_leaks
    def leaky() -> None:
        kept.append(socket.socket())

    assert clean() == 7
    with pytest.raises(LeakError):
        leaky()


def test_a_decorated_coroutine_function_is_checked() -> None:
    """It is one still, and its tasks are seen on the loop that goes on."""

    @no_leaks("tasks", grace=0)
    async def work(leak: bool) -> int:
        if leak:
            held.append(asyncio.create_task(asyncio.sleep(3600), name="left"))
        return 7

    async def main() -> None:
        assert await work(False) == 7
        with pytest.raises(LeakError) as caught:
            await work(True)
        assert [leak.resource.type for leak in caught.value.leaks] == ["task"]
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)

    held: list[asyncio.Task[None]] = []
    assert asyncio.iscoroutinefunction(work)
    asyncio.run(main())


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_async_block_is_checked_on_any_loop(backend: str, kept: list[Any]) -> None:
    """It settles on the running loop, so that what is about to finish can."""
    import trio

    async def main() -> None:
        async with no_leaks("files", "sockets", grace=0):
            await sleep(0)
            with open(os.devnull):
                pass
        with pytest.raises(LeakError) as caught:
            async with no_leaks("files", grace=0):
                kept.append(open(os.devnull))
        assert len(caught.value.leaks) == 1
        with pytest.raises(ZeroDivisionError):
            async with no_leaks("files", grace=0):
                kept.append(open(os.devnull))
                1 / 0
        async with no_leaks(False):
            kept.append(open(os.devnull))

    if backend == "trio":
        sleep: Callable[[float], Awaitable[object]] = trio.sleep
        trio.run(main)
    else:
        sleep = asyncio.sleep
        asyncio.run(main())


def test_a_task_that_is_about_to_end_is_no_leak() -> None:
    """The loop runs on while the block waits."""

    async def main() -> None:
        async with no_leaks("tasks"):
            done.append(asyncio.create_task(asyncio.sleep(0)))

    done: list[asyncio.Task[None]] = []
    asyncio.run(main())
    assert done[0].done()


def test_an_action_of_warn_warns(kept: list[Any]) -> None:
    """At the line of the block's end, for what would have failed."""
    with pytest.warns(LeakWarning, match="never closed") as caught, no_leaks("files", action="warn", grace=0):
        kept.append(open(os.devnull))
    assert caught[0].filename == __file__


def test_an_action_of_log_logs(caplog: pytest.LogCaptureFixture) -> None:
    """pyleak's word, for one kind."""
    done = threading.Event()
    with caplog.at_level(logging.WARNING, "no_leaks"), no_leaks(thread_action="log", grace=0):
        thread = threading.Thread(target=done.wait, name="left")
        thread.start()
    done.set()
    thread.join()
    assert len(caplog.records) == 1
    assert "left" in caplog.text


def test_several_threads_check_blocks_of_their_own() -> None:
    """None is told of another's, and all is put back at the end."""
    gate, results = threading.Barrier(3), list[object]()

    def work() -> None:
        try:
            with no_leaks("tasks", grace=0):
                gate.wait()
        except BaseException as error:
            results.append(error)
        else:
            results.append("clean")

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["clean"] * 3
    assert package.session._sessions == []  # type: ignore[attr-defined]


def test_it_works_without_pytest() -> None:
    """The library imports neither pytest nor the plugin."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_PYTEST], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("both False\n", 0), done.stderr


@pytest.mark.parametrize("use", [no_leaks, lambda: no_leaks("files", grace=1.0), lambda: no_leaks(True)])
def test_a_call_returns_a_block(use: Callable[[], object]) -> None:
    """Nothing listens until it is entered."""
    assert type(use()).__name__ == "Block"
