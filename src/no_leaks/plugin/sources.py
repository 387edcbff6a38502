"""Sources: what the user wrote that became a wider fixture, so that its leaks bear its name and place."""

from __future__ import annotations

import inspect
from types import CodeType
from typing import Any, NamedTuple

from .. import origin

_WRITTEN: dict[str, tuple[str, ...]] = {
    "_xunit_setup_module_fixture_": ("setUpModule", "setup_module", "tearDownModule", "teardown_module"),
    "_xunit_setup_class_fixture_": ("setup_class", "teardown_class"),
    "_unittest_setUpClass_fixture_": ("setUpClass", "tearDownClass"),
}
"""How pytest (8.0 to 9.2) names the fixtures that it makes of xunit's functions, and which of those there can be."""


class Source(NamedTuple):
    """Who answers for a wider fixture's leaks: `name` as the report says it, `title` as a headline does; `line` from 1."""

    name: str
    title: str
    nodeid: str
    file: str
    line: int


def of(fixturedef: Any, request: Any, root: str) -> Source:
    """Return what stands behind a fixture: its own function, or that of xunit or unittest."""
    node = request.node
    for prefix, names in _WRITTEN.items():
        if fixturedef.argname.startswith(prefix):
            written = _first(node.obj, names)
            file, line = _place(getattr(node.obj, written, None), root, node)
            name = f"{written} of {node.name}"
            return Source(name, name, f"{node.nodeid}::{written}", file, line)
    name = fixturedef.argname
    file, line = _place(fixturedef.func, root, node)
    return Source(name, f"{fixturedef.scope} fixture {name!r}", f"{file}::{name}", file, line)


def _first(thing: Any, names: tuple[str, ...]) -> str:
    """Return the first of the names that the user has given to something; `unittest` gives some itself."""
    written = [name for name in names if code_of(getattr(thing, name, None)) is not None]
    own = [name for name in written if getattr(thing, name).__module__ != "unittest.case"]
    return (own or list(names))[0]


def _place(function: Any, root: str, node: Any) -> tuple[str, int]:
    code = code_of(function)
    if code is None:
        return origin.relative(str(node.path), root), 1
    return origin.relative(code.co_filename, root), code.co_firstlineno


def code_of(function: Any) -> CodeType | None:
    """Return the code of a function, a method or a partial; None of what has none."""
    while hasattr(function, "func"):
        function = function.func
    plain: Any = inspect.unwrap(function) if callable(function) else None
    code = getattr(plain, "__code__", None)
    return code if isinstance(code, CodeType) else None
