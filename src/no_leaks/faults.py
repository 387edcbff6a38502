"""Faults of our own: none breaks a user's test, none passes silently; each part is reported once and switched off."""

from __future__ import annotations

_faults: dict[str, str] = {}


def note(part: str, error: BaseException) -> None:
    """Remember the first fault of a part; the session shows it and the gate fails on it."""
    if part not in _faults:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})" if trace is not None else ""
        _faults[part] = f"{type(error).__name__}: {words(error)}{place}"


def words(thing: object) -> str:
    """Return `str(thing)`, or a placeholder where that raises: no report fails for a broken `__str__`."""
    try:
        return str(thing)
    except Exception as broken:
        return f"<{type(thing).__name__} whose __str__ raises {type(broken).__name__}>"


def noted() -> dict[str, str]:
    """Return part -> first fault."""
    return dict(_faults)


def has(part: str) -> bool:
    """Whether a part has failed, so that it is not asked again."""
    return part in _faults


def clear() -> None:
    """Forget all faults: a new session begins."""
    _faults.clear()
