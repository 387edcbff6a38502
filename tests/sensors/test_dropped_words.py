"""The words of a `ResourceWarning`: read for what they say, whatever a library or a path puts into them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Watch

from no_leaks import ledger
from no_leaks.ledger import Ledger
from no_leaks.model import Owner
from no_leaks.sensors import dropped, strays

Make = Callable[..., Watch]

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.usefixtures("no_outer_session")]


def code_in(file: str) -> Callable[[], FrameType]:
    """Return a function that stands in a file, and returns its own frame."""
    space: dict[str, Any] = {"sys": sys}
    exec(compile("def frame():\n    return sys._getframe()\n", file, "exec"), space)  # the file's name is the point
    found: Callable[[], FrameType] = space["frame"]
    return found


@pytest.mark.parametrize(
    ("file", "stray"),
    [
        ("/x/_pytest/runner.py", True),
        ("/x/pluggy/_callers.py", True),
        ("/x/_pytest/python.py", False),
        ("/x/_pytest/unittest.py", False),
        ("/srv/shop/cart.py", False),
        ("/usr/lib/python3/warnings.py", False),
    ],
)
def test_what_the_runner_itself_drops_is_nobodys(clean_faults: None, file: str, stray: bool) -> None:
    """The traceback of an earlier failure, say; what falls from a returning test is the test's."""
    book = Ledger(Owner("function"))
    with ledger.at_work(book):
        dropped.write("unclosed file <none>", code_in(file)())
    assert (len(strays.kept), len(book.losses)) == ((1, 0) if stray else (0, 1))


def test_without_a_frame_it_is_the_scopes(clean_faults: None) -> None:
    """C code may drop the last reference where no Python runs."""
    book = Ledger(Owner("function"))
    with ledger.at_work(book):
        dropped.write("unclosed file <none>", None)
    assert len(book.losses) == 1


@pytest.mark.parametrize(
    ("text", "type_", "kind"),
    [
        ("unclosed transport <_SelectorSocketTransport closing fd=9>", "transport", "unclosed"),
        ("unclosed event loop <_UnixSelectorEventLoop running=False>", "event loop", "unclosed"),
        ("unclosed database in <sqlite3.Connection object at 0x7f>", "database", "unclosed"),
        ("Async generator <agen> dropped", "async generator", "tasks"),
        ("Unclosed client session", "object", "unclosed"),
    ],
)
def test_a_warning_is_called_by_its_words(clean_faults: None, text: str, type_: str, kind: str) -> None:
    """A library's own warning is heard too, and called an object."""
    book = Ledger(Owner("function"))
    with ledger.at_work(book):
        dropped.write(text, None)
    (loss,) = book.losses
    assert (loss.resource.type, loss.kind) == (type_, kind)
    assert "0x" not in loss.resource.detail


NAMES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30)


@given(NAMES)
def test_a_files_name_is_read_back_from_its_warning(name: str) -> None:
    """Whatever a path holds: quotes, line breaks, brackets."""
    found = dropped._NAME.search(f"unclosed file <_io.TextIOWrapper name={name!r} mode='r' encoding='UTF-8'>")
    assert found is not None
    assert dropped.ast.literal_eval(found[1]) == name


@given(st.binary(min_size=1, max_size=30))
def test_a_files_name_in_bytes_is_read_back(name: bytes) -> None:
    """Paths may be bytes."""
    found = dropped._NAME.search(f"unclosed file <_io.FileIO name={name!r} mode='rb' closefd=True>")
    assert found is not None
    assert dropped.ast.literal_eval(found[1]) == name


@given(st.text(max_size=400))
def test_a_detail_is_short_on_one_line_and_without_addresses(text: str) -> None:
    """Two runs of one leak read the same."""
    detail = dropped._detail(f"{text} at 0x7f00aa {text}")
    assert len(detail) <= 200
    assert detail.splitlines() in ([], [detail])
    assert dropped._ADDRESS.search(detail) is None


@given(st.integers(0, 10**9))
def test_a_number_is_read_back_from_its_warning(number: int) -> None:
    """Descriptors and pids are identities."""
    assert dropped._identity(f"unclosed <socket.socket fd={number}, family=2>") == f"fd {number}"
    assert dropped._identity(f"subprocess {number} is still running") == f"pid {number}"
    assert dropped._identity(f"unclosed transport <X pid={number} running>") == f"pid {number}"


@given(st.text(max_size=60))
def test_any_text_is_a_loss_and_no_error(text: str) -> None:
    """A library may warn of anything."""
    book = Ledger(Owner("function"))
    with ledger.at_work(book):
        dropped.write(text, None)
        dropped.write(f"unclosed file {text}", None)
    assert len(book.losses) == 2
