"""Errors of a cleanup that went on to its end: gathered in one group, or told beside the error that came first."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import cast

from ..faults import words


def gathered(message: str, errors: Sequence[BaseException]) -> BaseException:
    """Return one `ExceptionGroup` of these errors; a `BaseExceptionGroup` where one of them stops the program."""
    if sys.version_info >= (3, 11):
        return BaseExceptionGroup(message, errors)  # noqa: F821 - a builtin of 3.11
    import exceptiongroup  # until 3.10 is dropped

    return cast(BaseException, exceptiongroup.BaseExceptionGroup(message, errors))


def tell_beside(first: BaseException, errors: Sequence[BaseException]) -> None:
    """Write what cleaning up ran into as notes on the error that came first: that one stays what callers catch."""
    for error in errors:
        note = f"while cleaning up: {type(error).__name__}: {words(error)}"
        if sys.version_info >= (3, 11):
            first.add_note(note)
        else:
            notes: list[str] = first.__dict__.setdefault("__notes__", [])
            notes.append(note)
