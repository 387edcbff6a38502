"""Steps: keys as they may be shown."""

from __future__ import annotations

import pytest

from no_leaks.diagnose import steps


class Key:
    """A key of the user's."""


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("profile", "['profile']"),
        (("a", 1), "[('a', 1)]"),
        (8081, "[8081]"),
        (None, "[None]"),
        ("/tmp/a/file", "['/tmp/a/file']"),
        ("x " * 40, "['" + ("x " * 40)[:37] + "…']"),
        ("sk-abcdef1234", "['***']"),
        ("3f2504e04f8911d39a0c0305e82c3301", "['***']"),
        ("https://user:pw@host/x", "['https://user:***@host/x']"),
        (Key(), f"[{Key.__module__}.Key]"),
    ],
)
def test_a_key_is_shown_short_and_without_secrets(key: object, text: str) -> None:
    """Plain keys as they are, objects by their class, tokens not at all."""
    assert steps.key(key) == text


def test_a_chain_of_one_has_no_steps() -> None:
    """A thing that is a root's own value needs no words."""
    assert steps.names([object()]) == ()
