"""The screen of the command line: plain lines, and with a terminal colours and a progress bar below them."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from typing import TextIO

ESCAPE = re.compile(r"\x1b\[[0-9;]*[mK]")
CODES = {"red": "31", "green": "32", "yellow": "33", "dim": "2", "bold": "1"}
ERASE = "\r\x1b[K"
BAR_WIDTH = 24


def is_lively(out: TextIO) -> bool:
    """Whether colours and a bar are wanted: a terminal that can show them, and nobody asked for plain text."""
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def plain(text: str) -> str:
    """Return a text without its colours."""
    return ESCAPE.sub("", text)


@dataclass(slots=True)
class Screen:
    """Writes lines above a bar; without `lively` it writes the same lines and nothing else."""

    out: TextIO
    lively: bool = False
    width: int = field(default_factory=lambda: shutil.get_terminal_size().columns)
    _bar: str = ""

    @classmethod
    def on(cls, out: TextIO) -> Screen:
        """Return the screen that suits a stream."""
        return cls(out, is_lively(out))

    def line(self, text: str = "") -> None:
        """Write one line, above the bar if there is one."""
        self._write(f"{ERASE}{text}\n{self._bar}" if self._bar else f"{text}\n")

    def bar(self, done: int, total: int, words: str) -> None:
        """Draw the bar, or draw it anew; nothing without a terminal."""
        if self.lively:
            full = BAR_WIDTH * done // max(total, 1)
            text = f"{'█' * full}{'░' * (BAR_WIDTH - full)} {done}/{total} {words}"
            self._bar = text[: self.width - 1]
            self._write(ERASE + self._bar)

    def end_bar(self) -> None:
        """Take the bar away."""
        if self._bar:
            self._bar = ""
            self._write(ERASE)

    def paint(self, text: str, colour: str) -> str:
        """Return a text in one of the colours, or as it is without a terminal."""
        return f"\x1b[{CODES[colour]}m{text}\x1b[0m" if self.lively else text

    def tick(self, good: bool) -> str:
        """Return the mark of a row, in words where the stream cannot carry the sign."""
        mark, word = ("✓", "ok") if good else ("✗", "NO")
        try:
            mark.encode(self.out.encoding or "ascii")
        except UnicodeEncodeError:
            mark = word
        return self.paint(mark, "green" if good else "red")

    def table(self, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
        """Write columns, as wide as their longest cell."""
        widths = [max(len(plain(row[column])) for row in (head, *rows)) for column in range(len(head))]
        self.line(self.paint(_row(head, widths), "bold"))
        for row in rows:
            self.line(_row(row, widths))

    def _write(self, text: str) -> None:
        encoding = self.out.encoding or "utf-8"
        self.out.write(text.encode(encoding, "replace").decode(encoding))
        self.out.flush()


def _row(cells: tuple[str, ...], widths: list[int]) -> str:
    padded = (cell + " " * (width - len(plain(cell))) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()
