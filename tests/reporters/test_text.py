"""Text: the block of one leak, the headline of many."""

from __future__ import annotations

from pathlib import Path

import pytest

from no_leaks.model import Evidence, Frame, Leak, Owner, Resource, Verdict
from no_leaks.reporters import text

CONNECT = Frame("src/shop/http.py", 3, "Client._connect", True)
GET = Frame("src/shop/http.py", 58, "Client.get", True)
TEST = Frame("tests/test_client.py", 17, "test_fetch", True)
LIBRARY = Frame("socket.py", 850, "create_connection", False)
LEAK = Leak(
    fingerprint="nl-7f3a1c09be42",
    kind="sockets",
    verdict=Verdict.LEAK,
    confidence="definite",
    test="tests/test_client.py::test_fetch",
    owner=Owner("function"),
    summary="a TCP socket was opened and never closed",
    resource=Resource("socket", "fd 11", "127.0.0.1:50214 -> 127.0.0.1:8081"),
    created_at=(CONNECT, GET, TEST, LIBRARY, LIBRARY),
    held_by=("module shop.registry", "_CLIENTS", "['profile']", "Client._conn"),
    evidence=Evidence(6, 0.063, (1, 1)),
    hint="close the client: `async with Client(addr) as c:`",
    age_s=0.42,
    done="closed",
)
BEST = """\
______________________ leak: sockets · nl-7f3a1c09be42 · definite ______________________
A TCP socket was opened and never closed.
  socket fd 11, 127.0.0.1:50214 -> 127.0.0.1:8081, open for 0.42 s
  opened at   src/shop/http.py:3 in Client._connect
            >   self._conn = socket.create_connection(self.addr, timeout=2)
              src/shop/http.py:58 in Client.get · tests/test_client.py:17 in test_fetch  (+2 library frames)
  held by     module shop.registry -> _CLIENTS -> ['profile'] -> Client._conn
  evidence    still open after 6 looks in 63 ms; +1 on each of 2 repetitions
  fix         close the client: `async with Client(addr) as c:`
  if intended @pytest.mark.allow_leaks("sockets", reason="...")
  done        closed after this report
  repeat      pytest "tests/test_client.py::test_fetch" --no-leaks --no-leaks-kinds=sockets"""


@pytest.fixture
def root(tmp_path: Path) -> str:
    """A project with the source line that leaks."""
    (tmp_path / "src/shop").mkdir(parents=True)
    line = "        self._conn = socket.create_connection(self.addr, timeout=2)\n"
    (tmp_path / "src/shop/http.py").write_text("\n\n" + line)
    return str(tmp_path)


def row(label: str, leak: Leak, root: str = "") -> str:
    """Return the row of a label; "" where the block has none."""
    start = f"  {label:<11} "
    return next((line[len(start) :] for line, _ in text.lines(leak, root) if line.startswith(start)), "")


def test_a_report_at_its_best(root: str) -> None:
    """Every part in its place, as the documentation shows it."""
    assert text.render([LEAK], root) == BEST


def test_parts_that_are_not_known_are_left_out() -> None:
    """No empty label is printed."""
    bare = Leak("nl-0", "memory", Verdict.LEAK, "probable", None, Owner("session"), "it grew", Resource("dict", "d"))
    assert text.render([bare], "").splitlines()[1:] == [
        "It grew.",
        "  dict d",
        '  if intended @pytest.mark.allow_leaks("memory", reason="...")',
    ]


def test_the_sentence_is_bad_and_the_fix_is_good(root: str) -> None:
    """Styles are names; the terminal gives them colours."""
    styles = {line.strip()[:6]: style for line, style in text.lines(LEAK, root)}
    assert (styles["A TCP "], styles["fix   "], styles[">   se"], styles["repeat"]) == ("bad", "good", "source", "dim")


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ("files", "opened at"),
        ("threads", "started at"),
        ("tasks", "created at"),
        ("state", "changed at"),
        ("memory", "grown at"),
    ],
)
def test_each_kind_has_its_verb(kind: str, label: str) -> None:
    """A file is opened, a thread is started."""
    assert row(label, LEAK._replace(kind=kind)) == "src/shop/http.py:3 in Client._connect"


def test_a_fixture_is_named() -> None:
    """A leak of a wider scope is its fixture's."""
    assert row("owner", LEAK._replace(owner=Owner("session", "client"))) == "fixture 'client' (session scope)"


def test_a_fixtures_place_is_said() -> None:
    """Where it was written; xunit's functions bear the user's own words."""
    written = Owner("session", "client", place="conftest.py:12")
    assert row("owner", LEAK._replace(owner=written)) == "fixture 'client' (session scope), conftest.py:12"
    xunit = Owner("module", "setup_module of test_a.py", place="test_a.py:3")
    assert row("owner", LEAK._replace(owner=xunit)) == "setup_module of test_a.py, test_a.py:3"


@pytest.mark.parametrize(
    ("scope", "marker"),
    [
        ("class", '@pytest.mark.allow_leaks("sockets", reason="...")'),
        ("module", 'pytestmark = pytest.mark.allow_leaks("sockets", reason="...")'),
        ("package", ""),
        ("session", ""),
    ],
)
def test_a_fixtures_leak_is_allowed_where_a_marker_can_stand(scope: str, marker: str) -> None:
    """On the class or module that the fixture is set up for."""
    leak = LEAK._replace(kind="sockets", test=None, owner=Owner(scope, "client"))
    assert text.allowance(leak) == marker


def test_where_it_is_now_and_what_it_waits_for() -> None:
    """A thread has a place and a reason to be there."""
    leak = LEAK._replace(kind="threads", now_at=(LIBRARY, TEST), waits_for="lock.acquire()")
    assert row("now at", leak) == "tests/test_client.py:17 in test_fetch"
    assert row("waits for", leak) == "lock.acquire()"


def test_library_frames_stand_in_for_the_users() -> None:
    """What no code of the user's made is shown where the library made it."""
    leak = LEAK._replace(created_at=(LIBRARY,) * 9)
    assert row("opened at", leak) == "socket.py:850 in create_connection"
    assert any(line.endswith("(+3 library frames)") for line, _ in text.lines(leak, ""))


def test_deep_stacks_are_folded() -> None:
    """Six frames of the user's tell enough."""
    leak = LEAK._replace(created_at=(CONNECT,) * 9)
    assert any(line.endswith("(+3 frames)") for line, _ in text.lines(leak, ""))


def test_a_proof_takes_the_place_of_looks() -> None:
    """What is proven needs no counting."""
    assert text.evidence(LEAK._replace(proof="nothing can reach it", evidence=Evidence(6, 1))) == "nothing can reach it"


def test_uneven_growth_is_listed() -> None:
    """Each round is shown where they differ."""
    assert text.evidence(LEAK._replace(evidence=Evidence(0, 0, (2, 1, 3)))) == "+2, +1, +3 on 3 repetitions"


def test_one_look_is_singular() -> None:
    """Small things are spelled right."""
    assert text.evidence(LEAK._replace(evidence=Evidence(1, 0.0005))) == "still open after 1 look in 500 us"


def test_an_identity_is_not_said_twice() -> None:
    """A name that begins with its type stands alone."""
    assert "  thread worker, running" in text.render(
        [LEAK._replace(kind="threads", resource=Resource("thread", "thread worker", "running"))], ""
    )


def test_an_allowed_leak_says_why_and_offers_no_marker() -> None:
    """The reason is the user's own."""
    leak = LEAK._replace(verdict=Verdict.ALLOWED, reason="pool is kept warm")
    assert (row("allowed", leak), row("if intended", leak)) == ("pool is kept warm", "")


def test_a_known_leak_has_a_plain_reason() -> None:
    """A baseline has its words too."""
    assert row("reason", LEAK._replace(verdict=Verdict.KNOWN, reason="since 2.1")) == "since 2.1"


def test_a_leak_of_no_test_has_no_command() -> None:
    """There is nothing to repeat."""
    assert text.repeat(LEAK._replace(test=None)) == ""


def test_an_odd_test_name_is_quoted_for_the_shell() -> None:
    """Parameters may hold quotes and dollar signs."""
    leak = LEAK._replace(test='tests/test_a.py::test_x["$HOME"]')
    assert text.repeat(leak).startswith("""pytest 'tests/test_a.py::test_x["$HOME"]' --no-leaks""")


def test_a_password_in_the_source_line_is_masked(tmp_path: Path) -> None:
    """The line is shown as it stands in the file, but for secrets in URLs."""
    (tmp_path / "a.py").write_text('connect("redis://:hunter2@cache/0", password=password)\n')
    leak = LEAK._replace(created_at=(Frame("a.py", 1, "f", True),))
    assert '>   connect("redis://:***@cache/0", password=password)' in text.render([leak], str(tmp_path))


def test_long_rows_break_between_steps() -> None:
    """No path is cut; the next line begins under the first."""
    leak = LEAK._replace(held_by=("module " + "a" * 40, "b" * 40, "c"))
    assert [line for line, _ in text.lines(leak, "") if "aaaa" in line or "bbbb" in line] == [
        f"  held by     module {'a' * 40} ->",
        f"              {'b' * 40} -> c",
    ]


def test_equal_leaks_of_one_test_make_one_block() -> None:
    """The others are named by their identity."""
    twin = LEAK._replace(resource=Resource("socket", "fd 12"))
    rendered = text.render([LEAK, twin], "")
    assert rendered.count("leak: sockets") == 1
    assert "occurrences 2 here, also fd 12" in rendered


def test_other_tests_are_listed() -> None:
    """One cause in many tests is one cause."""
    leak = LEAK._replace(occurrences=7, also_in=tuple(f"t.py::test_{name}" for name in "abcdef"))
    assert row("occurrences", leak).startswith("7 in all, also in t.py::test_a, t.py::test_b")
    assert "and 2 more" in text.render([leak], "")


def test_blocks_are_apart() -> None:
    """Two causes are two blocks with a blank line between."""
    assert "\n\n__" in text.render([LEAK, LEAK._replace(fingerprint="nl-1")], "")


def test_the_headline_of_one() -> None:
    """What, the verb, and the place."""
    assert text.headline([LEAK]) == "1 leak: TCP socket opened at src/shop/http.py:3"


def test_the_headline_counts_equal_ones() -> None:
    """Equal leaks are named once."""
    assert text.headline([LEAK, LEAK]) == "2 leaks: TCP socket opened at src/shop/http.py:3 (2 times)"


def test_the_headline_names_several() -> None:
    """Different leaks are listed."""
    thread = LEAK._replace(fingerprint="nl-1", summary="a thread was started and never joined", created_at=())
    assert text.headline([LEAK, thread]) == "2 leaks: TCP socket opened at src/shop/http.py:3, thread started (fd 11)"


def test_the_headline_is_bounded() -> None:
    """It has to fit into one line of a summary."""
    many = [LEAK._replace(fingerprint=f"nl-{number}") for number in range(20)]
    assert len(text.headline(many)) <= text.HEADLINE
    assert text.headline(many).endswith(", ...")


def test_a_headline_of_one_long_name_is_cut() -> None:
    """A single name may be too long by itself."""
    long = LEAK._replace(created_at=(CONNECT._replace(file="x" * 200),))
    assert len(text.headline([long])) == text.HEADLINE


def test_a_summary_of_another_form_is_replaced_by_the_type() -> None:
    """The headline does not depend on how a probe words its sentence."""
    assert text.headline([LEAK._replace(summary="something is odd")]) == "1 leak: socket opened at src/shop/http.py:3"
