"""The screen: plain lines for a file, colours and a bar for a terminal."""

from __future__ import annotations

import io

import pytest

from no_leaks.cli.progress import ERASE, Screen, is_lively, plain


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no setting of whoever runs these tests decide them."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_a_file_is_not_lively() -> None:
    """Where nobody looks, nothing moves."""
    assert not is_lively(io.StringIO())


def test_a_terminal_is_lively() -> None:
    """The screen on it is, too."""
    assert Screen.on(Terminal()).lively


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_can_ask_for_plain_text(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """By the two conventions that there are."""
    monkeypatch.setenv(name, value)
    assert not is_lively(Terminal())


def test_without_a_terminal_only_the_lines_are_written() -> None:
    """No bar, no colour, no escape."""
    screen = Screen(io.StringIO())
    screen.bar(1, 2, "tests")
    screen.line(screen.paint("a leak", "red"))
    screen.end_bar()
    assert written(screen) == "a leak\n"


def test_a_line_is_written_above_the_bar() -> None:
    """The bar is erased, and drawn again below the line."""
    screen = Screen(Terminal(), lively=True, width=60)
    screen.bar(1, 2, "tests")
    screen.line("a leak")
    bar = "████████████░░░░░░░░░░░░ 1/2 tests"
    assert written(screen) == f"{ERASE}{bar}{ERASE}a leak\n{bar}"
    screen.end_bar()
    screen.line("done")
    assert written(screen).endswith(f"{bar}{ERASE}done\n")


def test_a_bar_is_never_wider_than_the_terminal() -> None:
    """It would wrap, and could not be erased."""
    screen = Screen(Terminal(), lively=True, width=11)
    screen.bar(1, 1, "tests")
    assert written(screen) == ERASE + "█" * 10


def test_a_table_is_aligned_by_what_is_seen_of_its_cells() -> None:
    """Colours take no room."""
    screen = Screen(Terminal(), lively=True)
    screen.table(("story", "seen"), [(screen.paint("a", "red"), "yes"), ("longer", "no")])
    assert plain(written(screen)) == "story   seen\na       yes\nlonger  no\n"


def test_signs_that_a_stream_cannot_carry_become_words() -> None:
    """An ASCII log shows ok and NO, and a question mark for other signs."""
    raw = io.BytesIO()
    screen = Screen(io.TextIOWrapper(raw, encoding="ascii"))
    screen.line(f"{screen.tick(True)} {screen.tick(False)} …")
    assert raw.getvalue().decode() == "ok NO ?\n"
    assert Screen(io.StringIO()).tick(True) in ("✓", "ok")


def written(screen: Screen) -> str:
    """Return what was written on a screen of these tests."""
    assert isinstance(screen.out, io.StringIO)
    return screen.out.getvalue()
