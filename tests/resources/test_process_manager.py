"""The process's manager: one for all, closed at exit and, on request, at SIGTERM; sync use imports no async library."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading

import anyio
import pytest
from backends import AsyncThing, Thing, on_both

from no_leaks import (
    acleanup_all_resources,
    cleanup_all_resources,
    get_resource_manager,
    get_resource_metrics,
)

THING = """
import os, signal, sys
from no_leaks.resources import ResourceManager, get_resource_manager
from no_leaks.resources.process import install_exit_handlers

class Thing:
    def __init__(self, name, error=None):
        self.name, self.error = name, error
    def close(self):
        print("closed", self.name, flush=True)
        if self.error:
            raise self.error
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run a program of its own."""
    return subprocess.run([sys.executable, "-c", THING + code], capture_output=True, text=True, check=False)


def test_there_is_one_manager() -> None:
    """Whoever asks, in whatever thread."""
    found = {id(get_resource_manager())}
    threads = [threading.Thread(target=lambda: found.add(id(get_resource_manager()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 1


def test_the_process_has_metrics_and_a_cleanup() -> None:
    """Functions of the same names, sync and async."""
    one, two = Thing(), AsyncThing()
    gc.collect()  # the process's manager still has what another test dropped in a circle
    before = get_resource_metrics()

    get_resource_manager().register(one, kind="files")
    assert get_resource_metrics().active_files == before.active_files + 1
    cleanup_all_resources()
    get_resource_manager().register(two, kind="connections")
    anyio.run(acleanup_all_resources)

    assert (one.closed, two.closed) == (1, 1)


def test_what_is_open_at_exit_is_closed_and_told() -> None:
    """The youngest first, with the line that registered it; an error goes to the log and stops no other."""
    done = python(
        """
manager = get_resource_manager()
things = [Thing("a"), Thing("b", OSError("gone")), Thing("c")]
for thing in things:
    manager.register(thing, kind="files", name=thing.name)
"""
    )

    assert done.stdout.split("\n")[:3] == ["closed c", "closed b", "closed a"]
    assert "OSError: gone" in done.stderr
    assert done.returncode == 0


def test_what_was_left_open_is_in_the_log() -> None:
    """As a warning."""
    done = python("thing = Thing('a'); get_resource_manager().register(thing, kind='files', name='data.txt')")

    assert "at exit, still open: files: data.txt registered at <string>" in done.stderr


def test_a_manager_of_ones_own_is_closed_at_exit_only_if_asked() -> None:
    """Installed by `install_exit_handlers`."""
    code = "own = ResourceManager(); thing = Thing('own'); own.register(thing, kind='files')\n"

    assert python(code).stdout == ""
    assert python(code + "install_exit_handlers(own)").stdout == "closed own\n"


def test_on_request_sigterm_closes_and_ends_the_process() -> None:
    """By the signal, as without us."""
    done = python(
        """
install_exit_handlers(sigterm=True)
install_exit_handlers(sigterm=True)
thing = Thing("a")
get_resource_manager().register(thing, kind="files")
os.kill(os.getpid(), signal.SIGTERM)
print("went on")
"""
    )

    assert (done.stdout, done.returncode) == ("closed a\n", -15)


@pytest.mark.parametrize(
    ("before", "heard"),
    [("lambda *_: print('heard')", "closed a\nheard\nwent on\n"), ("signal.SIG_IGN", "closed a\nwent on\n")],
)
def test_who_heard_sigterm_before_hears_it_again(before: str, heard: str) -> None:
    """A handler is called, and ignoring stays ignoring."""
    done = python(
        f"""
signal.signal(signal.SIGTERM, {before})
install_exit_handlers(sigterm=True)
thing = Thing("a")
get_resource_manager().register(thing, kind="files")
os.kill(os.getpid(), signal.SIGTERM)
print("went on")
"""
    )

    assert (done.stdout, done.returncode) == (heard, 0)


LOOP = """
import anyio
from no_leaks import secure_connection_context
class Slow(Thing):
    close = None
    async def aclose(self):
        await anyio.sleep(0.01)
        print("awaited", self.name, flush=True)
signal.signal(signal.SIGTERM, lambda *_: print("heard", flush=True))
install_exit_handlers(sigterm=True)
async def main():
    thing, stuck = Slow("a"), anyio.Event()
    get_resource_manager().register(thing, kind="connections")
    async with secure_connection_context(lambda: Slow("b")):
        os.kill(os.getpid(), signal.SIGTERM)
        BODY
anyio.run(main, backend="BACKEND")
"""


@on_both
def test_in_a_loop_sigterm_awaits_what_has_to_be_awaited(backend: str) -> None:
    """The youngest first; who heard it before hears it then."""
    body = "await anyio.sleep(0.1)\n        print('went on')"
    done = python(LOOP.replace("BODY", body).replace("BACKEND", backend))

    assert (done.stdout, done.returncode) == ("awaited b\nawaited a\nheard\nwent on\n", 0), done.stderr


@on_both
def test_a_second_sigterm_does_not_wait_for_the_loop(backend: str) -> None:
    """Which may hang: what cannot be awaited is told as an error."""
    body = "os.kill(os.getpid(), signal.SIGTERM)\n        print('at once')\n        os._exit(0)"
    done = python(LOOP.replace("BODY", body).replace("BACKEND", backend))

    assert done.stdout == "heard\nat once\n"
    assert "has to be awaited to be closed" in done.stderr


@on_both
def test_an_error_while_awaiting_after_sigterm_is_told(backend: str) -> None:
    """And the signal goes on."""
    body = "await anyio.sleep(0.1)\n        print('went on')"
    code = LOOP.replace("BODY", body).replace("BACKEND", backend)
    code = code.replace('print("awaited", self.name, flush=True)', 'raise OSError("gone")')
    done = python(code)

    assert done.stdout == "heard\nwent on\n"
    assert "OSError: gone" in done.stderr


def test_sync_use_imports_no_async_library() -> None:
    """Neither asyncio nor anyio nor trio."""
    done = python(
        """
manager = get_resource_manager()
with manager.scope("sync"):
    thing = Thing("a")
    manager.register(thing, kind="files")
manager.metrics()
print(sorted({"asyncio", "anyio", "trio", "psutil"} & set(sys.modules)))
"""
    )

    assert done.stdout == "closed a\n[]\n"
