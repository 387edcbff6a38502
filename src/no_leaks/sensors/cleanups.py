"""Whether an abandoned async generator has anything left to clean up: only then has somebody else to do it for the program."""

from __future__ import annotations

import ast
import functools
import linecache
from collections.abc import Iterator
from types import CodeType
from typing import Any

_CATCHES_EXIT = frozenset({"BaseException", "GeneratorExit"})
"""Handlers that closing a generator runs; `except Exception` lets GeneratorExit pass."""


def is_pending(agen: Any) -> bool:
    """Whether an async generator is suspended inside a `with` or a `try` that closing it would run to its end.

    One that is not leaves nothing open when it is dropped: no loop has to close it, and no test is blamed for it.
    Read from the source (compiled code looks different in each release); False where there is none.
    """
    frame, code = agen.ag_frame, agen.ag_code
    if frame is None:
        return False
    function = _function(code)
    return function is not None and any(_guards(node, frame.f_lineno) for node in _own_nodes(function))


def _function(code: CodeType) -> ast.AsyncFunctionDef | None:
    for node in _functions(code.co_filename):
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        if first == code.co_firstlineno and node.name == code.co_name:
            return node
    return None


@functools.lru_cache(maxsize=32)
def _functions(file: str) -> tuple[ast.AsyncFunctionDef, ...]:
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return ()
    return tuple(node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef))


def _own_nodes(function: ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """Yield the nodes of a function without those of functions defined inside it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))


def _guards(node: ast.AST, line: int) -> bool:
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return _covers(node.body, line)
    # No ast.TryStar (3.11): GeneratorExit is no group, and a yield may not be left by `except*` alone.
    if isinstance(node, ast.Try):
        cleans = bool(node.finalbody) or any(_catches_exit(handler) for handler in node.handlers)
        return cleans and _covers(node.body, line)
    return False


def _covers(body: list[ast.stmt], line: int) -> bool:
    return bool(body) and body[0].lineno <= line <= (body[-1].end_lineno or body[-1].lineno)


def _catches_exit(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(handler.type)}
    return bool(names & _CATCHES_EXIT)
