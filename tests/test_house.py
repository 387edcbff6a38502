"""The house's rules, kept by the source itself: floors, imports, docstrings, sizes, and what an import costs."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "no_leaks"

FLOORS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("plugin", "cli"),
    ("library", "calls", "session", "canary", "scope", "settle", "watching"),
    ("probes", "sensors", "resources", "memory"),
    ("reporters", "gate", "baseline"),
    ("diff", "judge", "confirm", "diagnose"),
    (
        "births",
        "config",
        "customs",
        "deaths",
        "ends",
        "handles",
        "layers",
        "kindlist",
        "names",
        "values",
        "rules",
        "origin",
        "older",
        "paths",
        "referents",
        "ledger",
        "model",
        "errors",
        "env",
        "faults",
        "speedups",
        "words",
    ),
)
"""From the top. A part may import its own floor and those below; the public face (`__init__`) stands outside, as it is lazy."""

HEAVY = frozenset({"asyncio", "psutil", "anyio", "trio", "pympler", "objgraph"})
LONGEST_FILE = 250
LONGEST_FUNCTION = 40
EXCUSE = re.compile(r"Longer than \d+ lines because \w+")
VALUES = ("config", "model")

FILES = sorted(path for path in SOURCE.rglob("*.py") if "demo_project" not in path.parts)
NAMES = [path.relative_to(SOURCE).as_posix() for path in FILES]
every_file = pytest.mark.parametrize("path", FILES, ids=NAMES)


class Edge(NamedTuple):
    """One import: from a module to a module, both by dotted name below the package; `when` is top, lazy or typing."""

    source: str
    target: str
    when: str


@cache
def tree_of(path: Path) -> ast.Module:
    """Parse a file once."""
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    """Return a module's dotted name below the package; the package itself is ""."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(node: ast.AST, when: str = "top") -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    """Yield every import below a node, with when it happens."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, when
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from imports_of(child, "lazy" if when == "top" else when)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for part in child.body:
                yield from imports_of(ast.Module([part], []), "typing")
            for part in child.orelse:
                yield from imports_of(ast.Module([part], []), when)
        else:
            yield from imports_of(child, when)


def targets_of(node: ast.Import | ast.ImportFrom, path: Path) -> Iterator[str]:
    """Yield the absolute dotted names that one import statement asks for."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        package = ["no_leaks", *path.relative_to(SOURCE).parts[:-1]]
        base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [base])])
    for alias in node.names:
        yield f"{base}.{alias.name}"


@cache
def edges() -> tuple[Edge, ...]:
    """Return every import of one module of the package by another."""
    known = {f"no_leaks.{name}".rstrip("."): name for name in map(name_of, FILES)}
    found: list[Edge] = []
    for path in FILES:
        for node, when in imports_of(tree_of(path)):
            for target in targets_of(node, path):
                name = nearest(target, known)
                if name is not None and name != name_of(path):
                    found.append(Edge(name_of(path), name, when))
    return tuple(found)


def nearest(target: str, known: dict[str, str]) -> str | None:
    """Return the module that a dotted name lies in, or None where it is not the package's."""
    while target and target not in known:
        target = target.rpartition(".")[0]
    return known.get(target)


def floor_of(name: str) -> int | None:
    """Return the floor on which a module stands, 0 at the top; None where the table does not name its part."""
    part = name.partition(".")[0]
    return next((number for number, parts in enumerate(FLOORS) if part in parts), None)


def roots_of(path: Path, *whens: str) -> set[str]:
    """Return the top-level packages that a file imports at these times."""
    return {
        target.partition(".")[0]
        for node, when in imports_of(tree_of(path))
        if when in whens
        for target in targets_of(node, path)
    }


def rings(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the circles of a graph: sets of modules of which each reaches each (Kosaraju's way, by reach)."""
    reach = {start: reachable(graph, start) for start in graph}
    circles = {frozenset(b for b in reach[a] if a in reach.get(b, ())) for a in graph if a in reach[a]}
    return sorted(sorted(circle) for circle in circles)


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    """Return what can be reached from a node in one step or more."""
    seen: set[str] = set()
    todo = list(graph[start])
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo.extend(graph.get(node, ()))
    return seen


def test_every_part_stands_on_a_floor() -> None:
    """A new file or folder at the top of the package has to be given its floor."""
    homeless = {name for name in map(name_of, FILES) if name and floor_of(name) is None}

    assert not homeless


def test_imports_point_down() -> None:
    """No part imports a higher floor, lazily or for its types included."""
    upward = [
        f"{edge.source} -> {edge.target} ({edge.when})"
        for edge in edges()
        if edge.source and edge.target
        for above, below in [(floor_of(edge.source), floor_of(edge.target))]
        if above is not None and below is not None and above > below
    ]

    assert not upward


@every_file
def test_no_part_imports_the_public_face(path: Path) -> None:
    """`no_leaks/__init__.py` is for users; inside, a name comes from the file that has it, all but the version."""
    compiled = {path.stem for path in SOURCE.glob("*.c")}
    names = {name.partition(".")[0] for name in map(name_of, FILES)} | compiled | {"__version__"}
    asked = {
        target.removeprefix("no_leaks.").partition(".")[0]
        for node, _ in imports_of(tree_of(path))
        for target in targets_of(node, path)
        if target.startswith("no_leaks.")
    }

    assert asked <= names


def test_imports_run_in_no_circle() -> None:
    """Neither at the top nor lazily nor for types do two modules need each other."""
    graph: dict[str, set[str]] = {name_of(path): set() for path in FILES}
    for edge in edges():
        if edge.source:
            graph[edge.source].add(edge.target)

    assert rings(graph) == []


@every_file
def test_only_the_plugin_imports_pytest(path: Path) -> None:
    """Everything outside plugin/ works without pytest installed."""
    if path.relative_to(SOURCE).parts[0] != "plugin":
        assert not roots_of(path, "top", "lazy", "typing") & {"pytest", "_pytest", "pluggy"}


@every_file
def test_heavy_modules_are_imported_when_needed(path: Path) -> None:
    """asyncio, psutil and their like are imported inside functions, never at a module's top."""
    assert not roots_of(path, "top") & HEAVY


@every_file
def test_a_module_opens_with_a_docstring(path: Path) -> None:
    """Its first line says in one sentence where it stands in the flow."""
    docstring = ast.get_docstring(tree_of(path))

    assert docstring
    assert docstring.splitlines()[0].endswith(".")


@every_file
def test_a_file_is_short_or_says_why_not(path: Path) -> None:
    """250 lines, or a head comment "Longer than 250 lines because ..."."""
    text = path.read_text(encoding="utf-8")

    assert text.count("\n") <= LONGEST_FILE or EXCUSE.search("\n".join(text.splitlines()[:20]))


@every_file
def test_functions_are_short(path: Path) -> None:
    """A function does one step, in at most 40 lines."""
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1}"
        for node in ast.walk(tree_of(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno is not None
        if node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
    ]

    assert not long


@pytest.mark.parametrize("module", VALUES)
def test_values_are_frozen_and_slotted(module: str) -> None:
    """What goes down the flow can be neither changed nor given new attributes."""
    loaded = importlib.import_module(f"no_leaks.{module}")
    loose = [
        thing.__name__
        for thing in vars(loaded).values()
        if isinstance(thing, type) and thing.__module__ == loaded.__name__ and dataclasses.is_dataclass(thing)
        if not thing.__dataclass_params__.frozen or "__slots__" not in vars(thing)  # type: ignore[attr-defined]
    ]

    assert not loose


def modules_after(statement: str) -> set[str]:
    """Return what a fresh interpreter has loaded after a statement, beyond what it starts with."""
    code = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_next_to_nothing() -> None:
    """`import no_leaks` brings itself and at most `typing`'s family: no part, no plugin, nothing heavy."""
    assert modules_after("import no_leaks") <= {"no_leaks"} | modules_after("import typing, __future__")


def test_the_library_never_loads_the_plugin() -> None:
    """`from no_leaks import no_leaks` works without pytest, so it does not ask for it, nor for anything heavy."""
    loaded = modules_after("from no_leaks import no_leaks")

    assert not {name for name in loaded if name.startswith(("no_leaks.plugin", "no_leaks.cli"))}
    assert not {name.partition(".")[0] for name in loaded} & (HEAVY | {"pytest", "_pytest", "pluggy"})


def test_no_test_sleeps() -> None:
    """A test waits for an event, a join or a fake clock."""
    sleepers = [
        path.name
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "time.sleep"
    ]

    assert not sleepers


def test_test_files_have_unique_names() -> None:
    """Under --import-mode=importlib two files of one name work, but a reader's search finds the wrong one."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]

    assert sorted(names) == sorted(set(names))


def committed() -> list[Path]:
    """Return the files under version control, or skip where this is no checkout."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_nothing_committed_names_a_machine() -> None:
    """No home folder and no address of a package index: what is written here holds on every machine."""
    places = re.compile(r"/(?:root|home/\w+|Users/\w+|opt/\w+)/|(?:extra-)?index-url|pypi\.org/simple|registry\.npmjs")
    named = [
        f"{path.relative_to(ROOT)}: {hit.group()}"
        for path in committed()
        if path.is_file() and path != Path(__file__)
        for hit in places.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]

    assert not named


def test_no_lock_file_is_committed() -> None:
    """A lock file names the registry of whoever wrote it; bounds stand in pyproject.toml."""
    assert not [path.name for path in committed() if path.suffix == ".lock" or path.name == "package-lock.json"]
