"""The async pool: reuse, limits, fairness, health, age, overdue loans, and an end within its deadline."""

from __future__ import annotations

import gc
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from backends import AsyncThing, Thing, on_both, run
from support import in_child

from no_leaks import ResourcePool, faults
from no_leaks.errors import PoolTimeout, ResourceClosed, ResourceError, SettingError
from no_leaks.resources import ResourceManager
from no_leaks.resources.pool_options import Loan
from no_leaks.resources.pool_places import Waiter


class Maker:
    """Makes things, and keeps them; `now` is a clock that passes when told to."""

    def __init__(self) -> None:
        self.made: list[AsyncThing] = []
        self.now = 0.0
        self.error: Exception | None = None

    async def __call__(self) -> AsyncThing:
        """Make one."""
        await anyio.sleep(0)
        if self.error is not None:
            raise self.error
        self.made.append(AsyncThing(name=len(self.made)))
        return self.made[-1]

    def clock(self) -> float:
        """Return the time."""
        return self.now

    @property
    def closed(self) -> list[int]:
        """How often each was closed."""
        return [thing.closed for thing in self.made]


@pytest.fixture
def maker() -> Maker:
    """A maker of the test's own."""
    return Maker()


@on_both
def test_what_comes_back_is_lent_again(maker: Maker, backend: str) -> None:
    """One after the other share one."""

    async def main() -> None:
        async with ResourcePool(maker) as pool:
            for _ in range(3):
                async with pool.acquire() as thing:
                    assert thing is maker.made[0]
            stats = pool.stats()
            assert (stats.created, stats.reused, stats.idle, stats.on_loan, stats.size) == (1, 2, 1, 0, 1)

    run(backend, main)

    assert maker.closed == [1]


@on_both
def test_a_loan_may_be_given_back_by_hand(maker: Maker, backend: str) -> None:
    """Without a block."""

    async def main() -> None:
        async with ResourcePool(maker) as pool:
            thing = await pool.acquire()
            assert pool.stats().on_loan == 1
            await pool.release(thing)
            with pytest.raises(ResourceError, match="is not on loan: was it given back twice"):
                await pool.release(thing)

    run(backend, main)


@on_both
def test_no_more_than_the_limit_are_open(maker: Maker, backend: str) -> None:
    """However many want one."""
    most: list[int] = []

    async def use(pool: ResourcePool[AsyncThing]) -> None:
        async with pool.acquire():
            most.append(pool.stats().on_loan)
            await anyio.sleep(0)

    async def main() -> None:
        async with ResourcePool(maker, max_size=3) as pool, anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(use, pool)

    run(backend, main)

    assert (max(most), len(maker.made), len(most)) == (3, 3, 20)


@on_both
def test_who_comes_first_is_served_first(maker: Maker, backend: str) -> None:
    """Nobody overtakes who waits, not even who comes when one is free."""
    order: list[int] = []

    async def use(pool: ResourcePool[AsyncThing], number: int) -> None:
        async with pool.acquire():
            order.append(number)
            await anyio.sleep(0)

    async def main() -> None:
        async with ResourcePool(maker, max_size=1) as pool, anyio.create_task_group() as group:
            async with pool.acquire():
                for number in range(5):
                    group.start_soon(use, pool, number)
                    while pool.stats().waiting <= number:
                        await anyio.sleep(0)
            await use(pool, 5)

    run(backend, main)

    assert order == [0, 1, 2, 3, 4, 5]


@on_both
def test_who_waits_too_long_is_told_who_has_them(maker: Maker, backend: str) -> None:
    """The longest loan first, with who borrowed."""

    async def main() -> None:
        pool = ResourcePool(
            maker, max_size=2, acquire_timeout_s=0.01, leak_threshold_s=3600, clock=maker.clock, name="db"
        )
        async with pool, pool.acquire():
            maker.now += 5
            async with pool.acquire():
                with pytest.raises(PoolTimeout) as caught:
                    await pool.acquire()
            assert (pool.stats().timeouts, pool.stats().waits, pool.stats().waiting) == (1, 1, 0)
        first, second = caught.value.holders
        assert str(caught.value).startswith("db: waited for 0.01 s; all are on loan:\n  db: on loan for 5.000 s to ")
        assert first.endswith("main")
        assert second.startswith("db: on loan for 0.000 s")

    run(backend, main)


@on_both
def test_a_loan_that_is_out_for_too_long_is_reported_once(
    maker: Maker, backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In the log, to who asked for it, and in the statistics for as long as it is out."""
    heard: list[Loan] = []

    async def main() -> None:
        pool = ResourcePool(maker, leak_threshold_s=10, on_leak=heard.append, clock=maker.clock, name="db")
        async with pool:
            async with pool.acquire():
                maker.now += 9
                assert pool.stats().overdue == ()
                maker.now += 2
                async with pool.acquire():
                    pass
                (overdue,) = pool.stats().overdue
                assert (overdue.age_s, overdue.pool) == (11, "db")
                assert overdue.borrower.endswith("main")
                assert [frame.file.rpartition("/")[2] for frame in overdue.stack if frame.in_app][:2] == [
                    "test_pool.py",
                    "backends.py",
                ]
            assert pool.stats().overdue == ()

    with caplog.at_level(logging.WARNING, "no_leaks.resources"):
        run(backend, main)

    assert [loan.age_s for loan in heard] == [11]
    assert caplog.text.count("db: on loan for 11.000 s to ") == 1
    assert re.search(
        r"db: on loan .*\n  \S*test_pool.py:\d+ in .*main\n(  .*\n)*  \S*backends.py:\d+ in run\n", caplog.text
    )


def test_a_pool_that_was_never_used_is_closed(maker: Maker) -> None:
    """It was not tracked."""
    anyio.run(ResourcePool(maker).aclose)

    assert maker.made == []


def test_who_queues_where_one_is_free_by_now_gets_it(maker: Maker) -> None:
    """Between asking and queueing another thread may give back."""
    core = ResourcePool(maker).core
    woken: list[int] = []
    waiter = Waiter(lambda: woken.append(1))

    core.queue(waiter)

    assert (woken, waiter.slot is not None) == ([1], True)


def test_an_overdue_loan_goes_to_the_log_alone(maker: Maker, caplog: pytest.LogCaptureFixture) -> None:
    """Without a callback."""

    async def main() -> None:
        async with ResourcePool(maker, leak_threshold_s=10, clock=maker.clock) as pool, pool.acquire():
            maker.now += 11
            pool.stats()

    with caplog.at_level(logging.WARNING, "no_leaks.resources"):
        anyio.run(main)

    assert "on loan for 11.000 s" in caplog.text


def test_a_callback_that_fails_breaks_no_borrower(
    maker: Maker, clean_faults: None, caplog: pytest.LogCaptureFixture
) -> None:
    """It is noted as a fault, and logged: a program has no report that shows faults."""

    async def main() -> None:
        pool = ResourcePool(maker, leak_threshold_s=10, on_leak=lambda loan: 1 / 0, clock=maker.clock)
        async with pool, pool.acquire():
            maker.now += 11
            pool.stats()

    anyio.run(main)

    assert "on_leak of a pool" in faults.noted()
    assert "on_leak raised ZeroDivisionError" in caplog.text


@on_both
@pytest.mark.parametrize("way", ["False", "an error", "an async False"])
def test_what_is_not_healthy_is_replaced(maker: Maker, backend: str, way: str) -> None:
    """Before it is lent."""

    def check(thing: AsyncThing) -> object:
        if way == "an error":
            raise OSError("gone")
        return check_async(thing) if way == "an async False" else False

    async def check_async(thing: AsyncThing) -> bool:
        return False

    async def main() -> None:
        async with ResourcePool(maker, health_check=check) as pool:
            async with pool.acquire():
                pass
            async with pool.acquire() as second:
                assert second is maker.made[1]
            stats = pool.stats()
            assert (stats.replaced, stats.created, stats.closed, stats.reused) == (1, 2, 1, 0)

    run(backend, main)

    assert maker.closed == [1, 1]


@on_both
def test_what_is_healthy_is_lent_again(maker: Maker, backend: str) -> None:
    """Checked each time."""
    checked: list[AsyncThing] = []

    async def main() -> None:
        async with ResourcePool(maker, health_check=checked.append) as pool:
            for _ in range(3):
                async with pool.acquire():
                    pass

    run(backend, main)

    assert (len(checked), len(maker.made)) == (2, 1)


@on_both
def test_what_is_too_old_is_not_lent_again(maker: Maker, backend: str) -> None:
    """Closed when it comes back, or when it is to be lent."""

    async def main() -> None:
        async with ResourcePool(maker, max_lifetime_s=10, max_idle_s=None, clock=maker.clock) as pool:
            async with pool.acquire():
                maker.now += 10
            assert maker.closed == [1]
            async with pool.acquire():
                pass
            maker.now += 10
            async with pool.acquire() as third:
                assert third is maker.made[2]
            assert maker.closed == [1, 1, 0]

    run(backend, main)


@on_both
def test_what_is_idle_for_too_long_is_closed(maker: Maker, backend: str) -> None:
    """But for the least that are kept ready."""

    async def main() -> None:
        async with ResourcePool(maker, min_idle=1, max_idle_s=10, clock=maker.clock) as pool:
            assert pool.stats().idle == 1
            async with pool.acquire(), pool.acquire(), pool.acquire():
                pass
            assert pool.stats().idle == 3
            maker.now += 10
            await pool.tend()
            assert (pool.stats().idle, pool.stats().closed) == (1, 2)
            async with pool.acquire():
                pass

    run(backend, main)

    assert len(maker.made) == 3


@on_both
def test_a_factory_that_fails_blocks_no_place(maker: Maker, backend: str) -> None:
    """Neither for its borrower nor for who waits."""

    async def main() -> None:
        async with ResourcePool(maker, max_size=1) as pool:
            maker.error = OSError("refused")
            for _ in range(3):
                with pytest.raises(OSError, match="refused"):
                    await pool.acquire()
            maker.error = None
            async with pool.acquire():
                assert pool.stats().size == 1

    run(backend, main)


@on_both
def test_who_waits_may_make_one_where_another_has_failed(maker: Maker, backend: str) -> None:
    """The place goes to the next in the queue."""
    served: list[int] = []

    async def use(pool: ResourcePool[AsyncThing]) -> None:
        async with pool.acquire():
            served.append(1)

    async def main() -> None:
        async with (
            ResourcePool(maker, max_size=1, max_lifetime_s=0) as pool,
            anyio.create_task_group() as group,
            pool.acquire(),
        ):
            group.start_soon(use, pool)
            while not pool.stats().waiting:
                await anyio.sleep(0)

    run(backend, main)

    assert (served, len(maker.made)) == ([1], 2)


@on_both
def test_the_end_wakes_who_waits(maker: Maker, backend: str) -> None:
    """And lends no more."""

    async def wait(pool: ResourcePool[AsyncThing]) -> None:
        with pytest.raises(ResourceClosed, match="db has been closed"):
            await pool.acquire()

    async def main() -> None:
        pool = ResourcePool(maker, max_size=1, name="db")
        async with anyio.create_task_group() as group, pool.acquire():
            group.start_soon(wait, pool)
            while not pool.stats().waiting:
                await anyio.sleep(0)
            group.start_soon(pool.aclose)
            while not pool.core.closed:
                await anyio.sleep(0)
        await wait(pool)

    run(backend, main)

    assert maker.closed == [1]


@on_both
def test_the_end_takes_by_force_what_does_not_come_back(maker: Maker, backend: str) -> None:
    """After its deadline; coming back later it is harmless."""

    async def main() -> None:
        pool = ResourcePool(maker, close_timeout_s=0.01)
        async with pool.acquire():
            await pool.aclose()
            assert maker.closed == [1]
        assert pool.stats().size == 0

    run(backend, main)

    assert maker.closed == [1]


@on_both
def test_what_is_made_while_the_pool_is_closed_is_closed(maker: Maker, backend: str) -> None:
    """Its borrower is told."""

    pools: list[ResourcePool[AsyncThing]] = []

    async def slow() -> AsyncThing:
        pools[0].core.close()
        return await maker()

    async def main() -> None:
        pools.append(ResourcePool(slow, name="db"))
        with pytest.raises(ResourceClosed):
            await pools[0].acquire()
        await pools[0].aclose()
        pools[0] = ResourcePool(slow, min_idle=1)
        await pools[0].tend()

    run(backend, main)

    assert maker.closed == [1, 1]


@on_both
def test_errors_of_closing_are_nobodys_but_the_logs(backend: str, caplog: pytest.LogCaptureFixture) -> None:
    """A borrower has nothing to do with what was there before."""

    async def main() -> None:
        async with ResourcePool(lambda: Thing(error=OSError("reset")), name="db") as pool, pool.acquire():
            pass

    with caplog.at_level(logging.WARNING, "no_leaks.resources"):
        run(backend, main)

    assert "db: while closing: OSError: reset" in caplog.text


@on_both
def test_a_context_manager_cannot_be_kept(backend: str) -> None:
    """Only the task that entered it can leave it: refused, and left."""
    left: list[int] = []

    @asynccontextmanager
    async def manage() -> AsyncIterator[object]:
        yield object()
        left.append(1)

    async def main() -> None:
        async with ResourcePool(manage) as pool:
            await pool.acquire()

    with pytest.raises(ResourceError, match="create gave a context manager"):
        run(backend, main)
    assert left == [1]


@on_both
def test_a_pool_is_tracked_while_it_is_open(maker: Maker, backend: str) -> None:
    """By its name."""
    manager = ResourceManager()

    async def main() -> None:
        async with ResourcePool(maker, manager=manager, name="db"):
            assert [handle.name for handle in manager.active("pools")] == ["db"]

    run(backend, main)

    assert manager.metrics().cleaned == 1


@on_both
def test_a_manager_closes_a_pool_that_was_left_open(maker: Maker, backend: str) -> None:
    """With all that is in it."""
    manager = ResourceManager()

    async def main() -> None:
        async with manager.scope("pools"):
            pool = ResourcePool(maker, manager=manager)
            async with pool.acquire():
                pass

    run(backend, main)

    assert maker.closed == [1]


def test_a_forked_child_owns_nothing_of_a_pool(maker: Maker) -> None:
    """It makes its own."""

    async def main() -> str:
        async with ResourcePool(maker) as pool:
            async with pool.acquire():
                pass
            return in_child(lambda: (pool.stats().size, pool.core.ask().lease))  # type: ignore[union-attr]

    assert anyio.run(main) == "(0, None)"


def test_a_pool_tells_what_it_is(maker: Maker) -> None:
    """In its repr, and without a name by its factory."""
    assert repr(ResourcePool(maker, name="db")) == "<db: 0 on loan, 0 idle, 0 waiting>"
    assert ResourcePool(maker).options.label == "pool of Maker"
    gc.collect()


@pytest.mark.parametrize("options", [{"max_size": 0}, {"min_idle": -1}, {"min_idle": 11}])
def test_what_makes_no_sense_is_refused(maker: Maker, options: dict[str, int]) -> None:
    """When it is asked for."""
    with pytest.raises(SettingError, match="ResourcePool: "):
        ResourcePool(maker, **options)  # type: ignore[arg-type]


def test_who_borrowed_is_unknown_without_a_threshold(maker: Maker) -> None:
    """To keep every borrower's stack would cost each of them."""

    async def main() -> None:
        async with ResourcePool(maker, max_size=1, acquire_timeout_s=0) as pool, pool.acquire():
            with pytest.raises(PoolTimeout, match="to somebody"):
                await pool.acquire()

    anyio.run(main)


@on_both
@pytest.mark.parametrize("min_idle", [0, 2])
def test_what_idles_until_it_is_too_old_is_closed(maker: Maker, backend: str, min_idle: int) -> None:
    """Even if nothing idles for too long; what must be ready is made anew."""

    async def main() -> None:
        options = {"max_idle_s": None, "max_lifetime_s": 60, "clock": maker.clock, "min_idle": min_idle}
        async with ResourcePool(maker, **options) as pool:  # type: ignore[arg-type]
            async with pool.acquire(), pool.acquire():
                pass
            maker.now += 59
            await pool.tend()
            assert maker.closed == [0, 0]
            maker.now += 1
            await pool.tend()
            assert maker.closed == [1, 1] + [0] * min_idle
            assert pool.stats().idle == min_idle

    run(backend, main)


@on_both
def test_a_health_check_without_end_is_a_no(maker: Maker, backend: str) -> None:
    """What does not answer in the time for connecting is replaced: a dead peer holds up no borrower."""

    async def check(thing: AsyncThing) -> None:
        if thing is maker.made[0]:
            await anyio.sleep_forever()

    async def main() -> None:
        async with ResourcePool(maker, health_check=check, connect_timeout_s=0.01) as pool:
            async with pool.acquire():
                pass
            with anyio.fail_after(10):
                async with pool.acquire() as second:
                    assert second is maker.made[1]
        assert maker.closed == [1, 1]

    run(backend, main)


@on_both
def test_who_is_cancelled_in_the_queue_is_no_timeout(maker: Maker, backend: str) -> None:
    """Statistics tell them apart."""

    async def main() -> None:
        async with ResourcePool(maker, max_size=1, acquire_timeout_s=0.01) as pool, pool.acquire():
            with anyio.CancelScope() as scope:
                scope.cancel()
                await pool.acquire()
            assert (pool.stats().waits, pool.stats().timeouts) == (1, 0)
            with pytest.raises(PoolTimeout):
                await pool.acquire()
            assert (pool.stats().waits, pool.stats().timeouts) == (2, 1)

    run(backend, main)


@on_both
def test_a_factory_that_makes_nothing_new_is_told_so(backend: str) -> None:
    """The one that is on loan stays open, and no place is lost."""
    only = AsyncThing()

    async def main() -> None:
        async with ResourcePool(lambda: only, max_size=2) as pool, pool.acquire():
            with pytest.raises(ResourceError, match="create gave what is on loan already"):
                await pool.acquire()
            assert (only.closed, pool.stats().size) == (0, 1)
        assert only.closed == 1

    run(backend, main)


def test_a_signals_handler_may_close_a_pool_whose_lock_its_thread_holds(maker: Maker) -> None:
    """It would wait for itself."""
    core = ResourcePool(maker).core

    with core._lock:
        assert core.close() == []


def test_a_forked_child_gives_back_what_its_parent_had_borrowed(maker: Maker) -> None:
    """It does nothing: no error hides what ends the child's block, and only a second time is one."""
    pool = ResourcePool(maker, max_size=1)

    async def give() -> str:
        await pool.release(loans[0])
        with pytest.raises(ResourceError, match="given back twice"):
            await pool.release(loans[0])
        return f"{loans[0].closed} {pool.stats().size}"

    async def main() -> None:
        loans.append(await pool.acquire())

    loans: list[AsyncThing] = []
    anyio.run(main)
    try:
        assert in_child(lambda: anyio.run(give)) == repr("0 0")
    finally:
        anyio.run(pool.release, loans[0])
        anyio.run(pool.aclose)
    assert maker.closed == [1]


@on_both
def test_a_pool_that_cannot_be_made_ready_leaves_nothing(maker: Maker, backend: str) -> None:
    """What was ready before the factory failed is closed, and the pool is not tracked."""
    manager = ResourceManager()

    async def make() -> AsyncThing:
        if len(maker.made) == 2:
            raise OSError("refused")
        return await maker()

    async def main() -> None:
        async with ResourcePool(make, min_idle=3, manager=manager):
            pass

    with pytest.raises(OSError, match="refused"):
        run(backend, main)
    assert maker.closed == [1, 1]
    assert manager.active() == ()
