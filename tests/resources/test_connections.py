"""Connections: made in time, checked, tried again; closed once, by whatever way they have, whatever ends the block."""

from __future__ import annotations

import asyncio
import gc
import random
import socket
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio
import pytest
from backends import AsyncThing, Bare, Thing, on_both, run
from runs import only_young
from servers import Echo
from support import in_child

from no_leaks import get_resource_manager, get_resource_metrics, secure_connection_context
from no_leaks.errors import ConnectionUnhealthy, DeadlineExceeded, ResourceError, SettingError
from no_leaks.resources import ResourceManager
from no_leaks.resources.lease import Lease


@on_both
def test_a_connection_is_made_and_closed(backend: str) -> None:
    """And counted meanwhile."""
    thing = AsyncThing()

    async def connect() -> AsyncThing:
        await anyio.sleep(0)
        return thing

    async def main() -> int:
        async with secure_connection_context(connect) as connection:
            assert connection is thing
            return get_resource_metrics().active_connections

    gc.collect()  # the process's manager still has what another test dropped in a circle
    before = get_resource_metrics().active_connections
    assert run(backend, main) == before + 1
    assert (thing.closed, get_resource_metrics().active_connections) == (1, before)


def test_plain_code_connects_and_closes() -> None:
    """The sync twin is the same object."""
    thing = Thing()

    with secure_connection_context(lambda: thing) as connection:
        assert connection is thing

    assert thing.closed == 1


@on_both
def test_a_plain_factory_serves_async_code(backend: str) -> None:
    """Whatever it returns is closed by what it has."""
    thing = Thing()

    async def main() -> None:
        async with secure_connection_context(lambda: thing):
            pass

    run(backend, main)

    assert thing.closed == 1


def test_a_pair_of_reader_and_writer_is_closed(echo: Echo) -> None:
    """As asyncio's open_connection gives it."""

    async def main() -> bool:
        async with secure_connection_context(lambda: asyncio.open_connection("127.0.0.1", echo.tcp)) as (
            reader,
            writer,
        ):
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
        return writer.is_closing()

    assert asyncio.run(main())


def test_what_cannot_be_referred_to_weakly_can_be_a_connection() -> None:
    """An sqlite3 connection; though a context manager, it is closed by `close`."""
    with secure_connection_context(lambda: sqlite3.connect(":memory:")) as connection:
        connection.execute("select 1")

    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("select 1")


@on_both
@pytest.mark.parametrize("close", ["shut", "function", "async function"])
def test_the_way_to_close_can_be_named(backend: str, close: str) -> None:
    """A method's name, or a function of the connection."""

    class Shut:
        def __init__(self) -> None:
            self.log: list[str] = []

        async def shut(self) -> None:
            self.log.append("shut")

    async def shut(thing: Shut) -> None:
        thing.log.append("async function")

    ways = {"shut": "shut", "function": lambda thing: thing.log.append("function"), "async function": shut}
    thing = Shut()

    async def main() -> None:
        async with secure_connection_context(lambda: thing, close=ways[close]):  # type: ignore[arg-type]
            pass

    run(backend, main)

    assert thing.log == [close]


class Entered:
    """What context managers give, with what they did."""

    def __init__(self) -> None:
        self.log: list[object] = []

    @asynccontextmanager
    async def manage(self) -> AsyncIterator[Entered]:
        """Async."""
        try:
            async with anyio.create_task_group():
                yield self
        except BaseException as error:
            self.log.append(type(error))
            raise
        finally:
            self.log.append("left")

    @contextmanager
    def manage_plainly(self) -> Iterator[Entered]:
        """Plain."""
        try:
            yield self
        finally:
            self.log.append("left")


@on_both
@pytest.mark.parametrize("way", ["manage", "manage_plainly"])
def test_a_context_manager_that_gives_a_connection_is_entered_and_left(backend: str, way: str) -> None:
    """By the same task: a task group inside works."""
    entered = Entered()

    async def main() -> None:
        async with secure_connection_context(getattr(entered, way)) as connection:
            assert connection is entered

    run(backend, main)

    assert entered.log == ["left"]


def test_plain_code_enters_plain_context_managers() -> None:
    """And leaves them."""
    entered = Entered()

    with secure_connection_context(entered.manage_plainly) as connection:
        assert connection is entered

    assert entered.log == ["left"]


@on_both
def test_a_context_manager_hears_of_the_bodys_error(backend: str) -> None:
    """A transaction is rolled back; the error goes on as it is."""

    @asynccontextmanager
    async def transaction() -> AsyncIterator[Bare]:
        try:
            yield Bare()
        except ValueError:
            log.append("rolled back")
            raise

    log: list[str] = []

    async def main() -> None:
        async with secure_connection_context(transaction):
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        run(backend, main)
    assert log == ["rolled back"]


def test_an_async_connection_says_that_it_needs_async_with() -> None:
    """A coroutine is not left un-awaited, a future not waited for."""

    async def connect() -> Thing:
        return Thing()

    with (
        pytest.raises(ResourceError, match="has to be awaited to connect: use `async with`"),
        secure_connection_context(connect),
    ):
        pass

    class Future:
        def __await__(self) -> Iterator[None]:
            yield

    with pytest.raises(ResourceError, match="has to be awaited"), secure_connection_context(Future):
        pass


@on_both
def test_an_async_context_manager_is_left_only_by_the_task_that_entered_it(backend: str) -> None:
    """Neither by plain code nor by another task; the block's own end still leaves it."""
    manager, entered = ResourceManager(), Entered()

    async def other() -> None:
        with pytest.raises(Exception, match="cleaning up all resources"):
            await manager.acleanup()

    async def main() -> None:
        async with secure_connection_context(entered.manage, manager=manager, name="nursery"):
            with pytest.raises(ResourceError, match="nursery can only be left by the task that entered it"):
                manager.active()[0].close()
            async with secure_connection_context(entered.manage, manager=manager), anyio.create_task_group() as group:
                group.start_soon(other)

    run(backend, main)

    assert entered.log == ["left", "left"]


@on_both
@pytest.mark.parametrize("slow", ["connecting", "closing"])
def test_a_context_manager_has_time_limits_too(backend: str, slow: str) -> None:
    """For entering and for leaving."""
    log: list[str] = []

    @asynccontextmanager
    async def manage() -> AsyncIterator[Bare]:
        try:
            await anyio.sleep(3600 if slow == "connecting" else 0)
            yield Bare()
            await anyio.sleep(3600)
        finally:
            log.append("left")

    async def main() -> None:
        async with secure_connection_context(manage, connect_timeout_s=0.01, close_timeout_s=0.01, name="slow"):
            pass

    with pytest.raises(DeadlineExceeded, match=f"{slow} .*slow"):
        run(backend, main)
    assert log == ["left"]


@on_both
def test_errors_of_a_context_manager_are_raised(backend: str) -> None:
    """Of entering, and of leaving; without any time limit, too."""

    @asynccontextmanager
    async def manage() -> AsyncIterator[Bare]:
        if early:
            raise OSError("refused")
        yield Bare()
        raise OSError("reset")

    async def main() -> None:
        async with secure_connection_context(manage, connect_timeout_s=None, close_timeout_s=None):
            pass

    early = True
    with pytest.raises(OSError, match="refused"):
        run(backend, main)
    early = False
    with pytest.raises(OSError, match="reset"):
        run(backend, main)


@on_both
def test_an_error_on_the_way_leaves_the_context_manager(backend: str) -> None:
    """It hears of it, and raises the same: told once."""
    entered = Entered()

    async def main(way: str) -> None:
        async with secure_connection_context(getattr(entered, way), health_check=lambda connection: False):
            pass

    for way in ("manage", "manage_plainly"):
        with pytest.raises(Exception) as caught:
            run(backend, lambda way=way: main(way))  # type: ignore[misc]
        assert not hasattr(caught.value, "__notes__")
    assert entered.log.count("left") == 2


@on_both
def test_connecting_has_a_time_limit(backend: str) -> None:
    """What came too late is closed."""

    async def main() -> None:
        async with secure_connection_context(lambda: anyio.sleep(3600), connect_timeout_s=0.01, name="slow"):
            pass

    with pytest.raises(DeadlineExceeded, match="connecting to slow: took longer than 0.01 s"):
        run(backend, main)


@on_both
def test_a_plain_factory_that_blocks_the_loop_is_broken_off(backend: str) -> None:
    """The alarm of the system does it: nothing else has a turn meanwhile."""

    async def main() -> None:
        with pytest.raises(DeadlineExceeded, match="connecting to slow"):
            async with secure_connection_context(
                lambda: threading.Event().wait(3600), connect_timeout_s=0.01, name="slow"
            ):
                pytest.fail("connected")

    run(backend, main)


@on_both
def test_a_health_check_that_takes_too_long_closes_what_was_made(backend: str) -> None:
    """The limit is for both."""
    thing = Thing()

    async def main() -> None:
        context = secure_connection_context(
            lambda: thing, connect_timeout_s=0.01, health_check=lambda connection: anyio.sleep(3600)
        )
        async with context:
            pass

    with pytest.raises(DeadlineExceeded):
        run(backend, main)
    assert thing.closed == 1


@on_both
def test_closing_has_a_time_limit(backend: str) -> None:
    """After it the connection is ended by force."""

    class Stuck:
        aborted = 0

        async def aclose(self) -> None:
            await anyio.sleep(3600)

        def abort(self) -> None:
            self.aborted += 1

    stuck = Stuck()

    async def main() -> None:
        async with secure_connection_context(lambda: stuck, close_timeout_s=0.01, name="stuck"):
            pass

    with pytest.raises(DeadlineExceeded, match="closing stuck"):
        run(backend, main)
    assert stuck.aborted == 1


@on_both
def test_errors_of_closing_are_raised(backend: str) -> None:
    """Alone, they are the block's."""

    async def main() -> None:
        async with secure_connection_context(lambda: Thing(error=OSError("reset"))):
            pass

    with pytest.raises(OSError, match="reset"):
        run(backend, main)
    with pytest.raises(OSError, match="reset"), secure_connection_context(lambda: Thing(error=OSError("reset"))):
        pass


@on_both
def test_errors_of_closing_hide_none_of_the_bodys(backend: str) -> None:
    """They are told beside it."""

    async def main() -> None:
        async with secure_connection_context(lambda: Thing(error=OSError("reset"))):
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine") as caught:
        run(backend, main)
    assert caught.value.__notes__ == ["while cleaning up: OSError: reset"]
    with (
        pytest.raises(ValueError, match="mine") as again,
        secure_connection_context(lambda: Thing(error=OSError("reset"))),
    ):
        raise ValueError("mine")
    assert again.value.__notes__ == ["while cleaning up: OSError: reset"]


class Flaky:
    """A factory that fails some times."""

    def __init__(self, fails: int, error: Exception) -> None:
        self.fails, self.error, self.calls = fails, error, 0

    def __call__(self) -> Thing:
        """Fail, or connect."""
        self.calls += 1
        if self.calls <= self.fails:
            raise self.error
        return Thing()


@on_both
def test_what_failed_is_tried_again_on_request(backend: str) -> None:
    """As often as it was asked for; by plain code, too."""
    first, second = Flaky(2, OSError("refused")), Flaky(2, OSError("refused"))

    async def main() -> None:
        async with secure_connection_context(first, retries=2, backoff_s=0):
            pass

    run(backend, main)
    with secure_connection_context(second, retries=2, backoff_s=0):
        pass

    assert (first.calls, second.calls) == (3, 3)


@on_both
def test_the_last_error_is_raised(backend: str) -> None:
    """And one that is not to be tried again at once."""
    often, other = Flaky(9, OSError("refused")), Flaky(9, ValueError("wrong"))

    async def main(flaky: Flaky) -> None:
        async with secure_connection_context(flaky, retries=2, backoff_s=0):
            pass

    with pytest.raises(OSError, match="refused"):
        run(backend, lambda: main(often))
    with pytest.raises(ValueError, match="wrong"):
        run(backend, lambda: main(other))
    with pytest.raises(OSError, match="refused"), secure_connection_context(often, retries=1, backoff_s=0):
        pass
    assert (often.calls, other.calls) == (5, 1)


def test_pauses_double_and_have_a_random_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Full jitter, up to the longest."""
    monkeypatch.setattr(random, "random", lambda: 1.0)
    options = secure_connection_context(Thing, retries=5, backoff_s=1, max_backoff_s=5).options
    assert list(options.pauses()) == [1, 2, 4, 5, 5, None]

    monkeypatch.setattr(random, "random", lambda: 0.25)
    assert list(options.pauses()) == [0.25, 0.5, 1, 1.25, 1.25, None]


@on_both
def test_a_connection_that_is_of_no_use_is_closed(backend: str) -> None:
    """And tried again, if asked for."""
    made: list[Thing] = []

    def connect() -> Thing:
        made.append(Thing())
        return made[-1]

    async def is_third(thing: Thing) -> bool:
        return len(made) == 3

    async def main() -> None:
        async with secure_connection_context(connect, health_check=is_third, retries=2, backoff_s=0) as third:
            assert third is made[2]

    run(backend, main)

    assert [thing.closed for thing in made] == [1, 1, 1]


def test_plain_health_checks_say_no_by_false_or_an_error() -> None:
    """An async one needs async code."""
    thing = Thing()

    def broken(connection: Thing) -> None:
        raise OSError("broken")

    async def awaited(connection: Thing) -> bool:
        return True

    with (
        pytest.raises(ConnectionUnhealthy, match="db: connected, but its health check failed"),
        secure_connection_context(lambda: thing, health_check=lambda connection: False, name="db"),
    ):
        pass
    with pytest.raises(OSError, match="broken"), secure_connection_context(lambda: thing, health_check=broken):
        pass
    with (
        pytest.raises(ResourceError, match="the health check of db has to be awaited"),
        secure_connection_context(lambda: thing, health_check=awaited, name="db"),
    ):
        pass
    with secure_connection_context(lambda: thing, health_check=lambda connection: True):
        pass
    assert thing.closed == 4


@on_both
def test_what_fails_half_way_and_cannot_be_closed_tells_both(backend: str) -> None:
    """The first error goes on, that of closing beside it."""

    def connect() -> Thing:
        return Thing(error=OSError("reset"))

    async def main() -> None:
        async with secure_connection_context(connect, health_check=lambda connection: False):
            pass

    with pytest.raises(ConnectionUnhealthy) as caught:
        run(backend, main)
    assert caught.value.__notes__ == ["while cleaning up: OSError: reset"]
    with (
        pytest.raises(ConnectionUnhealthy) as again,
        secure_connection_context(connect, health_check=lambda connection: False),
    ):
        pass
    assert again.value.__notes__ == ["while cleaning up: OSError: reset"]


@on_both
def test_a_factory_that_blocks_can_run_in_a_thread(backend: str) -> None:
    """And the loop goes on."""
    threads: list[threading.Thread] = []

    def connect() -> Thing:
        threads.append(threading.current_thread())
        return Thing()

    async def main() -> None:
        async with secure_connection_context(connect, in_thread=True):
            pass

    run(backend, main)

    assert threads[0] is not threading.main_thread()


def test_what_a_thread_made_too_late_is_closed() -> None:
    """For a task that has been cancelled."""
    thing, begun, go_on = Thing(), threading.Event(), threading.Event()

    def connect() -> Thing:
        begun.set()
        go_on.wait()
        return thing

    async def use() -> None:
        async with secure_connection_context(connect, in_thread=True):
            raise AssertionError("it was cancelled")

    async def main() -> bool:
        task = asyncio.create_task(use())
        while not begun.is_set():
            await asyncio.sleep(0)
        task.cancel()
        go_on.set()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(main())
    assert thing.closed == 1


@on_both
@pytest.mark.parametrize("limit_s", [0.01, None])
def test_a_factory_in_a_thread_has_a_time_limit(backend: str, limit_s: float | None) -> None:
    """The thread cannot be broken off: what it makes too late is closed. Without a limit it is waited for."""
    thing, begun, go_on, closed = Thing(), threading.Event(), threading.Event(), threading.Event()
    thing.close = closed.set  # type: ignore[method-assign]

    def connect() -> Thing:
        begun.set()
        go_on.wait()
        return thing

    async def main() -> None:
        if limit_s is None:
            go_on.set()
        async with secure_connection_context(connect, in_thread=True, connect_timeout_s=limit_s):
            pass

    try:
        if limit_s is None:
            run(backend, main)
        else:
            with pytest.raises(DeadlineExceeded, match=r"connecting to .*connect: took longer than 0.01 s"):
                run(backend, main)
            assert not closed.is_set()
    finally:
        go_on.set()
    assert closed.wait(10) if begun.is_set() else limit_s is not None  # a busy machine may begin none in time


def test_a_context_is_used_once() -> None:
    """One connection, one block."""
    context = secure_connection_context(Thing, name="once")
    with context:
        pass

    with pytest.raises(RuntimeError, match="this context of once has been used"), context:
        pass


def test_a_name_shows_no_password() -> None:
    """Neither in the metrics nor in errors."""
    url = "redis://:hunter2@localhost/0"
    manager = ResourceManager()

    with secure_connection_context(Thing, name=url, manager=manager):
        assert manager.active()[0].name == "redis://:***@localhost/0"
    with (
        pytest.raises(ConnectionUnhealthy) as caught,
        secure_connection_context(Thing, name=url, health_check=lambda one: False),
    ):
        pass
    assert "hunter2" not in str(caught.value)


def test_without_a_name_it_is_called_by_its_factory() -> None:
    """Nobody asks for the repr of a connection."""

    class Hostile(Thing):
        def __repr__(self) -> str:
            raise AssertionError("asked")

    assert secure_connection_context(Hostile).options.label.endswith("Hostile")
    assert secure_connection_context(Flaky(0, OSError())).options.label == "Flaky"


@pytest.mark.parametrize("options", [{"retries": -1}, {"backoff_s": -1}, {"max_backoff_s": -1}])
def test_what_makes_no_sense_is_refused(options: dict[str, int]) -> None:
    """When it is asked for."""
    with pytest.raises(SettingError, match="not below 0"):
        secure_connection_context(Thing, **options)  # type: ignore[arg-type]


def test_a_connection_instead_of_a_factory_is_refused() -> None:
    """A frequent slip."""
    with pytest.raises(SettingError, match="makes a connection when it is called"):
        secure_connection_context(Thing())  # type: ignore[arg-type]


def test_a_connection_that_cannot_be_tracked_is_closed() -> None:
    """By force: nothing stays open."""

    class Refusing(ResourceManager):
        def register(self, *args: object, **keywords: object) -> object:  # type: ignore[override]
            raise RuntimeError("refused")

    thing = Thing()

    with pytest.raises(RuntimeError, match="refused"), secure_connection_context(lambda: thing, manager=Refusing()):
        pass
    assert thing.closed == 1


def test_a_block_that_is_never_left_is_a_leak() -> None:
    """Dropped with its context, the connection counts as leaked."""
    manager = ResourceManager()
    context = secure_connection_context(Thing, manager=manager)
    context.__enter__()

    del context
    gc.collect()

    assert manager.metrics().leaked == 1


@on_both
def test_a_manager_closes_what_a_block_has_not(backend: str) -> None:
    """Leaving the block afterwards closes nothing twice."""
    thing, manager = AsyncThing(), ResourceManager()

    async def main() -> None:
        async with secure_connection_context(lambda: thing, manager=manager):
            await manager.acleanup()

    run(backend, main)

    assert thing.closed == 1
    with secure_connection_context(lambda: thing, manager=manager):
        manager.cleanup()
    assert thing.closed == 2


@pytest.mark.parametrize(("backend", "at_once", "rounds"), [("asyncio", 10_000, 10), ("trio", 2_000, 5)])
def test_thousands_of_contexts_at_once_leave_nothing(backend: str, at_once: int, rounds: int) -> None:
    """On one loop; in further rounds no object is added, and no memory."""
    manager = ResourceManager()

    async def use(everybody: anyio.Event, arrived: list[int]) -> None:
        async with secure_connection_context(Thing, manager=manager):
            arrived[0] += 1
            if arrived[0] == at_once:
                everybody.set()
            await everybody.wait()

    async def crowd() -> None:
        everybody, arrived = anyio.Event(), [0]
        async with anyio.create_task_group() as group:
            for _ in range(at_once):
                group.start_soon(use, everybody, arrived)

    async def main() -> list[tuple[int, int]]:
        counts: list[tuple[int, int]] = []
        for _ in range(rounds):
            await crowd()
            gc.collect()
            counts.append((len(gc.get_objects()), sys.getallocatedblocks()))
        return counts

    with only_young():
        counts = run(backend, main)

    metrics, all_of_them = manager.metrics(), at_once * rounds
    assert (metrics.created, metrics.cleaned, metrics.peak) == (all_of_them, all_of_them, at_once)
    assert metrics.total_active == 0
    assert counts[-1][0] - counts[1][0] < 100
    # Resident memory rises for some rounds more: what is free is scattered over pages.
    assert counts[-1][1] - counts[1][1] < 1000


def test_sockets_can_be_connections(echo: Echo) -> None:
    """The socket module's own."""
    with secure_connection_context(lambda: socket.create_connection(("127.0.0.1", echo.tcp))) as sock:
        sock.sendall(b"hello")
        assert sock.recv(5) == b"hello"
    assert sock.fileno() == -1


@pytest.mark.parametrize("backend", ["plain", "asyncio", "trio"])
@pytest.mark.parametrize("entered", [False, True])
def test_a_forked_child_closes_nothing_of_its_parents(backend: str, entered: bool) -> None:
    """Whose goodbye would end the parent's conversation; the parent closes it."""
    thing = AsyncThing()

    class Around:
        def __enter__(self) -> AsyncThing:
            return thing

        def __exit__(self, *error: object) -> None:
            Thing.close(thing)

    make: Callable[[], object] = Around if entered else lambda: thing
    with secure_connection_context(make) as connection:
        assert connection is thing
        lease = get_resource_manager().active("connections")[-1].resource()
        assert isinstance(lease, Lease)

        def leave() -> object:
            lease.close() if backend == "plain" else anyio.run(lease.aclose, backend=backend)
            lease.force()
            return thing.closed, lease.is_open

        assert in_child(leave) == repr((0, False))
    assert thing.closed == 1


@pytest.mark.parametrize("backend", ["plain", "asyncio", "trio"])
def test_what_nothing_closes_is_refused(backend: str) -> None:
    """To hand it out would promise what cannot be kept; a way that is named will do."""
    manager = ResourceManager()

    def plain() -> None:
        with secure_connection_context(Bare, manager=manager):
            pass

    async def main() -> None:
        async with secure_connection_context(Bare, manager=manager):
            pass

    with pytest.raises(ResourceError, match=r"gives a backends\.Bare, which has no method .*: say by close="):
        plain() if backend == "plain" else run(backend, main)
    assert manager.metrics().created == 0
    with secure_connection_context(Bare, close=lambda bare: None):
        pass


def test_an_async_context_manager_is_refused_by_plain_code() -> None:
    """It would be handed out unentered."""

    @asynccontextmanager
    async def manage() -> AsyncIterator[Bare]:
        yield Bare()

    with pytest.raises(ResourceError, match="a context manager that has to be awaited: use `async with`"):
        secure_connection_context(manage).__enter__()


def test_an_error_of_closing_shows_no_password() -> None:
    """Drivers like to say whom they talked to."""
    thing = Thing(error=OSError("postgres://me:hunter2@db is gone"))

    with pytest.raises(ValueError, match="mine") as caught, secure_connection_context(lambda: thing):
        raise ValueError("mine")

    (note,) = caught.value.__notes__
    assert note == "while cleaning up: OSError: postgres://me:***@db is gone"
