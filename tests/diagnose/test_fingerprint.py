"""Fingerprint: what changes it and what does not."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from no_leaks.diagnose import fingerprint
from no_leaks.model import Frame, Resource

SOCKET = Resource("socket", "fd 3", "127.0.0.1:5000")
LIBRARY = Frame("aiohttp/client.py", 1, "ClientSession._request", False)
STDLIB = Frame("socket.py", 1, "create_connection", False)
CONNECT = Frame("src/shop/http.py", 31, "Client._connect", True)
TEST = Frame("tests/test_a.py", 17, "test_fetch", True)
HELD = ("module shop.registry", "_CLIENTS", "['profile']", "Client._conn")

names = st.from_regex(r"[a-z_]{1,12}", fullmatch=True).filter(lambda name: not name.startswith("test"))
numbers = st.integers(min_value=0, max_value=2**48)


def of(*frames: Frame, kind: str = "sockets", held_by: tuple[str, ...] = HELD, resource: Resource = SOCKET) -> str:
    return fingerprint.of(kind, frames, held_by, resource)


def test_it_is_short_and_recognisable() -> None:
    """It reads "nl-" and twelve hexadecimal digits."""
    assert re.fullmatch(r"nl-[0-9a-f]{12}", of(CONNECT))


def test_it_is_the_same_on_every_machine() -> None:
    """The value itself is part of every baseline: a change here breaks those of all users."""
    assert of(CONNECT, TEST) == "nl-8694e25868fb"


@given(st.lists(numbers, min_size=2, max_size=2), numbers, numbers)
def test_lines_ports_and_descriptors_leave_it(lines: list[int], port: int, fd: int) -> None:
    """What differs between two runs of the same code is no part of it."""
    moved = of(
        CONNECT._replace(line=lines[0]),
        TEST._replace(line=lines[1]),
        resource=Resource("socket", f"fd {fd}", f"127.0.0.1:{port}"),
        held_by=("module shop.registry", "_CLIENTS", f"['h:{port}']", "Client._conn"),
    )
    assert moved == of(CONNECT, TEST)


@given(numbers, numbers)
def test_addresses_and_counters_in_names_leave_it(address: int, number: int) -> None:
    """Without a creation site the given name counts, but not its number."""
    named = Resource("thread", f"worker-{number} at {address:#x}")
    assert of(resource=named) == of(resource=Resource("thread", "worker-1 at 0xff"))


@given(names, names)
def test_another_function_changes_it(one: str, other: str) -> None:
    """Two functions that leak are two leaks."""
    same = of(CONNECT._replace(function=one)) == of(CONNECT._replace(function=other))
    assert same == (one == other)


@given(names, names)
def test_another_file_changes_it(one: str, other: str) -> None:
    """So are two functions of the same name."""
    same = of(CONNECT._replace(file=f"{one}.py")) == of(CONNECT._replace(file=f"{other}.py"))
    assert same == (one == other)


@given(st.sampled_from(("files", "sockets", "threads")), st.sampled_from(("files", "sockets", "threads")))
def test_another_kind_changes_it(one: str, other: str) -> None:
    """The same function may leak a file and a socket."""
    assert (of(CONNECT, kind=one) == of(CONNECT, kind=other)) == (one == other)


@given(names, names)
def test_another_holder_changes_it(one: str, other: str) -> None:
    """The variable that holds it is part of the cause."""
    assert (of(CONNECT, held_by=(one,)) == of(CONNECT, held_by=(other,))) == (one == other)


def test_the_running_test_leaves_it_where_another_function_did_the_work() -> None:
    """One faulty helper is one leak, whichever tests call it."""
    assert of(CONNECT, TEST) == of(CONNECT, TEST._replace(function="test_other", file="tests/test_b.py"))


def test_a_test_that_leaks_by_itself_is_told_from_another() -> None:
    """Where the test's own line made it, the test is the cause."""
    assert of(TEST) != of(TEST._replace(function="test_other"))


def test_qualified_names_leave_it() -> None:
    """The qualified name is known from Python 3.11 on only."""
    assert of(CONNECT) == of(CONNECT._replace(function="_connect"))


def test_comprehensions_leave_it() -> None:
    """They are frames of their own only until Python 3.11."""
    assert of(CONNECT) == of(CONNECT._replace(function="Client._connect.<listcomp>"), CONNECT)


def test_recursion_leaves_it() -> None:
    """How deep a function called itself is no cause."""
    assert of(CONNECT) == of(CONNECT, CONNECT, CONNECT)


def test_library_functions_serve_without_the_users() -> None:
    """A task of a library has no frame of the user's; Python's own frames change with its version."""
    assert of(LIBRARY, STDLIB) == of(STDLIB, LIBRARY) != of(LIBRARY._replace(function="connect"))


def test_the_innermost_of_pythons_own_frames_serves_alone() -> None:
    """Where there is nothing else, what called it changes with Python's version."""
    assert of(STDLIB) == of(STDLIB, Frame("asyncio/events.py", 80, "Handle._run", False))


def test_a_temporary_path_leaves_it() -> None:
    """Temporary names are random."""
    assert of(resource=Resource("file", "/tmp/tmpabc")) == of(resource=Resource("file", "/tmp/tmpxyz"))
