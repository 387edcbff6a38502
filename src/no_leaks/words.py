"""Safe words for foreign objects: bounded, on one line, never raising."""

from __future__ import annotations

LONGEST = 200


def safe_repr(thing: object, longest: int = LONGEST) -> str:
    """Return a bounded one-line repr; a repr that raises becomes a placeholder that says so."""
    try:
        text = repr(thing)
    except Exception as broken:
        text = f"<{type(thing).__name__} object whose repr raises {type(broken).__name__}>"
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def type_name(thing: object) -> str:
    """Return the qualified name of a thing's class, without "builtins."."""
    cls = type(thing)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
