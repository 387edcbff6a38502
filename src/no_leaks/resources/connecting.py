"""Makes one connection: called, awaited or entered, in time, checked, and tried again; what fails half-way is closed there and then."""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable

from ..errors import ConnectionUnhealthy, DeadlineExceeded, ResourceError
from ..words import type_name
from . import closing, hops
from .alarm import limited
from .connection_options import ConnectionOptions
from .entry import Entry, is_manager
from .groups import tell_beside
from .lease import Lease, has_close
from .shield import finish

FOREVER_S = float("inf")


def connect(options: ConnectionOptions) -> Lease:
    """Connect from plain code. The alarm ends a try that takes too long; where it is not free, the factory's own limit does."""
    for pause_s in options.pauses():
        try:
            return _connect_once(options)
        except options.retry_on:
            if pause_s is None:
                raise
            time.sleep(pause_s)
    raise AssertionError("the last pause is None")  # pragma: no cover


async def aconnect(options: ConnectionOptions) -> Lease:
    """Connect from async code."""
    for pause_s in options.pauses():
        try:
            return await _aconnect_once(options)
        except options.retry_on:
            if pause_s is None:
                raise
            await _sleep(pause_s)
    raise AssertionError("the last pause is None")  # pragma: no cover


async def _sleep(pause_s: float) -> None:
    import anyio

    await anyio.sleep(pause_s)


def _connect_once(options: ConnectionOptions) -> Lease:
    lease = Lease(options)
    try:
        with limited(options.connect_timeout_s, f"connecting to {options.label}"):
            _make(lease)
            if options.health_check is not None:
                _judge(options, options.health_check(lease.connection))
    except BaseException as error:
        _undo(lease, error)
        raise
    return lease


async def _aconnect_once(options: ConnectionOptions) -> Lease:
    lease = Lease(options)
    end_s = FOREVER_S if options.connect_timeout_s is None else time.monotonic() + options.connect_timeout_s
    try:
        await _amake(lease, end_s)
        if options.health_check is not None:
            answer = options.health_check(lease.connection)
            _judge(options, await _in_time(options, answer, end_s) if inspect.isawaitable(answer) else answer)
    except BaseException as error:
        await _aundo(lease, error)
        raise
    return lease


def _make(lease: Lease) -> None:
    made = (lease.options.create_plainly or lease.options.create)()
    if inspect.isawaitable(made):
        if inspect.iscoroutine(made):
            made.close()
        raise ResourceError(f"{lease.options.label} has to be awaited to connect: use `async with`")
    if _is_closable(lease, made):
        lease.hold(made)
    elif is_manager(made, awaiting=False):
        entry = Entry(made, lease.options)
        lease.hold(entry.enter(), entry)
    else:
        raise _endless(lease.options, made)


async def _amake(lease: Lease, end_s: float) -> None:
    options = lease.options
    made = await _in_thread(options) if options.in_thread else _called(options)
    if inspect.isawaitable(made):
        made = await _awaited(lease, made, end_s)
    if _is_closable(lease, made):
        lease.hold(made)
    elif is_manager(made, awaiting=True):
        entry = Entry(made, options)
        lease.hold(await entry.aenter(end_s - time.monotonic()), entry)
    else:
        raise _endless(options, made)


def _called(options: ConnectionOptions) -> object:
    """Call the factory; a plain one that blocks the loop is broken off in time, where the system's alarm can do that."""
    if inspect.iscoroutinefunction(options.create):
        return options.create()
    with limited(options.connect_timeout_s, f"connecting to {options.label}"):
        return options.create()


async def _in_thread(options: ConnectionOptions) -> object:
    """Call the factory in a thread; what it makes for nobody any more is closed."""

    def undo(late: object) -> None:
        _drop(options, late)

    if options.connect_timeout_s is None:
        return await hops.hop(options.create, undo)
    return await hops.hop_in_time(options.create, undo, options.connect_timeout_s, f"connecting to {options.label}")


async def _awaited(lease: Lease, made: Awaitable[object], end_s: float) -> object:
    """Await what a factory gave. What can be closed while it is still connecting (aiosqlite's and asyncpg's are such) is
    waited for even if that is cancelled, for half-way it cannot be closed, and is closed then."""
    if inspect.iscoroutine(made) or not has_close(made):
        return await _in_time(lease.options, made, end_s)
    lease.hold(made)
    got: list[object] = []

    async def wait() -> None:
        got.append(await _in_time(lease.options, made, end_s))

    await finish(wait)
    return got[0]


async def _in_time(options: ConnectionOptions, waiting: Awaitable[object], end_s: float) -> object:
    """Return what is awaited; `DeadlineExceeded` where the time for connecting is over first."""
    import anyio

    with anyio.move_on_after(end_s - time.monotonic()):
        return await waiting
    raise DeadlineExceeded(f"connecting to {options.label}", options.connect_timeout_s or 0)


def _is_closable(lease: Lease, made: object) -> bool:
    return lease.options.close is not None or has_close(made)


def _endless(options: ConnectionOptions, made: object) -> ResourceError:
    """Return the error for what nothing closes: to hand it out would promise what cannot be kept."""
    if is_manager(made, awaiting=True):
        return ResourceError(f"{options.label} gives a context manager that has to be awaited: use `async with`")
    known = ", ".join(("aclose", *closing.METHODS))
    what = f"gives a {type_name(made)}, which has no method that closes it ({known})"
    return ResourceError(f"{options.label} {what}: say by close=... how it is closed")


def _drop(options: ConnectionOptions, made: object) -> None:
    """Close what a thread made for a caller who had gone."""
    late = Lease(options)
    late.hold(made)
    late.close()


def _judge(options: ConnectionOptions, answer: object) -> None:
    """Take False for a no; what plain code cannot await is an error."""
    if inspect.iscoroutine(answer):
        answer.close()
        raise ResourceError(f"the health check of {options.label} has to be awaited: use `async with`")
    if answer is False:
        raise ConnectionUnhealthy(options.label)


def _undo(lease: Lease, error: BaseException) -> None:
    try:
        lease.close((type(error), error, error.__traceback__))
    except Exception as failed:
        tell_beside(error, [failed])


async def _aundo(lease: Lease, error: BaseException) -> None:
    try:
        await lease.aclose((type(error), error, error.__traceback__))
    except Exception as failed:
        tell_beside(error, [failed])
