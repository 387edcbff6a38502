"""Safe words for foreign objects: bounded, on one line, never raising."""

from __future__ import annotations

import re

LONGEST = 200

# A password may have a slash in it that nobody has escaped; then what looks like a port is masked, too, up to the "@".
# Compiled when they are first used, and kept by `re`: most runs have nothing to mask.
_USERINFO = r"(://[^/\s:@]*:)\S*@"
_TOKEN = r"(://)[\w.~-]{20,}@"
"""A name as long as that is no name: services take a token in its place."""
_SECRET = r"(?:password|passwd|passphrase|pwd|secret|token|(?:api|access|account|private)[_-]?key)"
_VALUE = r"(?:'[^'\n]*'|\"[^\"\n]*\"|[\"']?[^\s&;,\"'(){}\[\]]+)"
_ASSIGNED = rf"(?i)(--[\w-]*{_SECRET}[ =]|{_SECRET}[\"']?\s?[=:]\s?){_VALUE}"


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


def masked(text: str) -> str:
    """Return a text without the passwords in its URLs and after its `password=` and `--token`: reports are shared."""
    return re.sub(_ASSIGNED, r"\1***", without_userinfo(text))


def without_userinfo(text: str) -> str:
    """Return a text without the passwords in its URLs; code stays code otherwise."""
    return re.sub(_TOKEN, r"\1***@", re.sub(_USERINFO, r"\1***@", text))


def count(number: int, noun: str) -> str:
    """Return "1 leak", "2 leaks"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
