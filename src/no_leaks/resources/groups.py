"""Errors of a cleanup that went on to its end: gathered in one group, or told beside the error that came first."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import cast

from ..faults import words
from ..words import masked


def gathered(message: str, errors: Sequence[BaseException]) -> BaseException:
    """Return one `ExceptionGroup` of these errors; a `BaseExceptionGroup` where one of them stops the program."""
    if sys.version_info >= (3, 11):
        return BaseExceptionGroup(message, errors)  # noqa: F821 - a builtin of 3.11
    import exceptiongroup  # until 3.10 is dropped

    return cast(BaseException, exceptiongroup.BaseExceptionGroup(message, errors))


def tell_beside(first: BaseException, errors: Sequence[BaseException]) -> None:
    """Write what cleaning up ran into as notes on the error that came first: that one stays what callers catch.

    A context manager that is left with an error may raise the same again, or a group around it: that is not said twice.
    """
    for error in errors:
        if _is_of(first, error):
            continue
        note = f"while cleaning up: {type(error).__name__}: {masked(words(error))}"
        if sys.version_info >= (3, 11):
            first.add_note(note)
        else:
            notes: list[str] = first.__dict__.setdefault("__notes__", [])
            notes.append(note)


def _is_of(first: BaseException, error: BaseException) -> bool:
    inner: Sequence[BaseException] = getattr(error, "exceptions", ())
    return error is first or (len(inner) == 1 and _is_of(first, inner[0]))
