"""Closes many handles, the youngest first: whatever one of them raises, the others' turn comes, and the deadline is for all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import monotonic

from ..errors import DeadlineExceeded
from .alarm import limited
from .groups import gathered
from .handle import Handle, State
from .shield import finish


def youngest_first(handles: Iterable[Handle]) -> list[Handle]:
    """Return handles in the order in which they are closed."""
    return sorted(handles, key=lambda handle: handle.number, reverse=True)


def close_all(handles: Iterable[Handle], deadline_s: float | None) -> list[BaseException]:
    """Close handles from plain code; return what was raised. What the deadline leaves no time for stays open."""
    errors: list[BaseException] = []
    end_s = None if deadline_s is None else monotonic() + deadline_s
    for handle in youngest_first(handles):
        rest_s = None if end_s is None else end_s - monotonic()
        what = f"closing {handle.name} ({handle.kind})"
        try:
            if rest_s is not None and rest_s <= 0:
                raise DeadlineExceeded(f"no time was left for {what}", deadline_s or 0)
            with limited(rest_s, what):
                handle.close()
        except BaseException as error:
            errors.append(error)
    return errors


async def aclose_all(handles: Iterable[Handle], deadline_s: float | None) -> list[BaseException]:
    """Close handles and wait for each; no cancellation breaks it off. What the deadline leaves no time for is closed by
    force: under a cancelled scope, in which `aclose` lets go without waiting."""
    errors: list[BaseException] = []
    order = youngest_first(handles)
    if order:
        await finish(lambda: _aclose_each(order, deadline_s, errors))
    return errors


def raise_all(errors: Sequence[BaseException], where: str) -> None:
    """Raise what cleaning up ran into, as one group; return where it was nothing."""
    if errors:
        raise gathered(f"cleaning up {where}", errors)


def raise_stopping(errors: Iterable[BaseException]) -> None:
    """Raise what is to stop the program (Ctrl-C, an exit), over an error of the body, too: as a note it would stop nothing."""
    for error in errors:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise error


async def _aclose_each(order: list[Handle], deadline_s: float | None, errors: list[BaseException]) -> None:
    import anyio

    end_s = None if deadline_s is None else anyio.current_time() + deadline_s
    for handle in order:
        try:
            with anyio.CancelScope(deadline=float("inf") if end_s is None else end_s):
                await handle.aclose()
        except BaseException as error:
            errors.append(error)
        else:
            if handle.state is State.FAILED:  # and nothing was raised: the scope took what cancelled it
                errors.append(DeadlineExceeded(f"closing {handle.name} ({handle.kind})", deadline_s or 0))
