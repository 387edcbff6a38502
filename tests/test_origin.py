"""Origins: raw stacks become frames, paths become short, and only the user's own code is called so."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import here

from no_leaks import env, origin
from no_leaks.model import Frame

NAMES = st.text(st.characters(categories=("L", "N"), include_characters="_-. "), min_size=1, max_size=12).filter(
    lambda name: name not in (".", "..")
)
PATHS = st.lists(NAMES, min_size=1, max_size=5)


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> str:
    """No root folder is set, whatever the run around this test has set."""
    monkeypatch.setattr(origin, "_root", "")
    return ""


def nested() -> origin.RawStack:
    """Capture one frame deeper than the caller."""
    return origin.capture_here()


def test_a_captured_stack_names_the_caller_and_its_line(root: str) -> None:
    """`skip` leaves out the helper that captures."""
    stack, line = nested(), here()
    frame = origin.frames_of(stack)[0]
    assert frame.function.endswith("test_a_captured_stack_names_the_caller_and_its_line")
    assert (frame.line, frame.in_app) == (line, True)


def test_a_captured_stack_is_as_deep_as_asked() -> None:
    """Deep enough for a report, and no deeper."""
    assert len(origin.capture(sys._getframe(), depth=2, stops={})) == 2
    assert origin.capture(None) == ()


def test_the_compiled_walk_and_the_one_in_python_find_the_same() -> None:
    """To a depth, to the outermost frame, to a stop, and from no frame at all."""
    frame, below = sys._getframe(1), sys._getframe(2)
    for depth, stops in ((3, {}), (64, {}), (64, {below.f_code.co_name: below.f_code}), (0, {})):
        assert origin._walk(frame, depth, stops) == origin.walk(frame, depth, stops)
    assert origin._walk(None, 16, {}) == origin.walk(None, 16, {}) == ()


def test_the_runners_frames_end_the_stack(root: str) -> None:
    """What called the test is of no use to its reader."""
    frames = origin.frames_now(sys._getframe(), depth=100)
    assert [frame.function.rpartition(".")[2] for frame in frames] == ["test_the_runners_frames_end_the_stack"]


def test_this_packages_frames_are_not_shown(root: str) -> None:
    """A sensor stands between the library and the user: it is not part of the story."""
    code = origin.capture.__code__
    places = (
        (env.HERE + "scope.py", 1, "open"),
        ("/srv/app.py", 2, "work"),
        ("/x/_pytest/python.py", 3, "call"),
        ("/y.py", 4, "no"),
    )
    assert origin.frames_of(((code, 0),)) == ()
    assert origin.frames_at(places) == (Frame("/srv/app.py", 2, "work", True),)


def test_an_offset_without_a_line_falls_back_to_the_first() -> None:
    """Some bytecode belongs to no line."""
    code = nested.__code__
    assert origin.line_of(code, 10_000) == code.co_firstlineno


def test_a_local_functions_name_is_short(root: str) -> None:
    """`<locals>` is noise; up to 3.10 there is only the bare name."""

    def inner() -> None: ...

    frame = origin.frame_of(inner.__code__, 1)
    assert "<locals>" not in frame.function
    assert frame.function.endswith("inner")


def test_the_root_folder_is_kept(root: str) -> None:
    """It is set once, by the session, and paths are relative to it."""
    origin.set_root("/srv/shop")
    assert origin.root() == "/srv/shop"
    assert origin.frames_at((("/srv/shop/cart.py", 3, "add"),)) == (Frame("cart.py", 3, "add", True),)
    assert origin.frame_of(nested.__code__, 1, root="").file.endswith("tests/test_origin.py")


@given(PATHS, PATHS)
def test_a_path_below_the_root_is_relative_to_it(base: list[str], below: list[str]) -> None:
    """Root and remainder are the path again, whether or not the root ends with a slash."""
    root, path = "/".join(["", *base]), "/".join(below)
    assert origin.relative(f"{root}/{path}", root) == path
    assert origin.relative(f"{root}/{path}", root + "/") == path
    assert origin.is_app(f"{root}/{path}", root)


@given(PATHS, PATHS)
def test_a_library_is_relative_to_its_packages_and_never_the_users(base: list[str], below: list[str]) -> None:
    """Even an environment below the root folder holds other people's code."""
    root, path = "/".join(["", *base]), "/".join(below)
    file = f"{root}/.venv/lib/site-packages/{path}"
    assert origin.relative(file, root) == path
    assert not origin.is_app(file, root)


@given(PATHS, PATHS)
def test_a_path_beside_the_root_is_whole_and_never_the_users(base: list[str], other: list[str]) -> None:
    """A folder whose name only begins like the root is another folder."""
    root, file = "/".join(["", *base]), "/".join(["", *base]) + "x/" + "/".join(other)
    assert origin.relative(file, root) == file
    assert not origin.is_app(file, root)


@given(st.text(max_size=20))
def test_generated_code_is_never_the_users(name: str) -> None:
    """`<string>` and frozen modules keep their name."""
    assert not origin.is_app(f"<{name}>", "")
    assert origin.relative(f"<{name}", "/srv").startswith("<")


def test_the_standard_library_is_relative_to_itself() -> None:
    """`threading.py` says more than where this interpreter lies."""
    assert origin.relative(os.__file__, "/srv") == "os.py"
    assert not origin.is_app(os.__file__, "")


def test_without_a_root_whatever_is_no_library_is_the_users() -> None:
    """A script that is run without a project is the user's."""
    assert origin.is_app("/srv/script.py", "")
    assert not origin.is_app(env.HERE + "scope.py", "")


def test_a_source_line_is_read_below_the_root_or_where_it_says(tmp_path: Path) -> None:
    """Frames carry relative paths; a library's carry what is left of theirs."""
    (tmp_path / "shop.py").write_text("a = 1\n    b = 2\n")
    assert origin.source_line(Frame("shop.py", 2, "f", True), str(tmp_path)) == "b = 2"
    assert origin.source_line(Frame(str(tmp_path / "shop.py"), 1, "f", True), "/nowhere") == "a = 1"
    assert origin.source_line(Frame("gone.py", 1, "f", True), str(tmp_path)) == ""


def test_a_stack_ends_where_the_runner_calls_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is below is never shown, so it is not kept."""

    def runner() -> origin.RawStack:
        return program()

    def program() -> origin.RawStack:
        return origin.capture_here(0)

    monkeypatch.setitem(origin.stops, "runner", runner.__code__)
    assert [code.co_name for code, _ in runner()] == ["program"]


def test_code_that_only_has_the_runners_name_is_not_the_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program may call its own function so."""

    def runner() -> origin.RawStack:
        return origin.capture_here(0)

    monkeypatch.setitem(origin.stops, "runner", origin.capture.__code__)
    assert runner()[0][0] is runner.__code__
