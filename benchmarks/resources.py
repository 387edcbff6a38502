"""Measure what secure files and pools cost beside their peers: interleaved rounds, medians, ratios.

    python benchmarks/resources.py [--rounds N] [--quick]

A peer that is not installed is named and left out. Each round runs every contender once, the order turned round from
round to round. A ratio above 1 means that the peer is slower.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import anyio

from no_leaks.resources import ResourceManager, ResourcePool, secure_file_context

Work = Callable[[], Awaitable[object]]
MANAGER = ResourceManager()


@dataclass(frozen=True)
class Contest:
    """One thing done by several, ours first; `times` is how often a round does it."""

    name: str
    backend: str
    times: int
    contenders: dict[str, Work]


def is_there(package: str) -> bool:
    """Whether a peer is installed; says so if not."""
    there = importlib.util.find_spec(package) is not None
    if not there:
        print(f"(without {package}: it is not installed)")
    return there


def file_work(path: Path) -> dict[str, Work]:
    """Write a small file, by each."""

    async def ours() -> None:
        async with secure_file_context(path, "w", manager=MANAGER) as file:
            await file.write("content")

    async def by_anyio() -> None:
        async with await anyio.open_file(path, "w") as file:
            await file.write("content")

    return {"secure_file_context": ours, "anyio.open_file": by_anyio}


def read_work(path: Path) -> dict[str, Work]:
    """Read a small file, by each."""

    async def ours() -> None:
        async with secure_file_context(path, manager=MANAGER) as file:
            await file.read()

    async def by_anyio() -> None:
        async with await anyio.open_file(path) as file:
            await file.read()

    return {"secure_file_context": ours, "anyio.open_file": by_anyio}


def aiofiles_work(path: Path, mode: str) -> Work:
    """Do the same by aiofiles."""
    import aiofiles

    async def write() -> None:
        async with aiofiles.open(path, "w") as file:
            await file.write("content")

    async def read() -> None:
        async with aiofiles.open(path) as file:
            await file.read()

    return write if mode == "w" else read


class Null:
    """A connection that costs nothing, with what a DBAPI's has."""

    def close(self) -> None:
        """Do nothing."""

    def rollback(self) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Do nothing."""


def our_pool() -> Work:
    """Borrow and give back."""
    pool = ResourcePool(Null, max_size=10, manager=MANAGER)

    async def work() -> None:
        async with pool.acquire():
            pass

    return work


def queue_pool() -> Work:
    """Do it as asyncpg does, by a queue of connections and a time limit, without its checks."""
    free: asyncio.LifoQueue[Null] = asyncio.LifoQueue()
    for _ in range(10):
        free.put_nowait(Null())

    async def work() -> None:
        connection = await asyncio.wait_for(free.get(), 30)
        free.put_nowait(connection)

    return work


def sqlalchemy_pool() -> Work:
    """Do it by the pool of SQLAlchemy's async engines, called as they call it."""
    from sqlalchemy.pool import AsyncAdaptedQueuePool
    from sqlalchemy.util import greenlet_spawn

    pool = AsyncAdaptedQueuePool(cast("Any", Null), pool_size=10, reset_on_return=None)

    async def work() -> None:
        connection = await greenlet_spawn(pool.connect)
        await greenlet_spawn(connection.close)

    return work


async def seconds_of(work: Work, times: int) -> float:
    """Return the seconds that one takes, on average."""
    start = time.perf_counter()
    for _ in range(times):
        await work()
    return (time.perf_counter() - start) / times


def run(contest: Contest, rounds: int) -> dict[str, float]:
    """Return the median of each contender, in microseconds."""
    found: dict[str, list[float]] = {name: [] for name in contest.contenders}

    async def main() -> None:
        order = list(contest.contenders.items())
        for work in contest.contenders.values():
            await seconds_of(work, 3)
        for _ in range(rounds):
            for name, work in order:
                found[name].append(await seconds_of(work, contest.times) * 1e6)
            order.reverse()

    anyio.run(main, backend=contest.backend)
    return {name: statistics.median(values) for name, values in found.items()}


def contests(folder: Path) -> list[Contest]:
    """Return what is to be measured here."""
    path = folder / "data.txt"
    path.write_text("content")
    found: list[Contest] = []
    for mode, make in (("w", file_work), ("r", read_work)):
        for backend in ("asyncio", "trio"):
            if backend == "trio" and not is_there("trio"):
                continue
            works = make(path)
            if backend == "asyncio" and is_there("aiofiles"):
                works["aiofiles"] = aiofiles_work(path, mode)
            name = f"{'write' if mode == 'w' else 'read'} a small file ({backend})"
            found.append(Contest(name, backend, 30, works))
    pools = {"ResourcePool": our_pool(), "asyncio.LifoQueue + wait_for": queue_pool()}
    if is_there("sqlalchemy") and is_there("greenlet"):
        pools["SQLAlchemy AsyncAdaptedQueuePool"] = sqlalchemy_pool()
    found.append(Contest("borrow and give back (asyncio)", "asyncio", 2000, pools))
    return found


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--quick", action="store_true", help="three rounds: does it work")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for contest in contests(Path(folder)):
            medians = run(contest, 3 if options.quick else options.rounds)
            ours = next(iter(medians.values()))
            print(contest.name)
            for name, median in medians.items():
                print(f"  {name:34} {median:9.2f} us   {median / ours:6.2f} x ours")


if __name__ == "__main__":
    main()
