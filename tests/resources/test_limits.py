"""Limits: how much may be open at once, who is refused or waits, and where the limits come from."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import anyio
import pytest
from backends import Thing, on_both, run
from support import wait_until

from no_leaks import Limit, ResourceLimits, ResourceManager, secure_connection_context, secure_file_context
from no_leaks.errors import ResourceLimitExceeded, SettingError


def limited(on_limit: str = "raise", timeout_s: float = 30.0, **kinds: Limit) -> ResourceManager:
    """Return a manager with limits; `total` is that of all kinds."""
    total = kinds.pop("total", Limit())
    return ResourceManager(limits=ResourceLimits(kinds, total, on_limit, timeout_s))


def test_one_more_than_the_limit_is_refused() -> None:
    """And says who holds what, the oldest first."""
    manager = limited(files=Limit(count=2))
    things = [Thing(), Thing(), Thing()]
    for number in range(2):
        manager.register(things[number], kind="files", name=f"{number}.txt")

    with pytest.raises(ResourceLimitExceeded, match="files: no more than 2; open are, the oldest first:") as caught:
        manager.register(things[2], kind="files")

    assert [holder.split(" ")[1] for holder in caught.value.holders] == ["0.txt", "1.txt"]
    assert (caught.value.kind, caught.value.limit, len(manager.active())) == ("files", "2", 2)


def test_what_is_closed_makes_room() -> None:
    """As does what was unregistered, or collected."""
    manager = limited(files=Limit(count=1))
    thing, other = Thing(), Thing()

    manager.register(thing, kind="files").close()
    manager.register(thing, kind="files").unregister()
    manager.register(Thing(), kind="files")
    manager.register(other, kind="files")


def test_other_kinds_have_limits_of_their_own() -> None:
    """And the total counts them all."""
    manager = limited(files=Limit(count=1), total=Limit(count=2))
    things = [Thing(), Thing(), Thing()]
    manager.register(things[0], kind="files")
    manager.register(things[1], kind="connections")

    with pytest.raises(ResourceLimitExceeded, match="total: no more than 2"):
        manager.register(things[2], kind="connections")


def test_bytes_are_added_up() -> None:
    """Of one kind, and of all."""
    manager = limited(buffers=Limit(bytes=100), total=Limit(bytes=150))
    things = [Thing() for _ in range(4)]
    first = manager.register(things[0], kind="buffers", size_bytes=90)

    with pytest.raises(ResourceLimitExceeded, match="buffers: no more than 100 bytes"):
        manager.register(things[1], kind="buffers", size_bytes=11)
    with pytest.raises(ResourceLimitExceeded, match="total: no more than 150 bytes"):
        manager.register(things[1], kind="others", size_bytes=61)
    first.close()
    manager.register(things[2], kind="buffers", size_bytes=100)


def test_what_is_too_old_stops_the_next() -> None:
    """Something must be wrong with the oldest one."""
    now = [0.0]
    manager = ResourceManager(limits=ResourceLimits({"files": Limit(age_s=10)}), clock=lambda: now[0])
    things = [Thing(), Thing(), Thing()]
    manager.register(things[0], kind="files")
    now[0] = 10
    manager.register(things[1], kind="files")
    now[0] = 10.1

    with pytest.raises(ResourceLimitExceeded, match="files: no more than 10 s old"):
        manager.register(things[2], kind="files")


def test_of_many_holders_ten_are_named() -> None:
    """The rest are counted."""
    manager = limited(files=Limit(count=12))
    things = [Thing() for _ in range(13)]
    for thing in things[:12]:
        manager.register(thing, kind="files")

    with pytest.raises(ResourceLimitExceeded) as caught:
        manager.register(things[12], kind="files")

    assert (len(caught.value.holders), caught.value.holders[-1]) == (11, "and 2 more")


def test_limits_can_be_set_later() -> None:
    """And lifted."""
    manager = ResourceManager()
    manager.limits = ResourceLimits({"files": Limit(count=0)})
    thing = Thing()
    with pytest.raises(ResourceLimitExceeded):
        manager.register(thing, kind="files")

    manager.limits = None
    manager.register(thing, kind="files")


def test_who_may_wait_waits_for_room() -> None:
    """In its thread."""
    manager = limited("wait", files=Limit(count=1))
    one, two = Thing(), Thing()
    first = manager.register(one, kind="files")
    begun = threading.Event()

    def wait() -> None:
        begun.set()
        manager.register(two, kind="files")

    thread = threading.Thread(target=wait)
    thread.start()
    begun.wait()
    first.close()
    thread.join()

    assert [handle.resource() for handle in manager.active()] == [two]


def test_waiting_has_an_end() -> None:
    """Then it is refused."""
    manager = limited("wait", 0.01, files=Limit(count=0))

    with pytest.raises(ResourceLimitExceeded):
        manager.register(Thing(), kind="files")


@on_both
def test_inside_a_loop_nobody_blocks(backend: str) -> None:
    """`register` raises at once; `areserve` waits, and lets others work."""
    manager = limited("wait", connections=Limit(count=1))
    thing, other = Thing(), Thing()

    async def free(first: Thing) -> None:
        manager.unregister(first)

    async def main() -> None:
        manager.register(thing, kind="connections")
        with pytest.raises(ResourceLimitExceeded):
            manager.register(other, kind="connections")
        async with anyio.create_task_group() as group:
            group.start_soon(free, thing)
            ticket = await manager.areserve("connections")
        manager.register(other, kind="connections", ticket=ticket)
        with pytest.raises(ResourceLimitExceeded):
            manager.register(thing, kind="connections")

    run(backend, main)


@on_both
def test_contexts_open_nothing_beyond_the_limit(backend: str, tmp_path: Path) -> None:
    """The place is asked for first; plain code, too."""
    manager = limited(files=Limit(count=0), connections=Limit(count=0))
    path = tmp_path / "data.txt"

    def connect() -> Thing:
        raise AssertionError("it was opened in vain")

    async def main() -> None:
        with pytest.raises(ResourceLimitExceeded):
            async with secure_file_context(path, "w", manager=manager):
                pass
        with pytest.raises(ResourceLimitExceeded):
            async with secure_connection_context(connect, manager=manager):
                pass

    run(backend, main)
    with pytest.raises(ResourceLimitExceeded), secure_file_context(path, "w", manager=manager):
        pass
    with pytest.raises(ResourceLimitExceeded), secure_connection_context(connect, manager=manager):
        pass

    assert not path.exists()


@on_both
def test_what_fails_to_open_gives_its_place_back(backend: str, tmp_path: Path) -> None:
    """As does what is closed again."""
    manager = limited(files=Limit(count=1), connections=Limit(count=1))

    def refuse() -> Thing:
        raise OSError("refused")

    async def main() -> None:
        for _ in range(2):
            with pytest.raises(FileNotFoundError):
                async with secure_file_context(tmp_path / "nothing", manager=manager):
                    pass
            with pytest.raises(OSError, match="refused"):
                async with secure_connection_context(refuse, manager=manager):
                    pass
            async with (
                secure_file_context(tmp_path / "data.txt", "w", manager=manager),
                secure_connection_context(Thing, manager=manager),
            ):
                pass

    run(backend, main)
    for _ in range(2):
        with pytest.raises(FileNotFoundError), secure_file_context(tmp_path / "nothing", manager=manager):
            pass
        with pytest.raises(OSError, match="refused"), secure_connection_context(refuse, manager=manager):
            pass
        with (
            secure_file_context(tmp_path / "data.txt", "w", manager=manager),
            secure_connection_context(Thing, manager=manager),
        ):
            pass

    assert manager.book.taken(None) == (0, 0)


def test_a_ticket_given_back_twice_frees_one_place() -> None:
    """Who is unsure may do it again."""
    manager = limited(files=Limit(count=1))
    ticket = manager.reserve("files")
    assert ticket is not None

    ticket.give_back()
    ticket.give_back()

    assert manager.book.taken("files") == (0, 0)


def test_threads_never_exceed_the_limit() -> None:
    """16 threads, 4 places."""
    manager = limited("wait", locks=Limit(count=4))

    def work() -> None:
        for _ in range(20):
            with secure_connection_context(Thing, kind="locks", manager=manager):
                pass

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    metrics = manager.metrics()
    assert metrics.peak <= 4
    assert (metrics.created, metrics.total_active) == (320, 0)
    wait_until(lambda: manager.book.taken("locks") == (0, 0))


def test_limits_come_from_the_environment() -> None:
    """As words; a bare number is a count."""
    text = "files=100, connections.count=20;connections.age_s=60 buffers.bytes=1000,total=500,on_limit=wait,timeout_s=5"

    limits = ResourceLimits.from_environment({"NO_LEAKS_LIMITS": text})

    assert limits == ResourceLimits(
        {"files": Limit(100), "connections": Limit(20, age_s=60), "buffers": Limit(bytes=1000)}, Limit(500), "wait", 5.0
    )
    assert ResourceLimits.from_environment({}) is None


def test_limits_come_from_pyproject(tmp_path: Path) -> None:
    """The table [tool.no_leaks.limits]."""
    path = tmp_path / "pyproject.toml"
    path.write_text('[tool.no_leaks.limits]\nfiles = 100\nconnections = {count = 20, age_s = 60}\non_limit = "wait"\n')

    assert ResourceLimits.from_pyproject(path) == ResourceLimits(
        {"files": Limit(100), "connections": Limit(20, age_s=60)}, on_limit="wait"
    )
    path.write_text("[tool]\n")
    assert ResourceLimits.from_pyproject(path) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("files", "'files' is not name=value"),
        ("files=", "'files=' is not name=value"),
        ("files=many", "NO_LEAKS_LIMITS: files: 'many' is not a whole number"),
        ("files=-1", "'-1' is not a whole number"),
        ("files.size=3", "'size' is unknown"),
        ("files.age_s=old", "'old' is not a number of seconds"),
        ("on_limit=explode", "'explode' is unknown"),
        ("timeout_s=-1", "'-1' is not a number of seconds"),
    ],
)
def test_wrong_limits_are_refused(text: str, message: str) -> None:
    """With the place and what is valid."""
    with pytest.raises(SettingError, match=message):
        ResourceLimits.from_environment({"NO_LEAKS_LIMITS": text})


def test_limits_that_are_no_table_are_refused(tmp_path: Path) -> None:
    """With the place."""
    path = tmp_path / "pyproject.toml"
    path.write_text("[tool.no_leaks]\nlimits = 3\n")

    with pytest.raises(SettingError, match=r"pyproject.toml \[tool.no_leaks.limits\]: 3 is not a table"):
        ResourceLimits.from_pyproject(path)


@pytest.mark.parametrize("arguments", [{"on_limit": "explode"}, {"timeout_s": -1}])
def test_wrong_options_in_code_are_refused(arguments: dict[str, object]) -> None:
    """The same checks."""
    with pytest.raises(SettingError):
        ResourceLimits(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arguments", [{"count": -1}, {"count": 2.5}, {"count": True}, {"bytes": "5"}, {"age_s": -1}, {"age_s": "old"}]
)
def test_wrong_numbers_in_code_are_refused(arguments: dict[str, object]) -> None:
    """Not when the first file is opened."""
    with pytest.raises(SettingError, match="is not a"):
        Limit(**arguments)  # type: ignore[arg-type]


def test_a_bare_number_is_no_limit() -> None:
    """The message says what to write."""
    with pytest.raises(SettingError, match=r"files: 5 is not a Limit: write Limit\(count="):
        ResourceLimits({"files": 5})  # type: ignore[dict-item]


def test_a_boolean_is_no_count() -> None:
    """TOML has them."""
    with pytest.raises(SettingError, match="True is not a whole number"):
        ResourceLimits.from_mapping({"files": True})


def test_the_processs_manager_reads_the_environment() -> None:
    """When it is first asked for."""
    code = "from no_leaks import get_resource_manager; print(get_resource_manager().limits.kinds['files'].count)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "NO_LEAKS_LIMITS": "files=7"},
    )

    assert done.stdout == "7\n"
