"""Patches: put once, taken back only where they are still in place."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from no_leaks.sensors.patches import Patches


class Base:
    """Something to patch."""

    def greet(self) -> str:
        """Greet."""
        return "hello"


class Derived(Base):
    """Something that inherits what is patched."""


def louder(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap."""

    @functools.wraps(original)
    def wrapper(*args: Any) -> Any:
        return original(*args) + "!"

    return wrapper


def test_what_is_put_is_taken_back() -> None:
    """The original itself returns."""
    before = Base.greet
    patches = Patches()
    assert patches.put(Base, "greet", louder)
    assert Base().greet() == "hello!"
    patches.undo()
    assert Base.greet is before


def test_what_is_put_twice_is_there_once() -> None:
    """Install is idempotent."""
    patches = Patches()
    assert patches.put(Base, "greet", louder)
    assert patches.put(Base, "greet", louder)
    assert Base().greet() == "hello!"
    patches.undo()
    assert Base().greet() == "hello"


def test_an_inherited_name_is_removed_again() -> None:
    """The class has no own attribute afterwards."""
    patches = Patches()
    patches.put(Derived, "greet", louder)
    assert Derived().greet() == "hello!"
    patches.undo()
    assert "greet" not in vars(Derived)


def test_what_is_missing_is_said() -> None:
    """The sensor can give its reason."""
    assert not Patches().put(Base, "nothing", louder)
    assert not Patches().put(None, "__init__", louder)


def test_a_later_patch_of_somebody_elses_stays() -> None:
    """Ours is beneath it, and inert."""
    patches = Patches()
    before = Base.greet
    patches.put(Base, "greet", louder)
    theirs = louder(Base.greet)
    Base.greet = theirs  # type: ignore[method-assign]
    patches.undo()
    assert Base.greet is theirs
    Base.greet = before  # type: ignore[method-assign]
