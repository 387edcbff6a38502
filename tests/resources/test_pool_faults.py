"""The pool under fault injection, and against a model: whoever is cancelled when, no place and no resource is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from backends import AsyncThing
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from injection import WAYS, cancel_everywhere
from servers import Echo

from no_leaks.errors import ResourceClosed
from no_leaks.resources import ResourceManager, ResourcePool
from no_leaks.resources.connection_options import ConnectionOptions
from no_leaks.resources.lease import Lease
from no_leaks.resources.pool_core import PoolCore
from no_leaks.resources.pool_options import PoolOptions
from no_leaks.resources.pool_places import Slot, Waiter


async def healthy(thing: AsyncThing) -> bool:
    """Take some turns to say yes, or, for every third one, no."""
    await anyio.sleep(0)
    return thing.name != 2


@pytest.mark.parametrize("way", WAYS)
def test_a_pool_cancelled_at_every_step_loses_nothing(way: str, tmp_path: Path) -> None:
    """Making, checking, waiting, giving back, closing: all that was made is closed once, and nothing is tracked."""
    made: list[AsyncThing] = []
    manager = ResourceManager()

    async def make() -> AsyncThing:
        await anyio.sleep(0)
        made.append(AsyncThing(name=len(made)))
        return made[-1]

    async def use(pool: ResourcePool[AsyncThing]) -> None:
        async with pool.acquire():
            await anyio.sleep(0)

    async def main() -> None:
        made.clear()
        async with ResourcePool(make, max_size=2, min_idle=1, health_check=healthy, manager=manager) as pool:
            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(use, pool)
                await use(pool)
            await use(pool)

    def check() -> None:
        assert [thing.closed for thing in made] == [1] * len(made)
        assert manager.active() == ()

    assert cancel_everywhere(way, main, tmp_path, check) >= 5


@pytest.mark.parametrize("way", WAYS)
def test_a_pool_goes_on_after_a_borrower_was_cancelled(way: str, tmp_path: Path) -> None:
    """At whatever step: the other borrowers are all served, and no place is lost."""
    served: list[int] = []

    async def main() -> None:
        pool = pools[0]
        async with pool.acquire():
            await anyio.sleep(0)

    async def make() -> AsyncThing:
        await anyio.sleep(0)
        return AsyncThing()

    pools: list[ResourcePool[AsyncThing]] = []

    async def whole() -> None:
        pools[:] = [ResourcePool(make, max_size=1, max_lifetime_s=0)]
        try:
            await main()
        finally:
            with anyio.CancelScope(shield=True):
                assert pools[0].stats().size == 0
                served.append(1)

    assert cancel_everywhere(way, whole, tmp_path) >= 2
    assert served


@pytest.mark.parametrize("way", WAYS)
def test_a_pool_of_real_connections_cancelled_at_every_step_leaves_nothing(
    way: str, echo: Echo, tmp_path: Path
) -> None:
    """Over TCP."""

    async def use(pool: ResourcePool[anyio.abc.SocketStream]) -> None:
        async with pool.acquire() as stream:
            await stream.send(b"hello")
            await stream.receive()

    async def main() -> None:
        async with (
            ResourcePool(
                lambda: anyio.connect_tcp("127.0.0.1", echo.tcp), max_size=2, manager=ResourceManager()
            ) as pool,
            anyio.create_task_group() as group,
        ):
            for _ in range(3):
                group.start_soon(use, pool)
            await use(pool)

    assert cancel_everywhere(way, main, tmp_path) >= 3


class PoolMachine(RuleBasedStateMachine):
    """The model: counts of what is idle and taken, and who waits in which order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        options = PoolOptions(ConnectionOptions(AsyncThing), max_size=3, min_idle=1, max_idle_s=10, max_lifetime_s=50)
        self.core = PoolCore(options, lambda: self.now)
        self.taken: list[Slot] = []
        self.waiting: list[Waiter] = []
        self.woken: list[Waiter] = []
        self.idle: list[Slot] = []

    def arrived(self) -> None:
        """Take over from the queue what was woken."""
        for waiter in self.woken:
            assert waiter is self.waiting.pop(0), "somebody was overtaken"
            slot = self.core.leave(waiter)
            assert slot is not None
            self.taken.append(slot)
        self.woken.clear()

    def wake(self, waiter: list[Waiter]) -> Callable[[], object]:
        """Return what wakes a waiter."""
        return lambda: self.woken.append(waiter[0])

    @rule()
    def ask(self) -> None:
        """Take one, or join the queue."""
        slot = self.core.ask()
        free = self.idle or len(self.taken) < 3
        assert (slot is not None) == bool(free and not self.waiting)
        if slot is not None:
            assert not self.idle or slot is self.idle.pop(), "not the one that was used last"
            self.taken.append(slot)
            return
        box: list[Waiter] = []
        box.append(Waiter(self.wake(box)))
        self.waiting.append(box[0])
        self.core.queue(box[0])

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), lives=st.booleans())
    def give_back(self, data: st.DataObject, lives: bool) -> None:
        """Give back, alive or broken."""
        slot = self.taken.pop(data.draw(st.integers(0, len(self.taken) - 1)))
        if slot.lease is None and lives:
            self.core.made(slot, Lease(self.core.options.connection))
        given = lives and self.core.give(slot)
        assert not lives or given == (self.now - slot.created_s < 50)
        if not given:
            self.core.drop(slot)
        elif not self.waiting:
            self.idle.append(slot)
        self.arrived()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        """Leave the queue."""
        waiter = self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1)))
        assert self.core.leave(waiter) is None

    @rule(seconds=st.integers(1, 20))
    def pass_time(self, seconds: int) -> None:
        """Get older."""
        self.now += seconds

    @rule()
    def expire(self) -> None:
        """Take out what is too old, and what was idle for too long, of which one stays."""
        young = [slot for slot in self.idle if self.now - slot.created_s < 50]
        kept = [slot for slot in young if self.now - slot.idle_since_s < 10] or young[-1:]
        out = self.core.expired()
        assert set(map(id, out)) == set(map(id, self.idle)) - set(map(id, kept))
        self.idle = kept

    @rule()
    def top_up(self) -> None:
        """Make one ready, if one is lacking."""
        slot = self.core.lacking()
        assert (slot is not None) == (not self.idle and len(self.taken) < 3)
        if slot is not None:
            self.taken.append(slot)

    @invariant()
    def the_books_are_right(self) -> None:
        """Never more than allowed, nobody waits where one is free."""
        stats = self.core.stats()
        idle, taken, waiting = len(self.idle), len(self.taken), len(self.waiting)
        assert (stats.idle, stats.waiting, stats.size) == (idle, waiting, idle + taken)
        assert stats.size <= 3
        assert not (self.waiting and (self.idle or len(self.taken) < 3))

    def teardown(self) -> None:
        """Closed, it wakes everybody and lends nothing."""
        self.core.close()
        assert self.woken == self.waiting
        with pytest.raises(ResourceClosed):
            self.core.ask()


TestPool = PoolMachine.TestCase
TestPool.settings = settings(max_examples=60, stateful_step_count=40)
