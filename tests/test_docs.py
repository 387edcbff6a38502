"""The documentation is true: its Python snippets run under the plugin, its links lead somewhere, its tables match the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from no_leaks.cli.limits import LIMITS

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])
SNIPPET = re.compile(
    r"(?:<!-- outcome: (?P<outcome>[^>]*) -->\n)?^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"\]\((?!https?:)(?P<path>[^)#]*)(?:#(?P<anchor>[^)]*))?\)")


class Snippet(NamedTuple):
    """One Python block: what the comment above it promises, "none" where it holds no test."""

    place: str
    code: str
    outcome: str


def snippets() -> Iterator[Snippet]:
    """Yield every Python block of the documentation."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in SNIPPET.finditer(text):
            line = text[: found.start("code")].count("\n") + 1
            yield Snippet(f"{page.relative_to(ROOT)}:{line}", found["code"], found["outcome"] or "none")


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("snippet", list(snippets()), ids=lambda snippet: snippet.place)
def test_a_snippet_does_what_the_page_says(
    snippet: Snippet, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each block runs as a test file under --no-leaks, with the outcome that the comment above it promises."""
    # The inner run takes only what the snippet needs: to load the plugins of our tests takes two seconds.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(test_snippet=snippet.code)
    result = pytester.runpytest_subprocess("--no-leaks", "-p", "no_leaks", "-p", "anyio", "test_snippet.py")

    if snippet.outcome == "none":
        assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED, result.stdout.str()
    else:
        promised = {name: int(count) for name, _, count in (word.partition("=") for word in snippet.outcome.split())}
        result.assert_outcomes(**promised)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A link inside the repository names a file that is there, and an anchor that one of its headings makes."""
    for link in LINK.finditer(page.read_text(encoding="utf-8")):
        target = (page.parent / link["path"]).resolve() if link["path"] else page
        assert target.exists(), link.group()
        assert not link["anchor"] or link["anchor"] in anchors(target), link.group()


@pytest.mark.parametrize("kind", LIMITS)
def test_the_reference_says_of_each_kind_what_the_doctor_says(kind: str) -> None:
    """Each kind has its own heading, and below it the doctor's two sentences."""
    section = (
        (ROOT / "docs" / "reference.md").read_text(encoding="utf-8").partition(f"### {kind}\n")[2].partition("\n#")[0]
    )

    assert LIMITS[kind].sees in section
    assert LIMITS[kind].blind in section


def test_the_architecture_page_is_short_and_names_every_room() -> None:
    """ARCHITECTURE.md has at most 120 lines, and each part of the package stands in it."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    source = ROOT / "src" / "no_leaks"
    files = {path.name for path in source.glob("[a-z]*.py")}
    folders = {f"{path.parent.name}/" for path in source.glob("[a-z]*/__init__.py")}

    assert text.count("\n") <= 120
    assert not {room for room in files | folders if room not in text}
