"""The pool for plain code: the same, from any thread."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from backends import Thing
from support import in_child, wait_until
from turns import give_way, turns_at_each_step

from no_leaks import SyncResourcePool
from no_leaks.errors import PoolTimeout, ResourceClosed, ResourceError
from no_leaks.resources import pool_core


class Maker:
    """Makes things, and keeps them; `now` is a clock that passes when told to."""

    def __init__(self) -> None:
        self.made: list[Thing] = []
        self.now = 0.0
        self.error: Exception | None = None

    def __call__(self) -> Thing:
        """Make one."""
        if self.error is not None:
            raise self.error
        self.made.append(Thing())
        return self.made[-1]

    @property
    def closed(self) -> list[int]:
        """How often each was closed."""
        return [thing.closed for thing in self.made]


@pytest.fixture
def maker() -> Maker:
    """A maker of the test's own."""
    return Maker()


def test_what_comes_back_is_lent_again(maker: Maker) -> None:
    """One after the other share one."""
    with SyncResourcePool(maker) as pool:
        for _ in range(3):
            with pool.acquire() as thing:
                assert thing is maker.made[0]
        assert (pool.stats().created, pool.stats().reused) == (1, 2)

    assert maker.closed == [1]


def test_threads_share_no_loan(maker: Maker) -> None:
    """64 threads, 5 places, 1,000 loans each: none is lent twice at once, all are served."""
    lent: set[int] = set()
    served: list[int] = []

    def work() -> None:
        for _ in range(100):
            with pool.acquire() as thing:
                assert id(thing) not in lent
                lent.add(id(thing))
                lent.discard(id(thing))
                served.append(1)

    with SyncResourcePool(maker, max_size=5) as pool:
        threads = [threading.Thread(target=work) for _ in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stats = pool.stats()

    assert (len(served), stats.on_loan, stats.waiting) == (6400, 0, 0)
    assert len(maker.made) <= 5
    assert set(maker.closed) == {1}


def test_no_loan_is_lost_wherever_threads_take_turns(maker: Maker) -> None:
    """At every step in the pool's books: none is lent twice at once, no place is lost, all are served."""
    lent: set[int] = set()
    served: list[int] = []

    def work() -> None:
        for _ in range(8):
            with pool.acquire() as thing:
                assert id(thing) not in lent
                lent.add(id(thing))
                give_way()
                lent.discard(id(thing))
                served.append(1)

    with SyncResourcePool(maker, max_size=2, acquire_timeout_s=20) as pool:
        with turns_at_each_step(pool_core):
            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        stats = pool.stats()

    assert (len(served), stats.on_loan, stats.waiting, stats.size) == (64, 0, 0, len(maker.made))
    assert len(maker.made) <= 2
    assert set(maker.closed) == {1}


def test_who_waits_gets_it(maker: Maker) -> None:
    """As soon as it comes back."""
    got: list[Thing] = []

    def wait() -> None:
        with pool.acquire() as thing:
            got.append(thing)

    with SyncResourcePool(maker, max_size=1) as pool:
        with pool.acquire():
            thread = threading.Thread(target=wait)
            thread.start()
            wait_until(lambda: pool.stats().waiting == 1)
        thread.join()

    assert got == maker.made


def test_who_waits_too_long_is_told(maker: Maker) -> None:
    """Who has them."""
    with (
        SyncResourcePool(maker, max_size=1, acquire_timeout_s=0.01, leak_threshold_s=60) as pool,
        pool.acquire(),
        pytest.raises(PoolTimeout, match="in test_who_waits_too_long_is_told"),
    ):
        pool.borrow()


def test_an_interrupt_while_waiting_leaves_the_queue(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C; what came at the same moment goes to the next."""
    with SyncResourcePool(maker, max_size=1) as pool:
        thing = pool.borrow()

        class Interrupted(threading.Event):
            def wait(self, timeout: float | None = None) -> bool:
                if came_meanwhile:
                    pool.release(thing)
                raise KeyboardInterrupt

        monkeypatch.setattr(threading, "Event", Interrupted)
        came_meanwhile = False
        with pytest.raises(KeyboardInterrupt):
            pool.borrow()
        assert pool.stats().waiting == 0
        came_meanwhile = True
        with pytest.raises(KeyboardInterrupt):
            pool.borrow()
        assert (pool.stats().idle, pool.stats().on_loan) == (1, 0)
        pool.release(pool.borrow())
        pool.core.closed, thing = False, pool.borrow()
        pool.core.closed, came_meanwhile = False, True
        monkeypatch.setattr(pool.core, "give", lambda slot: False)
        with pytest.raises(KeyboardInterrupt):
            pool.borrow()
        monkeypatch.undo()


@pytest.mark.parametrize("error", [False, True])
def test_what_is_not_healthy_is_replaced(maker: Maker, error: bool) -> None:
    """Before it is lent."""

    def check(thing: Thing) -> bool:
        if error:
            raise OSError("gone")
        return False

    with SyncResourcePool(maker, health_check=check) as pool:
        pool.release(pool.borrow())
        assert pool.borrow() is maker.made[1]
        pool.release(maker.made[1])

    assert maker.closed == [1, 1]


def test_what_is_healthy_or_young_is_lent_again(maker: Maker) -> None:
    """And what is too old is closed."""
    pool = SyncResourcePool(maker, health_check=lambda thing: True, max_lifetime_s=10, clock=lambda: maker.now)
    with pool:
        pool.release(pool.borrow())
        pool.release(pool.borrow())
        maker.now += 10
        pool.release(pool.borrow())
        assert len(maker.made) == 2
        thing = pool.borrow()
        maker.now += 10
        pool.release(thing)
        assert maker.closed == [1, 1]


def test_a_health_check_that_has_to_be_awaited_is_refused(maker: Maker) -> None:
    """It says what to use."""

    async def check(thing: Thing) -> bool:
        return True

    with SyncResourcePool(maker, health_check=check) as pool:
        pool.release(pool.borrow())
        with pytest.raises(ResourceError, match="has to be awaited: use ResourcePool"):
            pool.borrow()

    assert maker.closed == [1]


def test_the_least_are_kept_ready(maker: Maker) -> None:
    """Others go when they were idle for too long."""
    with SyncResourcePool(maker, min_idle=1, max_idle_s=10, clock=lambda: maker.now) as pool:
        one, two = pool.borrow(), pool.borrow()
        pool.release(one)
        pool.release(two)
        maker.now += 10
        pool.tend()
        assert (pool.stats().idle, pool.stats().closed) == (1, 1)
        maker.now += 10
        pool.release(pool.borrow())


def test_a_factory_that_fails_blocks_no_place(maker: Maker) -> None:
    """The next may try."""
    maker.error = OSError("refused")

    with SyncResourcePool(maker, max_size=1) as pool:
        for _ in range(3):
            with pytest.raises(OSError, match="refused"):
                pool.borrow()
        maker.error = None
        pool.release(pool.borrow())


def test_the_end_wakes_who_waits_and_takes_by_force_what_is_out(maker: Maker) -> None:
    """After its deadline."""
    heard: list[str] = []

    def wait() -> None:
        try:
            pool.borrow()
        except ResourceClosed as error:
            heard.append(str(error))

    pool = SyncResourcePool(maker, max_size=1, close_timeout_s=0.01, name="db")
    thing = pool.borrow()
    thread = threading.Thread(target=wait)
    thread.start()
    wait_until(lambda: pool.stats().waiting == 1)
    pool.close()
    thread.join()

    assert maker.closed == [1]
    pool.release(thing)
    assert (maker.closed, pool.stats().size) == ([1], 0)
    assert heard[0].startswith("db has been closed")


def test_the_end_waits_for_what_comes_back(maker: Maker) -> None:
    """And closes it in good order."""
    pool = SyncResourcePool(maker, close_timeout_s=3600)
    thing = pool.borrow()
    thread = threading.Thread(target=pool.close)
    thread.start()
    wait_until(lambda: pool.core.closed and pool.core.on_empty is not None)
    pool.release(thing)
    thread.join()

    assert maker.closed == [1]


def test_what_is_made_while_the_pool_is_closed_is_closed(maker: Maker) -> None:
    """Its borrower is told."""

    def slow() -> Thing:
        pool.core.close()
        return maker()

    pool = SyncResourcePool(slow)

    with pytest.raises(ResourceClosed):
        pool.borrow()
    pool.core.closed = False
    assert maker.closed == [1]

    ready = SyncResourcePool(slow, min_idle=1)
    pool = ready
    with ready:
        assert maker.closed == [1, 1]


def test_a_context_manager_cannot_be_kept() -> None:
    """Refused, and left."""
    left: list[int] = []

    @contextmanager
    def manage() -> Iterator[object]:
        yield object()
        left.append(1)

    with SyncResourcePool(manage) as pool, pytest.raises(ResourceError, match="create gave a context manager"):
        pool.borrow()
    assert left == [1]


def test_errors_of_closing_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """They are no borrower's."""
    with SyncResourcePool(lambda: Thing(error=OSError("reset")), name="db") as pool:
        pool.release(pool.borrow())

    assert "db: while closing: OSError: reset" in caplog.text


def test_a_real_database() -> None:
    """SQLite connections, closed at the end."""
    with (
        SyncResourcePool(lambda: sqlite3.connect(":memory:"), health_check=lambda one: one.execute("select 1")) as pool,
        pool.acquire() as connection,
    ):
        connection.execute("create table t (x)")
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("select 1")


def test_a_health_check_that_blocks_is_a_no(maker: Maker) -> None:
    """The alarm ends it, in the main thread."""

    def check(thing: Thing) -> None:
        if thing is maker.made[0]:
            never.wait(10)
            slow.append(thing)

    never, slow = threading.Event(), list[Thing]()
    with SyncResourcePool(maker, health_check=check, connect_timeout_s=0.01) as pool:
        with pool.acquire():
            pass
        with pool.acquire() as second:
            assert second is maker.made[1]
    assert slow == []


def test_a_forked_child_gives_back_what_its_parent_had_borrowed(maker: Maker) -> None:
    """It does nothing."""
    with SyncResourcePool(maker) as pool, pool.acquire() as thing:
        assert in_child(lambda: (pool.release(thing), thing.closed)) == repr((None, 0))


def test_a_pool_that_cannot_be_made_ready_leaves_nothing(maker: Maker) -> None:
    """What was ready before the factory failed is closed."""

    def make() -> Thing:
        if len(maker.made) == 2:
            raise OSError("refused")
        return maker()

    with pytest.raises(OSError, match="refused"), SyncResourcePool(make, min_idle=3):
        pass
    assert maker.closed == [1, 1]
