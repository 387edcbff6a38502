"""Which rings of garbage are nobody's fault: named rules, each with its reason."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import FrameType

from ..rules import Rule
from . import frames
from .rings import Ring

RUNNERS = ("_hypothesis_pytestplugin", "execnet", "hypothesis", "py", "xdist")
"""Packages that run tests beside pytest; so does whatever is called `pytest_…`."""


_MODULE = vars(type)["__module__"]


def is_foreign(cls: type) -> bool:
    """Whether a class is a user's or a library's: neither the interpreter's, nor the standard library's, nor the runner's."""
    package = home_of(cls).partition(".")[0]
    return package not in sys.stdlib_module_names and not _runs_tests(package)


def home_of(cls: type) -> str:
    """Return the module of a class, by the interpreter's slot: classes of C code have it nowhere else."""
    try:
        module: object = _MODULE.__get__(cls)
    except AttributeError:
        return "builtins"
    return module if isinstance(module, str) else "builtins"


def foreign(things: Iterable[object]) -> list[object]:
    """Return the objects of users' and libraries' classes; a class itself is the interpreter's."""
    return [thing for thing in things if not issubclass(type(thing), type) and is_foreign(type(thing))]


def _runs_tests(package: str) -> bool:
    return frames.is_hidden_module(package) or package.startswith("pytest_") or package in RUNNERS


CALLERS: tuple[Rule[FrameType], ...] = (
    Rule(
        "test that looks at a result",
        "a traceback also keeps the frames that called it: what a test's variable keeps goes when the test returns",
        lambda frame: frame.f_code.co_name.startswith("test"),
    ),
)
"""By the frame: that a frame leads to this one, its caller, closes no circle."""

RINGS: tuple[Rule[Ring], ...] = (
    Rule(
        "class or module",
        "a class is always in a circle with itself: what it holds goes with it, when the test that defines it has ended",
        lambda ring: ring.of_class,
    ),
    Rule(
        "runner's own",
        "pytest made it: `pytest.raises(...) as info` ties the test's own frame to the exception",
        lambda ring: any(_runs_tests(home_of(type(thing)).partition(".")[0]) for thing in ring.members),
    ),
    Rule(
        "interpreter's own",
        "nothing of a user's or a library's class is kept by it, and nobody could change the code that made it",
        lambda ring: not foreign(ring.members) and not foreign(ring.held),
    ),
)
