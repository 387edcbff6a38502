"""Where a socket was made: both ends of a pair share one walk up the stack, and a loop's own pipe has that of its loop."""

from __future__ import annotations

from types import CodeType, FrameType

from .. import ledger, origin
from ..model import RawStack

_PAIR = "socketpair"
_LOOPS = "_make_self_pipe"
"""The method in which a loop of asyncio's makes its pipe to itself."""

_key = object.__hash__
_first: tuple[int, RawStack] | None = None
"""The call that has made its first end, by its frame, and the stack of that; the frame stays where it is until the second."""


def stack_of(book: ledger.Ledger, frame: FrameType) -> RawStack:
    """Return the raw stack of a socket that `frame`, its `__init__`, is making."""
    global _first
    pair = frame.f_back
    if pair is None or pair.f_code.co_name != _PAIR:
        return origin.capture(frame)
    call, first, _first = (pair.f_code, pair.f_lasti), _first, None
    if first is not None and first[0] == _key(pair) and _is_same_call(first[1], call, book):
        return (frame.f_code, frame.f_lasti), call, *first[1][2:]
    own = _of_loop(book, pair)
    if own:
        return own
    stack = origin.capture(frame)
    _first = _key(pair), stack
    return stack


def _is_same_call(stack: RawStack, call: tuple[CodeType, int], book: ledger.Ledger) -> bool:
    """Whether the newest record is the first end of this very call: it has come from another line of it."""
    last = book.records[-1] if book.records else None
    return last is not None and last.stack is stack and stack[1][0] is call[0] and stack[1][1] != call[1]


def _of_loop(book: ledger.Ledger, pair: FrameType) -> RawStack:
    """Return the stack of the event loop whose own pipe this is: it was made a moment before, by the same caller."""
    maker = pair.f_back
    if maker is None or maker.f_code.co_name != _LOOPS:
        return ()
    return next((record.stack for record in book.records[-3:] if record.event == "event loop"), ())
